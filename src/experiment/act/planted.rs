//! Known defects: what is put into an instance so that checks show that they notice it. Each is an arrangement like any other.

use crate::compose::{Patch, starts_nothing};
use crate::experiment::{Act, RunContext, Stage, launch};
use crate::model::Halt;
use crate::subject::Meant;

impl Act {
    /// Why a known defect can't be put into an instance of this stack; nothing when it can, and for what is no known defect.
    #[must_use]
    pub fn obstacle(&self, context: &RunContext) -> Option<String> {
        let app = context.contract.app.as_str();
        match self {
            Self::SwallowSignals => {
                let service = context.model.service(app)?;
                let (entrypoint, command) = context.command_of_image(app);
                if let Some(mode) = service.get("pid").and_then(|mode| mode.as_str()) {
                    return Some(format!("`{app}` has `pid: {mode}`, so nothing can be its first process"));
                }
                if starts_nothing(service, &entrypoint, &command) {
                    return Some(format!("neither the compose file nor the image says what `{app}` starts"));
                }
                program_is_missing(context)
            }
            Self::AlwaysHealthy if !context.has_health_check(app) => {
                Some(format!("`{app}` has no health check that could be replaced"))
            }
            Self::AlwaysHealthy => program_is_missing(context),
            Self::AlwaysReady if context.networks(app).is_empty() => {
                Some(format!("`{app}` is on no network of its own, so no proxy can stand beside it"))
            }
            // The proxy answers over HTTP, at a port that is known.
            Self::AlwaysReady if !is_plain_http(context) => {
                Some(format!("readiness of `{app}` is not asked over plain HTTP, which is all that the proxy speaks"))
            }
            Self::AlwaysReady => context.engine.tap_is_missing().map(str::to_owned),
            Self::Hide(dependency) => {
                let Some(service) = dependency.service(&context.contract) else {
                    return Some("the app has no dependency".into());
                };
                let (of_app, of_service) = (context.networks(app), context.networks(service));
                let is_shared = of_app.iter().any(|network| of_service.contains(network));
                (!is_shared).then(|| format!("`{app}` and `{service}` share no network that `{app}` could leave"))
            }
            _ => None,
        }
    }
}

fn is_plain_http(context: &RunContext) -> bool {
    let readiness = &context.contract.readiness;
    readiness.http().is_some_and(|http| !http.is_https) && context.contract.port_of(readiness).is_some()
}

fn program_is_missing(context: &RunContext) -> Option<String> {
    context.engine.program_is_missing().map(str::to_owned)
}

fn look_for_obstacle(stage: &Stage, act: &Act) -> Result<(), Halt> {
    act.obstacle(stage.context()).map_or(Ok(()), |reason| Err(Halt::not_applicable(reason)))
}

/// A parent starts the app and passes no signal on.
pub(super) fn swallow_signals(stage: &mut Stage) -> Result<(), Halt> {
    look_for_obstacle(stage, &Act::SwallowSignals)?;
    let service = stage.context().contract.app.clone();
    let (entrypoint, command) = stage.context().command_of_image(&service);
    let arrangement = stage.arrangement();
    arrangement.needs_program = true;
    arrangement.patches.push(Patch::Parent { service, entrypoint, command });
    Ok(())
}

/// The app's health check always passes.
pub(super) fn always_healthy(stage: &mut Stage) -> Result<(), Halt> {
    look_for_obstacle(stage, &Act::AlwaysHealthy)?;
    let service = stage.context().contract.app.clone();
    let arrangement = stage.arrangement();
    arrangement.needs_program = true;
    arrangement.patches.push(Patch::AlwaysHealthy { service });
    Ok(())
}

/// Whoever asks for readiness asks a proxy, which always answers 200.
pub(super) fn always_ready(stage: &mut Stage) -> Result<(), Halt> {
    look_for_obstacle(stage, &Act::AlwaysReady)?;
    stage.arrangement().has_proxy = true;
    Ok(())
}

/// The name of a dependency never resolves for the app.
pub(super) fn hide(stage: &mut Stage, dependency: &Meant) -> Result<(), Halt> {
    look_for_obstacle(stage, &Act::Hide(dependency.clone()))?;
    let service = launch::meant(stage.context(), dependency)?;
    let from = stage.context().contract.app.clone();
    stage.arrangement().patches.push(Patch::Hidden { from, service });
    Ok(())
}
