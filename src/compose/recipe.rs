//! The Dockerfile that a service is built from, as its build section names it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Model;
use crate::image::{ImageError, Recipe};

/// How the image of a service is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// What the Dockerfile says.
    pub recipe: Recipe,
    /// The Dockerfile, as messages name it.
    pub path: PathBuf,
    /// The folder that it is built in; nothing when the Dockerfile stands in the compose file and no folder is named.
    pub context: Option<PathBuf>,
    /// The stage that is built; the last one without it.
    pub target: Option<String>,
    /// Names that stand for something else in this build.
    pub contexts: Vec<String>,
}

/// Why there is no Dockerfile to read.
#[derive(Debug, thiserror::Error)]
pub enum NoRecipe {
    /// The service is not built.
    #[error("`{service}` is not built here")]
    NotBuilt {
        /// The service.
        service: String,
    },
    /// What it is built from is not on this machine.
    #[error("`{service}` is built from {context}, which is not on this machine")]
    Remote {
        /// The service.
        service: String,
        /// The address.
        context: String,
    },
    /// The Dockerfile can't be read.
    #[error("{} can't be read", path.display())]
    Unreadable {
        /// The Dockerfile.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The Dockerfile is none.
    #[error("{} is not a Dockerfile", path.display())]
    Wrong {
        /// The Dockerfile.
        path: PathBuf,
        /// Why.
        #[source]
        source: ImageError,
    },
}

impl Model {
    /// The Dockerfile that a service is built from.
    pub fn recipe(&self, service: &str) -> Result<Built, NoRecipe> {
        let section = self.service(service).and_then(|service| service.get("build"));
        let section = section.ok_or_else(|| NoRecipe::NotBuilt { service: service.to_owned() })?;
        let text = |key: &str| section.get(key).and_then(Value::as_str);
        let context = text("context").unwrap_or(".");
        let (path, recipe) = if let Some(inline) = text("dockerfile_inline") {
            (self.file().path().to_owned(), inline.to_owned())
        } else if Path::new(context).is_absolute() {
            let path = Path::new(context).join(text("dockerfile").unwrap_or("Dockerfile"));
            let path = path.canonicalize().unwrap_or(path);
            let text = std::fs::read_to_string(&path).map_err(|source| NoRecipe::Unreadable { path: path.clone(), source })?;
            (path, text)
        } else {
            return Err(NoRecipe::Remote { service: service.to_owned(), context: context.to_owned() });
        };
        let arguments: BTreeMap<String, String> = (section.get("args").and_then(Value::as_object).into_iter().flatten())
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let recipe = Recipe::parse(&recipe, &arguments).map_err(|source| NoRecipe::Wrong { path: path.clone(), source })?;
        let contexts = section.get("additional_contexts").and_then(Value::as_object).into_iter().flatten();
        let context = Some(PathBuf::from(context)).filter(|context| context.is_absolute());
        Ok(Built {
            recipe,
            path,
            context,
            target: text("target").map(str::to_owned),
            contexts: contexts.map(|(name, _)| name.clone()).collect(),
        })
    }
}
