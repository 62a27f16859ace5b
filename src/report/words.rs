//! Facts in few words, as drawings and timelines have them.

use crate::model::{Answer, FaultKind, Flood};

/// How an answer looks: `ok`, `warn`, `bad` or `idle`.
pub(super) fn kind_of(answer: &Answer) -> &'static str {
    match answer {
        Answer::Status(200..=399) | Answer::Ready => "ok",
        Answer::Status(503) | Answer::Unready(_) => "warn",
        Answer::Refused => "idle",
        _ => "bad",
    }
}

/// An answer in a word.
pub(super) fn short(answer: &Answer) -> String {
    match answer {
        Answer::Status(status) => status.to_string(),
        Answer::Refused => "refused".into(),
        Answer::Reset => "reset".into(),
        Answer::TimedOut => "no answer".into(),
        Answer::Broken(_) => "broken".into(),
        Answer::CannotAsk(_) => "can't be probed".into(),
        Answer::Ready => "ready".into(),
        Answer::Unready(_) => "not ready".into(),
    }
}

/// What a fault does, after the name of a service.
pub(super) fn disturbed(fault: FaultKind) -> &'static str {
    match fault {
        FaultKind::Killed => "is killed",
        FaultKind::Absent => "is not started yet",
        FaultKind::Frozen => "is frozen",
        FaultKind::CutOff => "is disconnected from the network",
        FaultKind::Exhausted => "has no free connection slot",
        FaultKind::Refusing => "refuses connections",
        FaultKind::StartingUp => "says that it is starting up",
        FaultKind::OutOfReach => "is unreachable (packets are lost)",
        FaultKind::Slow => "is slow",
        FaultKind::Reset => "resets its connections",
        FaultKind::Stopped => "is suspended by SIGSTOP",
    }
}

/// What is not on the timeline, because there was too much of it.
pub(super) fn left_out(of: &Flood, count: usize, bytes: usize, unread: bool) -> String {
    match of {
        Flood::Log { service } => {
            let counted = if count > 0 { format!(": {count} lines, {bytes} bytes") } else { String::new() };
            let more = if unread { ", and more that was not read" } else { "" };
            format!("{service} wrote too much to keep: the middle of its log is left out{counted}{more}")
        }
        Flood::Answers { endpoint } => {
            format!("{endpoint} was probed very often: {count} repeated answers are left out")
        }
    }
}
