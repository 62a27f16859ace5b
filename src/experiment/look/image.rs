//! What the app's image holds, from one reading of its archive; nothing is started.

use super::{found, inspected, items};
use crate::experiment::{RunContext, Scan, Stage};
use crate::image::{
    Contents, Identity, caches, compilers, layer_sizes, package_managers, read_report, secret_files, secrets_in_history,
    secrets_in_settings, setuid_programs, waste as wasted, writable_code,
};
use crate::model::{Halt, Inspection, LayerBytes, Trait};

/// How to get a scanner.
const NO_SCANNER: &str = "no scanner is installed here: install Trivy (https://trivy.dev) or Grype (https://github.com/anchore/grype), or \
                          give a report in JSON with --scan-report FILE";
/// Without a known base image its lowest layer is taken for it.
const UNKNOWN_BASE: usize = 1;

/// Everything of a kind that the image holds.
pub(super) async fn listing(stage: &mut Stage, kind: Trait) -> Result<(), Halt> {
    let context = stage.context();
    let contents = context.contents().await?;
    let all = match kind {
        Trait::SecretInSettings => secrets_in_settings(contents),
        Trait::SecretInHistory => secrets_in_history(contents),
        Trait::SecretFile => secret_files(contents, base_layers(context).await?),
        Trait::Compiler => compilers(contents),
        Trait::PackageManager => package_managers(contents, user(context, contents).as_ref()),
        Trait::Cache => caches(contents, base_layers(context).await?),
        Trait::Setuid => setuid_programs(contents, base_layers(context).await?),
        Trait::WritableCode => match user(context, contents) {
            Some(user) if user.uid != 0 => writable_code(contents, base_layers(context).await?, &user),
            _ => return Err(Halt::not_applicable("the app runs as root, who may change everything: see nonroot.image-user")),
        },
        other => return Err(Halt::not_measured(format!("{other:?} of an image"))),
    };
    found(stage, kind, items(all));
    Ok(())
}

/// The labels of the image.
pub(super) fn labels(stage: &Stage) {
    let context = stage.context();
    let labels = context.image_labels(&context.contract.app);
    let labels = labels.into_iter().filter(|(name, _)| name.starts_with("org.opencontainers.image.")).collect();
    inspected(stage, Inspection::Labels { labels });
}

/// What later layers overwrite and delete.
pub(super) async fn waste(stage: &mut Stage) -> Result<(), Halt> {
    let context = stage.context();
    let (contents, base) = (context.contents().await?, base_layers(context).await?);
    inspected(stage, Inspection::Waste { bytes: contents.size(), wasted: layers(wasted(contents, base)) });
    Ok(())
}

/// How large the image is.
pub(super) async fn size(stage: &mut Stage) -> Result<(), Halt> {
    let contents = stage.context().contents().await?;
    inspected(stage, Inspection::ImageSize { bytes: contents.size(), layers: layers(layer_sizes(contents)) });
    Ok(())
}

fn layers(sizes: Vec<(String, u64)>) -> Vec<LayerBytes> {
    sizes.into_iter().map(|(layer, bytes)| LayerBytes { layer, bytes }).collect()
}

/// What a scanner knows of the image.
pub(super) async fn weaknesses(stage: &mut Stage) -> Result<(), Halt> {
    let context = stage.context();
    let could_not = |reason: String| Halt::CouldNotRun {
        reason,
        advice: "run the scanner by hand, and pass its JSON report with --scan-report FILE".into(),
        service: None,
    };
    let (by, report) = match &context.scan {
        Scan::Off => return Err(Halt::not_applicable("scanning is switched off")),
        Scan::Report(file) => {
            let report = std::fs::read_to_string(file);
            (file.display().to_string(), report.map_err(|error| could_not(format!("{} can't be read: {error}", file.display())))?)
        }
        Scan::Installed => {
            let scanned = context.engine.scan(&context.app_image, &context.model.file().folder()).await;
            let scanned = scanned.ok_or_else(|| Halt::not_applicable(NO_SCANNER))?;
            (scanned.by.to_owned(), scanned.report.map_err(|error| could_not(format!("{} made no report: {error}", scanned.by)))?)
        }
    };
    let found = read_report(&report).ok_or_else(|| could_not(format!("{by} is not a JSON report of Trivy or Grype")))?;
    inspected(stage, Inspection::Weaknesses { by, found });
    Ok(())
}

async fn base_layers(context: &RunContext) -> Result<usize, Halt> {
    Ok(context.base().await?.map_or(UNKNOWN_BASE, |base| base.layers))
}

/// Who the app is started as: what the compose file says, or else the image.
fn user(context: &RunContext, contents: &Contents) -> Option<Identity> {
    let of_service = context.model.service(&context.contract.app).and_then(|service| service.get("user")?.as_str());
    let table = |path| contents.kept(path).map(|table| String::from_utf8_lossy(table).into_owned()).unwrap_or_default();
    Identity::resolve(of_service.unwrap_or(&contents.config.user), &table("/etc/passwd"), &table("/etc/group"))
}
