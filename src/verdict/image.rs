//! Judging what an image declares.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Finding;
use super::words::seconds;

/// Labels that say what an image is and where it came from (OCI image specification, "Pre-Defined Annotation Keys").
const LABELS: [&str; 4] = ["title", "version", "source", "revision"];
/// Their common beginning.
const PREFIX: &str = "org.opencontainers.image.";
/// The signals of Linux from 1 on, the same on x86 and ARM.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
    "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
/// The first real-time signal that the C library leaves to programs.
const FIRST_REAL_TIME: u32 = 34;
/// From here on ports are given out at random (`net.ipv4.ip_local_port_range`).
const FIRST_EPHEMERAL: u16 = 32768;
/// The engine's values where none are set.
const DEFAULT_TIME: Duration = Duration::from_secs(30);
const DEFAULT_RETRIES: u32 = 3;
/// Within this time a health check has to notice.
const DETECTION: Duration = Duration::from_mins(2);

/// The command line names a program and not a line for a shell. `script` is the text of the file that is started, if that is one:
/// it has to end by becoming what it starts.
pub fn is_exec_form(app: &str, command: &[String], script: Option<&str>) -> Result<(), Finding> {
    let broken =
        |seen: String| Err(Finding { expected: format!("`{app}` is started in exec form, without a shell in between"), seen });
    let is_shell = |word: &str| super::process::is_shell_name(word);
    if let [shell, flag, line, ..] = command
        && is_shell(shell)
        && flag.starts_with('-')
        && flag.ends_with('c')
        && !line.trim_start().starts_with("exec ")
    {
        return broken(format!("the command is {command:?}"));
    }
    let Some(script) = script.filter(|script| is_shell_script(script)) else { return Ok(()) };
    let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let last = lines.rfind(|line| !["fi", "done", "esac", "}", ";;"].contains(line)).unwrap_or_default();
    if last.starts_with("exec ") {
        return Ok(());
    }
    broken(format!("{} is a script that ends in `{last}` and not in `exec`", command.first().map_or("", String::as_str)))
}

/// Somebody in the container handles the signal that stops it.
pub fn handles_stop_signal(app: &str, name: &str, handled: u64) -> Result<(), Finding> {
    let number = signal_number(name);
    if number.is_some_and(|number| handled & (1 << (number - 1)) != 0) {
        return Ok(());
    }
    let seen = match number {
        Some(9 | 19) => format!("nobody can handle {name}"),
        Some(_) => format!("no process of it has a handler for {name}, or waits for it"),
        None => format!("there is no signal {name}"),
    };
    Err(Finding { expected: format!("`{app}` handles {name}, its stop signal"), seen })
}

/// The number of a signal on Linux (signal(7)), by its name with or without SIG, or as a number.
fn signal_number(name: &str) -> Option<u32> {
    let name = name.to_ascii_uppercase();
    let bare = name.strip_prefix("SIG").unwrap_or(&name);
    if let Some(offset) = bare.strip_prefix("RTMIN") {
        return if offset.is_empty() {
            Some(FIRST_REAL_TIME)
        } else {
            Some(FIRST_REAL_TIME + offset.strip_prefix('+')?.parse::<u32>().ok()?)
        };
    }
    let by_name = SIGNALS.iter().zip(1..).find(|(signal, _)| **signal == bare).map(|(_, number)| number);
    by_name.or_else(|| bare.parse().ok().filter(|number| (1..=64).contains(number)))
}

/// The ports that an image exposes are those on which its app listens. What it inherits from its base can't be taken back, and does
/// not count when nothing listens there.
pub fn exposes_its_ports(
    app: &str,
    exposed: &BTreeSet<u16>,
    inherited: &BTreeSet<u16>,
    listening: &BTreeSet<u16>,
) -> Result<(), Finding> {
    let ports = |ports: &mut dyn Iterator<Item = &u16>| ports.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let hidden = ports(&mut listening.difference(exposed).filter(|port| **port < FIRST_EPHEMERAL));
    let silent = ports(&mut exposed.difference(listening).filter(|port| !inherited.contains(port)));
    let mut seen = vec![];
    if !hidden.is_empty() {
        seen.push(format!("it listens on {hidden} and does not expose it"));
    }
    if !silent.is_empty() {
        seen.push(format!("it exposes {silent}, where nothing listens"));
    }
    if seen.is_empty() {
        return Ok(());
    }
    Err(Finding { expected: format!("the image of `{app}` exposes the ports on which it listens"), seen: seen.join("; ") })
}

fn is_shell_script(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let program = first.strip_prefix("#!").and_then(|line| line.split_whitespace().rfind(|word| !word.starts_with('-')));
    program.is_some_and(super::process::is_shell_name)
}

/// The image has the labels by which it can be found again.
pub fn is_labelled(app: &str, labels: &BTreeMap<String, String>) -> Result<(), Finding> {
    let is_missing = |name: &str| labels.get(&format!("{PREFIX}{name}")).is_none_or(|value| value.trim().is_empty());
    let missing: Vec<String> = LABELS.iter().filter(|name| is_missing(name)).map(|name| format!("{PREFIX}{name}")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Finding {
        expected: format!("the image of `{app}` says what it is and where it came from"),
        seen: format!("it lacks {}", missing.join(", ")),
    })
}

/// The times of a health check, those that are not set as zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct HealthTimes {
    /// From one run to the next.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// How long failures do not count after the start.
    pub start_period: Duration,
    /// How many failures in a row count.
    pub retries: u32,
}

/// The times of a health check fit each other, the start of the app, and an outage.
pub fn is_well_timed(app: &str, times: HealthTimes, start: Duration) -> Result<(), Finding> {
    let or_default = |time: Duration| if time.is_zero() { DEFAULT_TIME } else { time };
    let (interval, timeout) = (or_default(times.interval), or_default(times.timeout));
    let retries = if times.retries == 0 { DEFAULT_RETRIES } else { times.retries };
    let broken = |expected: String, seen: String| Err(Finding { expected, seen });
    if timeout > interval {
        let expected = format!("a run of the health check of `{app}` may not take longer than from one run to the next");
        return broken(expected, format!("the time-out is {}, the interval {}", seconds(timeout), seconds(interval)));
    }
    let patience = times.start_period + interval * retries;
    if start > patience {
        let expected = format!("the health check lets `{app}` start");
        let seen = format!("it took {} to be ready, and is called unhealthy after {}", seconds(start), seconds(patience));
        return broken(expected, seen);
    }
    let detection = interval * retries + timeout;
    if detection > DETECTION {
        let expected = format!("the health check notices within {} that `{app}` is broken", seconds(DETECTION));
        return broken(
            expected,
            format!("it takes up to {}: {retries} times {}, and the time-out", seconds(detection), seconds(interval)),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stop_signal_needs_a_handler() {
        let handled = (1 << 14) | (1 << 2) | (1 << 36);
        for (name, is_handled) in [
            ("SIGTERM", true),
            ("TERM", true),
            ("15", true),
            ("sigquit", true),
            ("SIGRTMIN+3", true),
            ("SIGUSR2", false),
            ("SIGKILL", false),
            ("9", false),
            ("SIGNONE", false),
            ("0", false),
            ("65", false),
        ] {
            assert_eq!(handles_stop_signal("app", name, handled).is_ok(), is_handled, "{name}");
        }
    }

    #[test]
    fn exposed_ports_are_those_that_listen() {
        let judge = |exposed: &[u16], inherited: &[u16], listening: &[u16]| {
            let set = |ports: &[u16]| ports.iter().copied().collect();
            exposes_its_ports("app", &set(exposed), &set(inherited), &set(listening)).map_err(|finding| finding.seen)
        };
        assert_eq!(judge(&[8000], &[], &[8000]), Ok(()));
        assert_eq!(judge(&[80, 8080], &[80], &[8080]), Ok(()));
        assert_eq!(judge(&[8000], &[], &[8000, 40123]), Ok(()));
        assert_eq!(judge(&[8000, 9000], &[], &[8000]), Err("it exposes 9000, where nothing listens".into()));
        assert_eq!(judge(&[], &[], &[8000]), Err("it listens on 8000 and does not expose it".into()));
    }

    #[test]
    fn a_line_for_a_shell_is_told_from_a_program() {
        for (command, script, is_good) in [
            (&["python", "-m", "service"][..], None, true),
            (&["/bin/sh", "-c", "python -m service"], None, false),
            (&["bash", "-ec", "a && b"], None, false),
            (&["/bin/sh", "-c", "exec python -m service"], None, true),
            (&["/entrypoint.sh", "server"], Some("#!/bin/sh -e\nprepare\nexec \"$@\"\n"), true),
            (&["/entrypoint.sh", "server"], Some("#!/usr/bin/env bash\nif x; then\n  exec server\nfi\n"), true),
            (&["/entrypoint.sh", "server"], Some("#!/bin/sh\n# exec it\n\"$@\"\n"), false),
            (&["/serve.py"], Some("#!/usr/bin/env python3\nserve()\n"), true),
            (&[], None, true),
        ] {
            let words: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(is_exec_form("app", &words, script).is_ok(), is_good, "{command:?} {script:?}");
        }
    }

    #[test]
    fn every_label_has_to_say_something() {
        let mut labels: BTreeMap<String, String> = LABELS.iter().map(|name| (format!("{PREFIX}{name}"), "x".into())).collect();
        assert_eq!(is_labelled("app", &labels), Ok(()));
        labels.insert(format!("{PREFIX}source"), " ".into());
        assert!(is_labelled("app", &labels).is_err_and(|finding| finding.seen == "it lacks org.opencontainers.image.source"));
    }

    #[test]
    fn times_fit_each_other() {
        let seconds = Duration::from_secs;
        let times = |interval, timeout, start_period, retries| HealthTimes {
            interval: seconds(interval),
            timeout: seconds(timeout),
            start_period: seconds(start_period),
            retries,
        };
        for (times, start, is_good) in [
            (times(30, 5, 15, 3), 3, true),
            (HealthTimes::default(), 3, true),
            (times(10, 0, 0, 0), 3, false),
            (times(30, 60, 0, 3), 3, false),
            (times(5, 5, 0, 3), 20, false),
            (times(5, 5, 10, 3), 20, true),
            (times(60, 5, 0, 3), 3, false),
        ] {
            assert_eq!(is_well_timed("app", times, seconds(start)).is_ok(), is_good, "{times:?} {start}");
        }
    }
}
