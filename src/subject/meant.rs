//! The service that a sentence means.

use std::fmt;

use super::Contract;

/// A service, as a sentence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// The first dependency that is a database.
    Database,
    /// The database where there is one, else the first dependency.
    MainDependency,
    /// By its name.
    Named(String),
}

impl Meant {
    /// What the words of a sentence mean.
    #[must_use]
    pub fn read(words: &str) -> Self {
        match words {
            "the database" => Self::Database,
            "the main dependency" => Self::MainDependency,
            name => Self::Named(name.to_owned()),
        }
    }

    /// The service; nothing when the stack has no such dependency.
    #[must_use]
    pub fn service<'a>(&'a self, contract: &'a Contract) -> Option<&'a str> {
        let found = match self {
            Self::Database => contract.database(),
            Self::MainDependency => contract.database().or(contract.dependencies.first()),
            Self::Named(name) => return Some(name),
        };
        found.map(|dependency| dependency.service.as_str())
    }
}

impl fmt::Display for Meant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => formatter.write_str("the database"),
            Self::MainDependency => formatter.write_str("the main dependency"),
            Self::Named(name) => write!(formatter, "`{name}`"),
        }
    }
}
