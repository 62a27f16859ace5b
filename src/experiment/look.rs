//! Looks: what is asked of the engine, the image and the user's files so that a claim can be judged. A look appends what it sees to the
//! timeline and judges nothing.

mod config;
mod container;
mod image;
mod processes;
mod recipe;
mod settings;

use std::time::Duration;

use super::{Stage, launch};
use crate::judge::{Anchor, Claim};
use crate::model::{Endpoint, Fact, FactId, Halt, Inspection, Item, Listing, Outcome, Trait};

/// Looks at what a claim is about, where watching is not enough.
pub(super) async fn look(stage: &mut Stage, step: FactId, claim: &Claim) -> Result<(), Halt> {
    match claim {
        Claim::NoRootProcess => processes::users_can_be_read(stage).await?,
        Claim::NoZombies => processes::zombies(stage).await?,
        Claim::NoSessionLeft => processes::sessions_after_end(stage).await?,
        Claim::Missed(dependency) | Claim::UsedAgain(dependency) => {
            let dependency = launch::meant(stage.context(), dependency)?;
            processes::sessions_since(stage, &dependency, step, claim).await?;
        }
        Claim::FewMoreSessions(_) => processes::sessions(stage).await?,
        Claim::Wrote | Claim::Structured | Claim::LastWords | Claim::KeepsSecrets(_) => {
            // Where there is no secret, that none is shown says nothing.
            if *claim == Claim::KeepsSecrets(Anchor::Stop) && !stage.context().redactor.has_seen_any() {
                return Err(Halt::not_applicable("no setting of the stack is a secret"));
            }
            container::read_log_to_the_end(stage).await?;
        }
        Claim::RootIsReadOnly => container::root_file_system(stage).await?,
        Claim::NoLogFiles(time) | Claim::WritesNothing(time) => container::changes(stage, *time).await?,
        Claim::ExecForm => container::command(stage).await?,
        Claim::HandlesStopSignal => container::signals(stage).await?,
        Claim::ExposesItsPorts => container::ports(stage).await?,
        Claim::WellTimed => container::health_times(stage).await?,
        Claim::UserIsNotRoot | Claim::UserIsNumeric => container::user(stage).await?,
        Claim::HealthCheckPasses(_) => health_check(stage, claim).await?,
        Claim::Answers { endpoint: Endpoint::Readiness, .. } if stage.arrangement().gains_no_privileges() => {
            without_setuid(stage, claim).await;
        }
        Claim::HealthTurns { healthy: false, .. } => container::health_path(stage).await?,
        Claim::HasHealthCheck => config::health_check(stage),
        Claim::LimitsDeclared => config::limits(stage)?,
        Claim::OrderDeclared => config::order(stage),
        Claim::DataOnVolume(database) => config::data_folder(stage, &launch::meant(stage.context(), database)?)?,
        Claim::RowSurvives(database) => {
            let database = launch::meant(stage.context(), database)?;
            container::row(stage, &database).await?;
        }
        Claim::NamesMissingSettings(limit) => settings::take_each_away(stage, *limit).await?,
        Claim::Labelled => image::labels(stage),
        Claim::LittleWaste => image::waste(stage).await?,
        Claim::Fits => image::size(stage).await?,
        Claim::Without(kind) => listing(stage, *kind).await?,
        Claim::ReusesDependencies => recipe::rebuild(stage).await?,
        Claim::NoGraveWeakness => image::weaknesses(stage).await?,
        _ => {}
    }
    Ok(())
}

async fn listing(stage: &mut Stage, kind: Trait) -> Result<(), Halt> {
    match kind {
        Trait::LooseImage => recipe::loose_images(stage)?,
        Trait::SingleStage => recipe::single_stage(stage).await?,
        Trait::Unwanted => recipe::unwanted_files(stage)?,
        Trait::LiteralSecret => config::literal_secrets(stage),
        Trait::Privilege => config::privileged(stage),
        Trait::PublishedPort => config::published_ports(stage),
        _ => image::listing(stage, kind).await?,
    }
    Ok(())
}

/// Where the health check does not pass in time, its last run says why.
async fn health_check(stage: &mut Stage, claim: &Claim) -> Result<(), Halt> {
    if is_broken(stage, claim).await {
        container::last_health_check(stage).await?;
    }
    Ok(())
}

/// Waits for what a claim is about; whether it is broken then.
async fn is_broken(stage: &mut Stage, claim: &Claim) -> bool {
    matches!(stage.wait(FactId(u32::MAX), claim).await, Outcome::Broken(_))
}

/// Where an app that can gain no privileges is not ready in time, the programs that would gain some may say why. An image that can't be read
/// leaves that open.
async fn without_setuid(stage: &mut Stage, claim: &Claim) {
    if is_broken(stage, claim).await {
        let _ = image::listing(stage, Trait::Setuid).await;
    }
}

/// Puts down what a look has shown.
fn inspected(stage: &Stage, inspection: Inspection) {
    stage.timeline().record(Fact::Inspected { inspection });
}

/// Puts down what was found of a kind.
fn found(stage: &Stage, kind: Trait, items: Vec<Item>) {
    inspected(stage, Inspection::Listing(Listing { kind, within: None, items }));
}

fn items(found: Vec<String>) -> Vec<Item> {
    found.into_iter().map(|what| Item { what, place: None }).collect()
}

/// Waits until so long after the moment from which limits count.
async fn reach(stage: &Stage, time: Duration) {
    stage.timeline().clock().reach(stage.since() + time).await;
}
