//! Judging what an image is and declares.

use std::collections::BTreeSet;

use super::window::Window;
use crate::image::size_in_words;
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
pub(super) fn signal_number(name: &str) -> Option<u32> {
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
        Inspection::Ports { exposed, inherited, listening, within } => Some((exposed, inherited, listening, within)),
        _ => None,
    });
    let Some((id, (exposed, inherited, listening, within))) = found else {
        return Outcome::undecided_when(window.over, "the ports of the app");
    };
    if exposed.is_empty() && listening.is_empty() {
        return Outcome::NotApplicable(format!("`{}` listens on no port, and its image exposes none", window.app()));
    }
    let seen = wrong_ports(exposed, inherited, listening, within);
    if seen.is_empty() {
        return Outcome::Held(vec![id]);
    }
    let expected = format!("the image of `{}` exposes the ports on which it listens", window.app());
    Outcome::broken(expected, seen.join("; "), vec![id])
}

fn wrong_ports(
    exposed: &BTreeSet<u16>,
    inherited: &BTreeSet<u16>,
    listening: &BTreeSet<u16>,
    within: &BTreeSet<u16>,
) -> Vec<String> {
    let ports = |ports: &mut dyn Iterator<Item = &u16>| ports.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let hidden = ports(&mut hidden(exposed, listening));
    let silent = || exposed.difference(listening).filter(|port| !inherited.contains(port));
    let private = ports(&mut silent().filter(|port| within.contains(port)));
    let silent = ports(&mut silent().filter(|port| !within.contains(port)));
    let told = [
        (hidden, "it listens on", " and does not expose it"),
        (private, "it exposes", ", where it listens on the loopback address alone"),
        (silent, "it exposes", ", where nothing listens"),
    ];
    let told = told.into_iter().filter(|(ports, ..)| !ports.is_empty());
    told.map(|(ports, before, after)| format!("{before} {ports}{after}")).collect()
}

/// The ports on which the app listens and which its image does not expose.
fn hidden<'a>(exposed: &'a BTreeSet<u16>, listening: &'a BTreeSet<u16>) -> impl Iterator<Item = &'a u16> {
    listening.difference(exposed).filter(|port| **port < FIRST_EPHEMERAL)
}

/// Whether the app listens on a port that its image does not expose.
pub(super) fn hides_a_port(window: &Window<'_>) -> bool {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Ports { exposed, listening, .. } => Some(hidden(exposed, listening).next().is_some()),
        _ => None,
    });
    found.is_some_and(|(_, hides)| hides)
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
    Outcome::broken(expected, format!("it lacks the labels {}", missing.join(", ")), vec![id])
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
    let seen = format!("it has {}: {largest}", size_in_words(size));
    Outcome::broken(format!("the image has at most {}", size_in_words(limit)), seen, vec![id])
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
        format!(
            "{} of {} are overwritten or deleted: {}",
            size_in_words(wasted),
            size_in_words(size),
            largest(layers, TOLD, "by")
        ),
        vec![id],
    )
}

fn largest(layers: &[LayerBytes], count: usize, by: &str) -> String {
    let mut layers: Vec<&LayerBytes> = layers.iter().collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.bytes));
    let told = layers.iter().take(count).map(|layer| format!("{} {by} {}", size_in_words(layer.bytes), layer.layer));
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
        format!("after a change of {touched} these steps ran again: {}", shown.join(", ")),
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

/// That user is given as a number. Where there is none, [`user_is_not_root`] tells it, and there is nothing that could be a number.
pub(super) fn user_is_numeric(window: &Window<'_>) -> Outcome {
    let Some((id, (declared, _))) = user(window) else { return Outcome::undecided_when(window.over, "the user of the app") };
    let user = declared.split(':').next().unwrap_or_default();
    if user.is_empty() {
        return Outcome::NotApplicable("no USER is set: see nonroot.image-user".into());
    }
    if user.parse::<u32>().is_ok() {
        return Outcome::Held(vec![id]);
    }
    let expected = format!("the user of `{}` is a number", window.app());
    Outcome::broken(expected, format!("USER is `{declared}`, a name"), vec![id])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compose::build_steps;
    use crate::image::testing::{GRYPE, TRIVY};
    use crate::image::{Identity, read_report};
    use crate::judge::Claim;
    use crate::judge::testing::{Case, held, is_broken, is_held};

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn the_stop_signal_needs_a_handler() {
        let handled = (1 << 14) | (1 << 2) | (1 << 36);
        for (name, seen) in [
            ("SIGTERM", None),
            ("TERM", None),
            ("15", None),
            ("sigquit", None),
            ("SIGRTMIN+3", None),
            ("SIGUSR2", Some("no process of it has a handler for SIGUSR2, or waits for it")),
            ("SIGKILL", Some("nobody can handle SIGKILL")),
            ("9", Some("nobody can handle 9")),
            ("SIGNONE", Some("there is no signal SIGNONE")),
            ("0", Some("there is no signal 0")),
            ("65", Some("there is no signal 65")),
        ] {
            let mut case = Case::shown([Inspection::Signals { handled }]);
            case.contract.stop_signal = name.into();
            match seen {
                None => assert_eq!(case.judge(&Claim::HandlesStopSignal), held([0]), "{name}"),
                Some(seen) => assert_eq!(case.seen(&Claim::HandlesStopSignal), seen),
            }
        }
    }

    #[test]
    fn exposed_ports_are_those_that_listen() {
        let case = |exposed: &[u16], inherited: &[u16], listening: &[u16]| {
            let set = |ports: &[u16]| ports.iter().copied().collect();
            Case::shown([Inspection::Ports {
                exposed: set(exposed),
                inherited: set(inherited),
                listening: set(listening),
                within: set(&[9100]),
            }])
        };
        let is_good = |case: Case| is_held(&case.judge(&Claim::ExposesItsPorts));
        assert!(is_good(case(&[8000], &[], &[8000])));
        assert!(is_good(case(&[80, 8080], &[80], &[8080])));
        assert!(is_good(case(&[8000], &[], &[8000, 40123])));
        let seen = |case: Case| case.seen(&Claim::ExposesItsPorts);
        assert_eq!(seen(case(&[8000, 9000], &[], &[8000])), "it exposes 9000, where nothing listens");
        let private = "it exposes 9100, where it listens on the loopback address alone";
        assert_eq!(seen(case(&[8000, 9100], &[], &[8000])), private);
        assert_eq!(seen(case(&[], &[], &[8000])), "it listens on 8000 and does not expose it");
        let both = "it listens on 8000 and does not expose it; it exposes 9000, where nothing listens";
        assert_eq!(seen(case(&[9000], &[], &[8000])), both);
    }

    #[test]
    fn a_line_for_a_shell_is_told_from_a_program() {
        for (command, last_line, is_good) in [
            (&["python", "-m", "service"][..], None, true),
            (&["/bin/sh", "-c", "python -m service"], None, false),
            (&["bash", "-ec", "a && b"], None, false),
            (&["/bin/sh", "-c", "exec python -m service"], None, true),
            (&["/entrypoint.sh", "server"], Some("exec \"$@\""), true),
            (&["/entrypoint.sh", "server"], Some("exec server"), true),
            (&["/entrypoint.sh", "server"], Some("\"$@\""), false),
            // Not a script for a shell.
            (&["/serve.py"], None, true),
            (&[], None, true),
        ] {
            let last_line = last_line.map(str::to_owned);
            let outcome = Case::shown([Inspection::Command { words: texts(command), last_line }]).judge(&Claim::ExecForm);
            assert_eq!((is_held(&outcome), is_broken(&outcome)), (is_good, !is_good), "{command:?}: {outcome:?}");
        }
    }

    #[test]
    fn every_label_has_to_say_something() {
        let mut labels: BTreeMap<String, String> = LABELS.iter().map(|name| (format!("{PREFIX}{name}"), "x".into())).collect();
        assert_eq!(Case::shown([Inspection::Labels { labels: labels.clone() }]).judge(&Claim::Labelled), held([0]));
        labels.insert(format!("{PREFIX}source"), " ".into());
        let seen = Case::shown([Inspection::Labels { labels }]).seen(&Claim::Labelled);
        assert_eq!(seen, "it lacks the labels org.opencontainers.image.source");
    }

    #[test]
    fn an_image_has_to_fit_where_there_is_a_limit() {
        let layer = |layer: &str, bytes| LayerBytes { layer: layer.into(), bytes };
        let layers =
            vec![layer("layer 1", 1 << 10), layer("layer 2, COPY . .", 3 << 20), layer("layer 3", 5), layer("layer 4", 6)];
        let mut case = Case::shown([Inspection::ImageSize { bytes: (3 << 20) + (1 << 10) + 11, layers }]);
        assert!(matches!(case.judge(&Claim::Fits), Outcome::NotApplicable(_)));
        case.contract.image_size_limit = Some(4 << 20);
        assert_eq!(case.judge(&Claim::Fits), held([0]));
        case.contract.image_size_limit = Some(3 << 20);
        let finding = case.finding(&Claim::Fits);
        assert_eq!(finding.expected, "the image has at most 3.0 MiB");
        assert_eq!(finding.seen, "it has 3.0 MiB: 3.0 MiB in layer 2, COPY . .; 1.0 KiB in layer 1; 6 bytes in layer 4");
    }

    #[test]
    fn waste_counts_when_it_is_a_share_of_the_image_and_large() {
        let case = |bytes, wasted| {
            let wasted = vec![LayerBytes { layer: "layer 2, RUN rm".into(), bytes: wasted }];
            Case::shown([Inspection::Waste { bytes, wasted }])
        };
        let (mib, little) = (1 << 20, (1 << 20) - 1);
        assert_eq!(case(2 * mib, little).judge(&Claim::LittleWaste), held([0]), "less than a MiB");
        assert_eq!(case(21 * mib, 2 * mib).judge(&Claim::LittleWaste), held([0]), "less than a tenth");
        let seen = case(20 * mib, 2 * mib).seen(&Claim::LittleWaste);
        assert_eq!(seen, "2.0 MiB of 20.0 MiB are overwritten or deleted: 2.0 MiB by layer 2, RUN rm");
    }

    const PROGRESS: &str = "#1 [app internal] load build definition from Dockerfile\n#1 DONE 0.0s\n#7 [app builder 4/5] RUN pip --python /x/python \
                            install --requirement requirements.txt\n#7 CACHED\n#8 [app runtime 3/5] COPY service/ service/\n#8 DONE 0.1s\n\
                            #9 [app runtime 4/5] RUN apt-get update && apt-get install --yes make\n";

    #[test]
    fn only_installations_that_are_made_again_count() {
        let rebuilt =
            |progress: &str| Case::shown([Inspection::Rebuild { touched: "service/a.py".into(), steps: build_steps(progress) }]);
        assert_eq!(rebuilt(&format!("{PROGRESS}#9 CACHED\n")).judge(&Claim::ReusesDependencies), held([0]));
        let made = rebuilt(&format!("{PROGRESS}#9 0.512 Reading package lists...\n#9 DONE 3.0s\n"));
        assert_eq!(
            made.seen(&Claim::ReusesDependencies),
            "after a change of service/a.py these steps ran again: `RUN apt-get update && apt-get install --yes make`"
        );
    }

    #[test]
    fn only_grave_weaknesses_count() {
        let scanned = |report: &str| {
            let found = read_report(report).expect("a report");
            Case::shown([Inspection::Weaknesses { by: "trivy".into(), found }])
        };
        let seen = |report: &str| scanned(report).seen(&Claim::NoGraveWeakness);
        let trivy = "1 critical, 1 high: CVE-2 in b 2.0 (critical, not fixed yet); CVE-1 in a 1.0 (high, fixed in 1.1)";
        assert_eq!(seen(TRIVY), trivy);
        assert_eq!(seen(GRYPE), "0 critical, 1 high: GHSA-1 in a 1.0 (high, fixed in 1.1)");
        let light = TRIVY.replace("HIGH", "MEDIUM").replace("CRITICAL", "UNKNOWN");
        assert_eq!(scanned(&light).judge(&Claim::NoGraveWeakness), held([0]));
        assert_eq!(scanned(r#"{"SchemaVersion": 2}"#).judge(&Claim::NoGraveWeakness), held([0]));
        assert!(matches!(Case::of([]).over().judge(&Claim::NoGraveWeakness), Outcome::Undecided(_)));
    }

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\nbroken\n";

    /// A look at the user that is declared, in an image with this table of users.
    fn declared(user: &str) -> Case {
        let name = user.split(':').next().unwrap_or_default();
        let uid = Identity::resolve(name, PASSWD, "").map(|identity| identity.uid);
        Case::shown([Inspection::User { declared: user.into(), uid }])
    }

    #[test]
    fn root_is_found_in_every_spelling() {
        for (user, is_root) in [
            ("", true),
            ("0", true),
            ("0:0", true),
            ("00", true),
            ("root", true),
            ("root:root", true),
            ("toor", true),
            ("toor:app", true),
            ("nobody-knows", true),
            (":10001", true),
            ("app", false),
            ("app:0", false),
            ("10001", false),
            ("10001:0", false),
            ("65532:65532", false),
        ] {
            let outcome = declared(user).judge(&Claim::UserIsNotRoot);
            assert_eq!((is_broken(&outcome), is_held(&outcome)), (is_root, !is_root), "{user:?}: {outcome:?}");
        }
        assert_eq!(declared("toor:app").seen(&Claim::UserIsNotRoot), "USER is `toor:app`, and `toor` has the uid 0");
        assert_eq!(declared("").seen(&Claim::UserIsNotRoot), "no USER is set, which means root");
    }

    #[test]
    fn a_name_is_no_number() {
        assert_eq!(declared("10001:app").judge(&Claim::UserIsNumeric), held([0]));
        let none = Outcome::NotApplicable("no USER is set: see nonroot.image-user".into());
        assert_eq!(declared("").judge(&Claim::UserIsNumeric), none, "nothing is no number");
        assert_eq!(declared("app").seen(&Claim::UserIsNumeric), "USER is `app`, a name");
    }

    #[test]
    fn what_was_not_looked_at_is_undecided() {
        let mut nothing = Case::of([]);
        nothing.contract.image_size_limit = Some(1);
        for claim in [
            Claim::ExecForm,
            Claim::HandlesStopSignal,
            Claim::ExposesItsPorts,
            Claim::Labelled,
            Claim::Fits,
            Claim::LittleWaste,
            Claim::ReusesDependencies,
            Claim::UserIsNotRoot,
            Claim::UserIsNumeric,
        ] {
            assert_eq!(nothing.judge(&claim), Outcome::Pending, "{claim:?}");
            assert!(matches!(nothing.clone().over().judge(&claim), Outcome::Undecided(_)), "{claim:?}");
        }
    }
}
