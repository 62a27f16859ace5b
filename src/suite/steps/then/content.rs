//! What the image holds: judged from one reading of its archive, whatever runs.

use crate::causes::with_causes;
use crate::compose::{Built, NoRecipe, literals};
use crate::image::{Contents, is_pinned};
use crate::suite::steps::Words;
use crate::suite::{Bench, Failure, ScenarioWorld};
use crate::verdict::{
    Finding, Identity, code_is_not_writable, fits, has_no_caches, has_no_compilers, has_no_package_managers, has_no_setuid,
    keeps_secrets_out_of_files, keeps_secrets_out_of_history, keeps_secrets_out_of_settings, wastes_little,
};

/// Without a known base image its lowest layer is taken for it.
const UNKNOWN_BASE: usize = 1;

/// Judges the content of the app's image.
async fn judge(world: &mut ScenarioWorld, judge: impl Fn(&Contents) -> Result<(), Finding>) -> Result<(), Failure> {
    judge(world.bench()?.contents().await?).map_err(Failure::Failed)
}

/// Environment, labels and command line of the image hold no secret.
pub(in crate::suite::steps) async fn settings_keep_secrets(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, keeps_secrets_out_of_settings).await
}

/// The history of the image shows no secret.
pub(in crate::suite::steps) async fn history_keeps_secrets(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, keeps_secrets_out_of_history).await
}

/// No layer of the image has a file with a secret.
pub(in crate::suite::steps) async fn files_keep_secrets(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, keeps_secrets_out_of_files).await
}

/// Nothing in the image compiles or builds.
pub(in crate::suite::steps) async fn no_compilers(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, has_no_compilers).await
}

/// Nothing in the image installs packages.
pub(in crate::suite::steps) async fn no_package_managers(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let contents = bench.contents().await?;
    has_no_package_managers(contents, user(bench, contents).as_ref()).map_err(Failure::Failed)
}

/// No caches are left in the image.
pub(in crate::suite::steps) async fn no_caches(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, has_no_caches).await
}

/// Later layers overwrite and delete little.
pub(in crate::suite::steps) async fn little_waste(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let base = base_layers(world.bench()?).await?;
    judge(world, |contents| wastes_little(contents, base)).await
}

/// The image is within the contract's limit.
pub(in crate::suite::steps) async fn size_fits(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let limit = world.bench()?.contract.image_size_limit;
    let limit = limit.ok_or_else(|| Failure::NotApplicable("the contract has no image_size_limit".into()))?;
    judge(world, |contents| fits(contents, limit)).await
}

/// No program beyond those of the base image changes the user of its caller.
pub(in crate::suite::steps) async fn no_setuid(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let base = base_layers(world.bench()?).await?;
    judge(world, |contents| has_no_setuid(contents, base)).await
}

/// The app's user can't change the app's code.
pub(in crate::suite::steps) async fn code_is_safe(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let (base, contents) = (base_layers(bench).await?, bench.contents().await?);
    match user(bench, contents) {
        Some(user) if user.uid != 0 => code_is_not_writable(contents, base, &user).map_err(Failure::Failed),
        _ => Err(Failure::NotApplicable("the app runs as root, who may change everything: see nonroot.image-user".into())),
    }
}

/// The image, and every image that its Dockerfile goes on from, says which one is meant.
pub(in crate::suite::steps) async fn is_pinned_down(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let app = &bench.contract.app;
    let images: Vec<(String, String)> = match recipe(bench) {
        Ok(Built { recipe, path, target, contexts }) => {
            let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
            let named = recipe.images(target.as_deref(), &contexts).into_iter();
            named.map(|named| (named.image, format!("{}:{}", path.display(), named.line))).collect()
        }
        Err(Failure::NotApplicable(_)) => {
            let image = bench.model.image(app).map(|image| (image.to_owned(), format!("service `{app}`")));
            image.into_iter().collect()
        }
        Err(failure) => return Err(failure),
    };
    let loose = images.iter().filter(|(image, _)| is_pinned(image) == Some(false));
    let loose: Vec<String> = loose.map(|(image, place)| format!("{place} names {image}")).collect();
    if loose.is_empty() {
        return Ok(());
    }
    let expected = "the image and every image in its Dockerfile have a tag other than `latest`, or a digest".into();
    Err(Failure::Failed(Finding { expected, seen: loose.join("; ") }))
}

/// The stage that runs takes what was built from another one.
pub(in crate::suite::steps) async fn has_stages(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let Built { recipe, path, target, .. } = recipe(bench)?;
    if recipe.takes_from_a_builder(target.as_deref()) {
        return Ok(());
    }
    Err(Failure::Failed(Finding {
        expected: "the stage that runs copies what was built from another stage (COPY --from)".into(),
        seen: format!("everything in {} happens in the stage that runs", path.display()),
    }))
}

/// The compose file holds no secret itself.
pub(in crate::suite::steps) async fn no_literal_secrets(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let found = literals(world.bench()?.model.file());
    if found.is_empty() {
        return Ok(());
    }
    let seen: Vec<String> =
        found.iter().map(|found| format!("{}:{}: {}", found.file.display(), found.line, found.what)).collect();
    let expected = "the compose file names secrets (`${VAR}`, `env_file`, `secrets`), and holds none".into();
    Err(Failure::Failed(Finding { expected, seen: seen.join("; ") }))
}

/// The Dockerfile of the app.
fn recipe(bench: &Bench) -> Result<Built, Failure> {
    bench.model.recipe(&bench.contract.app).map_err(|error| match error {
        NoRecipe::NotBuilt { .. } | NoRecipe::Remote { .. } => Failure::NotApplicable(error.to_string()),
        NoRecipe::Unreadable { .. } | NoRecipe::Wrong { .. } => Failure::CouldNotRun {
            message: with_causes(&error),
            advice: "make the Dockerfile one that `docker build` reads; report it when it is".into(),
            service: None,
        },
    })
}

async fn base_layers(bench: &Bench) -> Result<usize, Failure> {
    Ok(bench.base().await?.map_or(UNKNOWN_BASE, |base| base.layers))
}

/// Who the app is started as: what the compose file says, or else the image.
fn user(bench: &Bench, contents: &Contents) -> Option<Identity> {
    let of_service = bench.model.service(&bench.contract.app).and_then(|service| service.get("user")?.as_str());
    let table = |path| contents.kept(path).map(|table| String::from_utf8_lossy(table).into_owned()).unwrap_or_default();
    Identity::resolve(of_service.unwrap_or(&contents.config.user), &table("/etc/passwd"), &table("/etc/group"))
}
