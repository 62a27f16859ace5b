//! Our own runner: performs the scenarios of a plan, so many at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};

use super::conclude::{Concluded, conclude};
use crate::experiment::{Event, Progress, RunContext, Stage};
use crate::gherkin::{Plan, Planned, lines};
use crate::model::{Fact, Halt};

/// Performs the checks of a plan, at most so many at once. Returns what each came to, in the order in which they ended.
pub(super) async fn execute(
    context: &Arc<RunContext>,
    plan: &Plan,
    jobs: usize,
    progress: &Arc<dyn Progress>,
) -> Vec<(usize, Concluded)> {
    let scenarios = plan.scenarios().map(|(index, planned, scenario)| {
        let lines = lines(scenario);
        async move {
            let name = planned.name();
            progress.tell(Event::CheckStarted { name: &name, title: &planned.title });
            let mut stage = Stage::new(Arc::clone(context), name, Arc::clone(progress));
            let performed = AssertUnwindSafe(perform(&mut stage, &lines)).catch_unwind().await;
            if performed.is_err() {
                let reason = "a bug in seaworthy: a step panicked".to_owned();
                let advice = "please report it, with the command line and the compose file".to_owned();
                stage.timeline().record(Fact::Halted { halt: Halt::CouldNotRun { reason, advice, service: None } });
            }
            let concluded = end(context, planned, &lines, &mut stage, progress).await;
            progress.tell(Event::CheckFinished(&concluded.check, crate::judge::used(&concluded.timeline).as_deref()));
            (index, concluded)
        }
    });
    // Each is driven from here; what they wait for runs in tasks of its own.
    let scenarios: Vec<_> = scenarios.collect();
    stream::iter(scenarios).buffer_unordered(jobs.max(1)).collect().await
}

/// Takes the lines one after the other, as long as each lets the next one be taken.
async fn perform(stage: &mut Stage, lines: &[crate::experiment::Line]) {
    for line in lines {
        if stage.take(line).await.is_break() {
            break;
        }
    }
}

/// Ends an experiment, and concludes what its check comes to.
pub(super) async fn end(
    context: &RunContext,
    planned: &Planned,
    lines: &[crate::experiment::Line],
    stage: &mut Stage,
    progress: &Arc<dyn Progress>,
) -> Concluded {
    if let Err(error) = stage.end().await {
        // The end of the run removes everything once more, and says what is left then.
        progress.tell(Event::Warning(&format!(
            "an instance of the stack is not removed yet: {}",
            crate::causes::with_causes(&error)
        )));
    }
    conclude(context, planned, lines, stage.timeline())
}
