//! A command in the app's container, which ends with status 0 when the app is ready.

use std::time::Duration;

use tokio::time::timeout;

use crate::causes::with_causes;
use crate::engine::{Ended, Engine};
use crate::model::Answer;

/// Runs it once; nothing when the container does not run.
pub(super) async fn ask(engine: &Engine, container: &str, command: &[String], limit: Duration) -> Option<Answer> {
    let Ok(ended) = timeout(limit, engine.exec(container, command, &[])).await else { return Some(Answer::TimedOut) };
    Some(match ended {
        Ok(Ended::With(0, _)) => Answer::Ready,
        Ok(Ended::With(status, last)) if last.is_empty() => Answer::Unready(format!("status {status}")),
        Ok(Ended::With(status, last)) => Answer::Unready(format!("status {status}: {last}")),
        Ok(Ended::NoProgram(why)) => Answer::CannotAsk(format!("the command can't be run: {why}")),
        Ok(Ended::NoContainer) => return None,
        Err(error) => Answer::Broken(with_causes(&error)),
    })
}
