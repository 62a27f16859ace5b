//! Judging what an image is and declares.

use std::collections::BTreeSet;

use super::window::Window;
use crate::model::{BuildStep, FactId, Inspection, LayerBytes, Outcome, Weakness};

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
/// The share of an image that may be waste, in percent, and how much waste matters at all.
const MOST_WASTE: u64 = 10;
const SMALLEST_WASTE: u64 = 1 << 20;
/// How many layers, and how many weaknesses, are told one by one.
const TOLD: usize = 5;
/// The severities that matter, as scanners write them, in small letters.
const GRAVE: [&str; 2] = ["critical", "high"];

/// The command line names a program and not a line for a shell; a script that is started ends by becoming what it starts.
pub(super) fn is_exec_form(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Command { words, last_line } => Some((words, last_line)),
        _ => None,
    });
    let Some((id, (words, last_line))) = found else { return Outcome::undecided_when(window.over, "the app's command line") };
    let broken = |seen: String| {
        Outcome::broken(format!("`{}` is started in exec form, without a shell in between", window.app()), seen, vec![id])
    };
    if let [shell, flag, line, ..] = &words[..]
        && super::process::is_shell_name(shell)
        && flag.starts_with('-')
        && flag.ends_with('c')
        && !line.trim_start().starts_with("exec ")
    {
        return broken(format!("the command is {words:?}"));
    }
    match last_line {
        Some(last) if !last.starts_with("exec ") => {
            let script = words.first().map_or("", String::as_str);
            broken(format!("{script} is a script that ends in `{last}` and not in `exec`"))
        }
        _ => Outcome::Held(vec![id]),
    }
}

/// Somebody in the container handles the signal that stops it.
pub(super) fn handles_stop_signal(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Signals { handled } => Some(*handled),
        _ => None,
    });
    let Some((id, handled)) = found else { return Outcome::undecided_when(window.over, "which signals the app handles") };
    let (app, name) = (window.app(), &window.contract.stop_signal);
    let number = signal_number(name);
    if number.is_some_and(|number| handled & (1 << (number - 1)) != 0) {
        return Outcome::Held(vec![id]);
    }
    let seen = match number {
        Some(9 | 19) => format!("nobody can handle {name}"),
        Some(_) => format!("no process of it has a handler for {name}, or waits for it"),
        None => format!("there is no signal {name}"),
    };
    Outcome::broken(format!("`{app}` handles {name}, its stop signal"), seen, vec![id])
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
pub(super) fn exposes_its_ports(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Ports { exposed, inherited, listening } => Some((exposed, inherited, listening)),
        _ => None,
    });
    let Some((id, (exposed, inherited, listening))) = found else {
        return Outcome::undecided_when(window.over, "the ports of the app");
    };
    let seen = wrong_ports(exposed, inherited, listening);
    if seen.is_empty() {
        return Outcome::Held(vec![id]);
    }
    let expected = format!("the image of `{}` exposes the ports on which it listens", window.app());
    Outcome::broken(expected, seen.join("; "), vec![id])
}

fn wrong_ports(exposed: &BTreeSet<u16>, inherited: &BTreeSet<u16>, listening: &BTreeSet<u16>) -> Vec<String> {
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
    seen
}

/// The image has the labels by which it can be found again.
pub(super) fn is_labelled(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Labels { labels } => Some(labels),
        _ => None,
    });
    let Some((id, labels)) = found else { return Outcome::undecided_when(window.over, "the labels of the image") };
    let is_missing = |name: &str| labels.get(&format!("{PREFIX}{name}")).is_none_or(|value| value.trim().is_empty());
    let missing: Vec<String> = LABELS.iter().filter(|name| is_missing(name)).map(|name| format!("{PREFIX}{name}")).collect();
    if missing.is_empty() {
        return Outcome::Held(vec![id]);
    }
    let expected = format!("the image of `{}` says what it is and where it came from", window.app());
    Outcome::broken(expected, format!("it lacks {}", missing.join(", ")), vec![id])
}

/// The image is no larger than the contract allows, in bytes.
pub(super) fn fits(window: &Window<'_>) -> Outcome {
    let Some(limit) = window.contract.image_size_limit else {
        return Outcome::NotApplicable("the contract has no image_size_limit".into());
    };
    let found = window.inspected(|inspection| match inspection {
        Inspection::ImageSize { bytes, layers } => Some((*bytes, layers)),
        _ => None,
    });
    let Some((id, (size, layers))) = found else { return Outcome::undecided_when(window.over, "the size of the image") };
    if size <= limit {
        return Outcome::Held(vec![id]);
    }
    let largest = largest(layers, 3, "in");
    let seen = format!("it has {}: {largest}", bytes(size));
    Outcome::broken(format!("the image has at most {}", bytes(limit)), seen, vec![id])
}

/// Little of what the layers above the base image hold is overwritten or deleted by later ones. What a base image brings is stored
/// once for all that are made from it, and to take it away may be right.
pub(super) fn wastes_little(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Waste { bytes, wasted } => Some((*bytes, wasted)),
        _ => None,
    });
    let Some((id, (size, layers))) = found else { return Outcome::undecided_when(window.over, "what the image wastes") };
    let wasted = layers.iter().map(|layer| layer.bytes).sum::<u64>();
    if wasted < SMALLEST_WASTE || wasted * 100 < size * MOST_WASTE {
        return Outcome::Held(vec![id]);
    }
    Outcome::broken(
        format!("less than {MOST_WASTE} % of the image is overwritten or deleted by later layers"),
        format!("{} of {} are: {}", bytes(wasted), bytes(size), largest(layers, TOLD, "by")),
        vec![id],
    )
}

fn largest(layers: &[LayerBytes], count: usize, by: &str) -> String {
    let mut layers: Vec<&LayerBytes> = layers.iter().collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.bytes));
    let told = layers.iter().take(count).map(|layer| format!("{} {by} {}", bytes(layer.bytes), layer.layer));
    told.collect::<Vec<_>>().join("; ")
}

/// After one source file has changed, no step that installs dependencies is made again.
pub(super) fn reuses_dependencies(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Rebuild { touched, steps } => Some((touched, steps)),
        _ => None,
    });
    let Some((id, (touched, steps))) = found else { return Outcome::undecided_when(window.over, "the second build") };
    let made: Vec<&BuildStep> = steps.iter().filter(|step| step.installs && !step.cached).collect();
    if made.is_empty() {
        return Outcome::Held(vec![id]);
    }
    let shown: Vec<String> = made.iter().map(|step| format!("`{}`", step.instruction)).collect();
    Outcome::broken(
        "after a change of one source file the dependencies are taken from the build cache",
        format!("after a change of {touched} these were made again: {}", shown.join(", ")),
        vec![id],
    )
}

/// No weakness in a report is high or critical. What the scanner was told to ignore is not in its report.
pub(super) fn has_no_grave_weakness(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Weaknesses { found, .. } => Some(found),
        _ => None,
    });
    let Some((id, found)) = found else { return Outcome::undecided_when(window.over, "what a scanner reports") };
    let grave: Vec<&Weakness> = found.iter().filter(|weakness| GRAVE.contains(&weakness.severity.as_str())).collect();
    if grave.is_empty() {
        return Outcome::Held(vec![id]);
    }
    let count = |severity: &str| grave.iter().filter(|weakness| weakness.severity == severity).count();
    let told: Vec<String> = grave.iter().take(TOLD).map(|weakness| describe(weakness)).collect();
    let more = if grave.len() > TOLD { format!("; and {} more", grave.len() - TOLD) } else { String::new() };
    Outcome::broken(
        "the image has no known high or critical vulnerability",
        format!("{} critical, {} high: {}{more}", count("critical"), count("high"), told.join("; ")),
        vec![id],
    )
}

fn describe(Weakness { severity, id, package, fixed_in }: &Weakness) -> String {
    let fixed = if fixed_in.is_empty() { "not fixed yet".to_owned() } else { format!("fixed in {fixed_in}") };
    format!("{id} in {package} ({severity}, {fixed})")
}

fn user<'a>(window: &Window<'a>) -> Option<(FactId, (&'a str, Option<u64>))> {
    window.inspected(|inspection| match inspection {
        Inspection::User { declared, uid } => Some((declared.as_str(), *uid)),
        _ => None,
    })
}

/// The user that the app is started as is another one than root, whatever the spelling: a number, a name that the container's own
/// `/etc/passwd` knows, each perhaps with a group after a colon. No user means root.
pub(super) fn user_is_not_root(window: &Window<'_>) -> Outcome {
    let Some((id, (declared, uid))) = user(window) else { return Outcome::undecided_when(window.over, "the user of the app") };
    let user = declared.split(':').next().unwrap_or_default();
    let seen = match uid {
        _ if user.is_empty() => "no USER is set, which means root".to_owned(),
        None => format!("USER is `{declared}`, and /etc/passwd of the image knows no `{user}`"),
        Some(0) if user.parse::<u32>().is_ok() => format!("USER is `{declared}`"),
        Some(0) => format!("USER is `{declared}`, and `{user}` has the uid 0"),
        Some(_) => return Outcome::Held(vec![id]),
    };
    Outcome::broken(format!("`{}` is started as a user other than root", window.app()), seen, vec![id])
}

/// That user is given as a number. That there is none is another check's business.
pub(super) fn user_is_numeric(window: &Window<'_>) -> Outcome {
    let Some((id, (declared, _))) = user(window) else { return Outcome::undecided_when(window.over, "the user of the app") };
    let user = declared.split(':').next().unwrap_or_default();
    if user.is_empty() || user.parse::<u32>().is_ok() {
        return Outcome::Held(vec![id]);
    }
    let expected = format!("the user of `{}` is a number", window.app());
    Outcome::broken(expected, format!("USER is `{declared}`, a name"), vec![id])
}

/// A size as people read it, in units of 1024.
fn bytes(size: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, of) in UNITS {
        if size >= of {
            return format!("{}.{} {unit}", size / of, size % of * 10 / of);
        }
    }
    format!("{size} bytes")
}
