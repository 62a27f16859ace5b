//! What the image holds, judged from one reading of its archive, and how it is made; nothing is started.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::causes::with_causes;
use crate::compose::{Built, ContextError, NoRecipe, copy_sent, literals, unwanted};
use crate::image::{Contents, is_pinned};
use crate::suite::steps::Words;
use crate::suite::{Bench, Failure, Scan, ScenarioWorld};
use crate::verdict::{
    Finding, Identity, code_is_not_writable, fits, has_no_caches, has_no_compilers, has_no_grave_weakness,
    has_no_package_managers, has_no_setuid, installs_dependencies, keeps_secrets_out_of_files, keeps_secrets_out_of_history,
    keeps_secrets_out_of_settings, reuses_dependencies, wastes_little,
};

/// How to get a scanner.
const NO_SCANNER: &str = "no scanner is installed here: install Trivy (https://trivy.dev) or Grype (https://github.com/anchore/grype), or \
                          give a report in JSON with --scan-report FILE";
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
    // Where the service names the image itself, there is no line.
    let (file, images): (Option<PathBuf>, Vec<(String, usize)>) = match recipe(bench) {
        Ok(Built { recipe, path, target, contexts, .. }) => {
            let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
            let named = recipe.images(target.as_deref(), &contexts).into_iter();
            (Some(path), named.map(|named| (named.image, named.line)).collect())
        }
        Err(Failure::NotApplicable(_)) => (None, bench.model.image(app).map(|image| (image.to_owned(), 0)).into_iter().collect()),
        Err(failure) => return Err(failure),
    };
    let loose: Vec<(String, usize)> = images.into_iter().filter(|(image, _)| is_pinned(image) == Some(false)).collect();
    if loose.is_empty() {
        return Ok(());
    }
    let told = loose.iter().map(|(image, line)| match &file {
        Some(file) => format!("{}:{line} names {image}", file.display()),
        None => format!("service `{app}` names {image}"),
    });
    let told: Vec<String> = told.collect();
    for (file, (_, line)) in file.iter().flat_map(|file| loose.iter().map(move |loose| (file, loose))) {
        world.point_at(file, *line);
    }
    let expected = "the image and every image in its Dockerfile have a tag other than `latest`, or a digest".into();
    Err(Failure::Failed(Finding { expected, seen: told.join("; ") }))
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

/// The build gets nothing from its context that it should not have.
pub(in crate::suite::steps) async fn context_is_clean(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let built = recipe(world.bench()?)?;
    let context = built.context.as_deref().ok_or_else(|| Failure::NotApplicable("the build has no context of its own".into()))?;
    let found = unwanted(context, &built).map_err(|error| not_read(&error))?;
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(Finding {
        expected: "the build gets no secret, repository, installed packages or tests from its context".into(),
        seen: format!("from {} it gets {}", context.display(), found.join("; ")),
    }))
}

/// The image is built twice from a copy of its context, the second time with one source file changed.
pub(in crate::suite::steps) async fn dependencies_are_cached(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let built = recipe(bench)?;
    let context = built.context.as_deref().ok_or_else(|| Failure::NotApplicable("the build has no context of its own".into()))?;
    let copy = bench.scratch("again");
    let touched = copy_sent(context, &built, &copy).map_err(|error| not_read(&error))?;
    let touched = touched.ok_or_else(|| Failure::NotApplicable("the build takes no source file from its context".into()))?;
    let before = bench.build_again(&copy, &built.path).await?;
    if !installs_dependencies(&before) {
        return Err(Failure::NotApplicable("no step of the build installs dependencies".into()));
    }
    let run = bench.engine.run().to_string();
    let change = fs::OpenOptions::new()
        .append(true)
        .open(copy.join(&touched))
        .and_then(|mut file| file.write_all(change_of(&run).as_bytes()));
    change.map_err(|source| not_read(&ContextError::Unreadable { path: copy.join(&touched), source }))?;
    let progress = bench.build_again(&copy, &built.path).await?;
    reuses_dependencies(&progress, &touched).map_err(Failure::Failed)
}

/// No known weakness of the image is high or critical, by the report of a scanner.
pub(in crate::suite::steps) async fn no_grave_weakness(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let could_not = |message: String| Failure::CouldNotRun {
        message,
        advice: "run the scanner by hand, and give its report in JSON with --scan-report FILE".into(),
        service: None,
    };
    let (by, report) = match &bench.scan {
        Scan::Off => return Err(Failure::NotApplicable("scanning is switched off".into())),
        Scan::Report(file) => {
            let report = fs::read_to_string(file);
            (file.display().to_string(), report.map_err(|error| could_not(format!("{} can't be read: {error}", file.display())))?)
        }
        Scan::Installed => {
            let scanned = bench.engine.scan(&bench.app_image, &bench.model.file().folder()).await;
            let scanned = scanned.ok_or_else(|| Failure::NotApplicable(NO_SCANNER.into()))?;
            (scanned.by.to_owned(), scanned.report.map_err(|error| could_not(format!("{} made no report: {error}", scanned.by)))?)
        }
    };
    let judged = has_no_grave_weakness(&report);
    judged.ok_or_else(|| could_not(format!("what {by} holds is no report of Trivy or Grype in JSON")))?.map_err(Failure::Failed)
}

/// Blank lines that no build has seen before: what was built once would be taken from the cache, whatever the order of the layers. White
/// space at the end of a file means nothing in nearly every language.
fn change_of(run: &str) -> String {
    let bits = run.bytes().flat_map(|byte| (0..u8::BITS).map(move |bit| byte >> bit & 1 == 1));
    bits.map(|bit| if bit { " \n" } else { "\n" }).collect()
}

fn not_read(error: &ContextError) -> Failure {
    Failure::CouldNotRun {
        message: with_causes(error),
        advice: "make the folder readable, or leave more of it out by .dockerignore".into(),
        service: None,
    }
}

/// The compose file holds no secret itself.
pub(in crate::suite::steps) async fn no_literal_secrets(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let found = literals(world.bench()?.model.file());
    if found.is_empty() {
        return Ok(());
    }
    for found in &found {
        world.point_at(&found.file, found.line);
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
