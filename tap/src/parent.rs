//! A parent that passes no signal on: a known defect, as a shell in front of a server is one.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

/// A process that a signal has ended counts as this and the signal's number, as in a shell.
const SIGNALLED: i32 = 128;

/// Runs a command to its end, and ends as it did. As the first process of a container it has no handler for any signal, so the kernel drops
/// what it is sent (`pid_namespaces(7)`), and the command hears of nothing.
#[expect(clippy::disallowed_methods, reason = "starting a process is all that it is for")]
pub(crate) fn run(mut words: impl Iterator<Item = OsString>) -> io::Result<ExitCode> {
    let program = words.next().ok_or_else(|| io::Error::other("usage: seaworthy-tap run COMMAND ARGUMENT..."))?;
    let status = Command::new(program).args(words).status()?;
    let code = status.code().unwrap_or_else(|| SIGNALLED + status.signal().unwrap_or_default());
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_as_its_command_did() {
        let ended = |words: &[&str]| format!("{:?}", run(words.iter().map(OsString::from)).expect("it ran"));
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(ended(&["true"]), code(0));
        assert_eq!(ended(&["sh", "-c", "exit 3"]), code(3));
        assert_eq!(ended(&["sh", "-c", "kill -9 $$"]), code(137));
        assert!(run(["/no/such/program"].iter().map(OsString::from)).is_err());
        assert!(run(std::iter::empty()).is_err());
    }
}
