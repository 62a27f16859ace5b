//! The apps of a run, with what the suite took for granted of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::subject::Contract;

/// The app of a run, or its apps. A run of one app has `contract`, one of several `apps`; there every check, experiment, cause and proof names
/// its `app`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Apps {
    /// One app.
    One {
        /// What the suite took for granted.
        contract: Box<Contract>,
    },
    /// Several.
    Several {
        /// Each of them, in the order in which they start.
        apps: Vec<AppRecord>,
    },
}

/// One of several apps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppRecord {
    /// What the suite took for granted of it.
    pub contract: Contract,
    /// The id of its image.
    pub image: String,
    /// Its Dockerfile, as it is named from where the run was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
}

impl Apps {
    /// The only app.
    #[must_use]
    pub fn one(contract: Contract) -> Self {
        Self::One { contract: Box::new(contract) }
    }

    /// The contract of the app with this name; without a name that of the only app.
    #[must_use]
    pub fn contract(&self, app: Option<&str>) -> Option<&Contract> {
        match (self, app) {
            (Self::One { contract }, None) => Some(contract),
            (Self::Several { .. }, Some(app)) => self.several().iter().map(|one| &one.contract).find(|one| one.app == app),
            _ => None,
        }
    }

    /// The contracts of all, in the order in which they start.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        let one = match self {
            Self::One { contract } => Some(&**contract),
            Self::Several { .. } => None,
        };
        one.into_iter().chain(self.several().iter().map(|app| &app.contract))
    }

    /// Where there are several: each of them.
    #[must_use]
    pub fn several(&self) -> &[AppRecord] {
        match self {
            Self::One { .. } => &[],
            Self::Several { apps } => apps,
        }
    }

    /// The names by which checks say whose they are: none where there is one app.
    pub fn labels(&self) -> impl Iterator<Item = Option<&str>> {
        let has_several = matches!(self, Self::Several { .. });
        self.contracts().map(move |contract| has_several.then_some(contract.app.as_str()))
    }

    /// All names, as they stand in a sentence: `web` and `worker`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let names: Vec<String> = self.contracts().map(|contract| format!("`{}`", contract.app)).collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => names.concat(),
        }
    }
}
