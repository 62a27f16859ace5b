//! How the app's image is made: its Dockerfile, what the build gets, and what is done again in a second build.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::{found, inspected};
use crate::causes::with_causes;
use crate::compose::{Built, ContextError, NoRecipe, build_steps, copy_sent, unwanted};
use crate::experiment::sources::place;
use crate::experiment::{RunContext, Stage};
use crate::image::{BuildCommand, compilers, is_pinned};
use crate::model::{Halt, Inspection, Item, Listing, Trait};

/// The images without a tag or digest among that of the app and those that its Dockerfile goes on from.
pub(super) fn loose_images(stage: &Stage) -> Result<(), Halt> {
    let context = stage.context();
    let app = &context.contract.app;
    // Where the service names the image itself, there is no line.
    let (file, images): (Option<PathBuf>, Vec<(String, usize)>) = match recipe(context) {
        Ok(Built { recipe, path, target, contexts, .. }) => {
            let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
            let named = recipe.images(target.as_deref(), &contexts).into_iter();
            (Some(path), named.map(|named| (named.image, named.line)).collect())
        }
        Err(Halt::NotApplicable { .. }) if !context.has_compose_file() => {
            return Err(Halt::not_applicable("no compose file and no Dockerfile names an image"));
        }
        Err(Halt::NotApplicable { .. }) => {
            (None, context.model.image(app).map(|image| (image.to_owned(), 0)).into_iter().collect())
        }
        Err(halt) => return Err(halt),
    };
    let loose = images.into_iter().filter(|(image, _)| is_pinned(image) == Some(false));
    let item = |(image, line): (String, usize)| match &file {
        Some(file) => Item { what: format!("{}:{line} names {image}", file.display()), place: Some(place(file, line)) },
        None => Item { what: format!("service `{app}` names {image}"), place: None },
    };
    found(stage, Trait::LooseImage, loose.map(item).collect());
    Ok(())
}

/// Whether the stage that runs is the one that builds. Where nothing is built, there is nothing to keep apart.
pub(super) async fn single_stage(stage: &mut Stage) -> Result<(), Halt> {
    let context = stage.context();
    let Built { recipe, path, target, .. } = recipe(context)?;
    if recipe.takes_from_a_builder(target.as_deref()) {
        found(stage, Trait::SingleStage, vec![]);
        return Ok(());
    }
    let step = |step: &BuildCommand| Item {
        what: format!("{}:{} runs `{}` in the stage that runs", path.display(), step.line, step.command),
        place: Some(place(&path, step.line)),
    };
    let mut items: Vec<Item> = recipe.builds(target.as_deref()).into_iter().map(step).collect();
    let tool = |tool: String| Item { what: format!("{tool} is in the stage that runs"), place: None };
    items.extend(compilers(context.contents().await?).into_iter().map(tool));
    if items.is_empty() {
        return Err(Halt::not_applicable(format!("{} builds nothing, and no compiler is in the image", path.display())));
    }
    found(stage, Trait::SingleStage, items);
    Ok(())
}

/// What the build gets from its context and should not have.
pub(super) fn unwanted_files(stage: &Stage) -> Result<(), Halt> {
    let built = recipe(stage.context())?;
    let context = context_of(&built)?;
    takes_something(&built)?;
    let all = unwanted(context, &built).map_err(|error| not_read(&error))?;
    let within = (!all.is_empty()).then(|| format!("from {} it gets", context.display()));
    let items = all.into_iter().map(|what| Item { what, place: None }).collect();
    inspected(stage, Inspection::Listing(Listing { kind: Trait::Unwanted, within, items }));
    Ok(())
}

/// The image is built twice from a copy of its context, the second time with one source file changed.
pub(super) async fn rebuild(stage: &mut Stage) -> Result<(), Halt> {
    let context = stage.context();
    let built = recipe(context)?;
    takes_something(&built)?;
    let copy = context.scratch("again");
    let touched = copy_sent(context_of(&built)?, &built, &copy).map_err(|error| not_read(&error))?;
    let touched =
        touched.ok_or_else(|| Halt::not_applicable("the build takes no source file from its context that could be changed"))?;
    let first = context.build_again(&copy, &built.path).await?;
    if !build_steps(&first).iter().any(|step| step.installs) {
        return Err(Halt::not_applicable("no step of the build installs dependencies"));
    }
    let run = context.engine.run().to_string();
    let change = fs::OpenOptions::new()
        .append(true)
        .open(copy.join(&touched))
        .and_then(|mut file| file.write_all(change_of(&run).as_bytes()));
    change.map_err(|source| not_read(&ContextError::Unreadable { path: copy.join(&touched), source }))?;
    let second = context.build_again(&copy, &built.path).await?;
    inspected(stage, Inspection::Rebuild { touched, steps: build_steps(&second) });
    Ok(())
}

/// Blank lines that no build has seen before: what was built once would be taken from the cache, whatever the order of the layers. White
/// space at the end of a file means nothing in nearly every language.
fn change_of(run: &str) -> String {
    let bits = run.bytes().flat_map(|byte| (0..u8::BITS).map(move |bit| byte >> bit & 1 == 1));
    bits.map(|bit| if bit { " \n" } else { "\n" }).collect()
}

fn context_of(built: &Built) -> Result<&std::path::Path, Halt> {
    built.context.as_deref().ok_or_else(|| Halt::not_applicable("the build has no context of its own"))
}

/// A build that copies nothing from its context gets nothing that should not be there, and has no code that could change.
fn takes_something(built: &Built) -> Result<(), Halt> {
    if built.recipe.sources(built.target.as_deref()).is_empty() {
        return Err(Halt::not_applicable(format!("{} copies nothing from its context", built.path.display())));
    }
    Ok(())
}

fn not_read(error: &ContextError) -> Halt {
    Halt::CouldNotRun {
        reason: with_causes(error),
        advice: "make the folder readable, or leave more of it out by .dockerignore".into(),
        service: None,
    }
}

/// The Dockerfile of the app.
fn recipe(context: &RunContext) -> Result<Built, Halt> {
    context.model.recipe(&context.contract.app).map_err(|error| match error {
        NoRecipe::NotBuilt { .. } | NoRecipe::Remote { .. } => Halt::not_applicable(error.to_string()),
        NoRecipe::Unreadable { .. } | NoRecipe::Wrong { .. } => Halt::CouldNotRun {
            reason: with_causes(&error),
            advice: "make sure that `docker build` can read the Dockerfile; if it can, please report this".into(),
            service: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::Recipe;

    #[test]
    fn a_build_that_copies_nothing_has_no_context_to_judge() {
        for (text, takes) in [
            ("FROM a\nRUN pip install ara\n", false),
            ("FROM a AS one\nRUN pip install kinto\nFROM b\nCOPY --from=one /opt/venv /opt/venv\n", false),
            ("FROM a\nADD https://example.org/x /x\n", false),
            ("FROM a AS one\nCOPY . .\nFROM b\nCOPY --from=one /x /x\n", true),
            ("FROM a\nADD app.tar /srv\n", true),
        ] {
            let recipe = Recipe::parse(text, &BTreeMap::new()).expect("parses");
            let built = Built { recipe, path: "Dockerfile".into(), context: None, target: None, contexts: vec![] };
            let reason = Halt::not_applicable("Dockerfile copies nothing from its context");
            assert_eq!(takes_something(&built), if takes { Ok(()) } else { Err(reason) }, "{text}");
        }
    }
}
