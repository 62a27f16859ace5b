//! Who owns a run, and whether that process still lives.
//!
//! A process number alone says little: it is used again, and means another process in another container. So the label
//! also holds the boot of the machine, the namespace that the number belongs to, and when the process started.

use std::fs;

/// A process, told apart from every other one that ever had its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    host: String,
    boot: String,
    namespace: String,
    pid: u32,
    started: String,
}

/// What can be said of an owner from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The process runs.
    Alive,
    /// The process is gone for good.
    Dead,
    /// It belongs to another machine or container, or it left no trace.
    Unknown,
}

impl Owner {
    /// This process; nothing where the system does not tell.
    pub(super) fn this() -> Option<Self> {
        let pid = std::process::id();
        Some(Self {
            host: read("/proc/sys/kernel/hostname")?,
            boot: read("/proc/sys/kernel/random/boot_id")?,
            namespace: fs::read_link("/proc/self/ns/pid").ok()?.display().to_string(),
            pid,
            started: start_of(pid)?,
        })
    }

    /// As a label's value.
    pub(super) fn to_label(&self) -> String {
        [&self.host, &self.boot, &self.namespace, &self.pid.to_string(), &self.started].map(String::as_str).join(" ")
    }

    /// From a label's value.
    pub(super) fn from_label(label: &str) -> Option<Self> {
        let mut parts = label.split(' ').map(str::to_owned);
        let mut next = || parts.next();
        Some(Self { host: next()?, boot: next()?, namespace: next()?, pid: next()?.parse().ok()?, started: next()? })
    }

    /// Whether it still lives, as seen by another process. `local` says that the engine is on this machine.
    pub(super) fn life(&self, local: bool) -> Life {
        let Some(observer) = Self::this() else { return Life::Unknown };
        self.life_seen_by(&observer, local, start_of)
    }

    fn life_seen_by(&self, observer: &Self, local: bool, start_of: impl Fn(u32) -> Option<String>) -> Life {
        if self.boot != observer.boot {
            // An earlier boot of this machine, unless it is another machine that uses the same engine.
            return if local && self.host == observer.host { Life::Dead } else { Life::Unknown };
        }
        if self.namespace != observer.namespace {
            return Life::Unknown;
        }
        if start_of(self.pid).as_ref() == Some(&self.started) { Life::Alive } else { Life::Dead }
    }
}

fn read(file: &str) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

/// When a process started, in ticks since the boot; nothing when there is none, or only its remains.
fn start_of(pid: u32) -> Option<String> {
    let text = read(&format!("/proc/{pid}/stat"))?;
    // The name stands in brackets and may hold anything; the fields after it are numbered from 3.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, started) = (fields.first()?, fields.get(19)?);
    (!matches!(*state, "Z" | "X")).then(|| (*started).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        let [host, boot, namespace, started] = ["here", "boot-1", "pid:[1]", "100"].map(str::to_owned);
        Owner { host, boot, namespace, pid: 42, started }
    }

    #[test]
    fn this_process_is_alive() {
        let this = Owner::this().expect("told");
        assert_eq!(Owner::from_label(&this.to_label()), Some(this.clone()));
        assert_eq!(this.life(true), Life::Alive);
    }

    #[test]
    fn the_dead_are_told_from_strangers() {
        let observer = Owner { pid: 7, started: "5".into(), ..owner() };
        let life =
            |owner: &Owner, local, running: Option<&str>| owner.life_seen_by(&observer, local, |_| running.map(str::to_owned));
        assert_eq!(life(&owner(), true, Some("100")), Life::Alive);
        assert_eq!(life(&owner(), true, None), Life::Dead, "nobody has its number");
        assert_eq!(life(&owner(), true, Some("900")), Life::Dead, "somebody else has its number");
        let elsewhere = Owner { namespace: "pid:[2]".into(), ..owner() };
        assert_eq!(life(&elsewhere, true, None), Life::Unknown, "another container");
        let earlier = Owner { boot: "boot-0".into(), ..owner() };
        assert_eq!(life(&earlier, true, None), Life::Dead, "an earlier boot");
        assert_eq!(life(&earlier, false, None), Life::Unknown, "perhaps another machine");
        let stranger = Owner { host: "there".into(), boot: "boot-0".into(), ..owner() };
        assert_eq!(life(&stranger, true, None), Life::Unknown, "another machine");
    }
}
