//! What a stack must have for a check to be made: the tags `@needs-…`, each of which is known here or is a mistake.

use std::fmt;

/// What a stack must have for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A business path in the contract.
    Business,
    /// A compose file that somebody wrote.
    Compose,
    /// A database that we know how to ask.
    Database,
    /// Any dependency.
    Dependency,
    /// An app that can meet the first boot of its database: no migration comes between them.
    FirstBoot,
    /// A health check of the app.
    HealthCheck,
    /// A liveness path.
    Liveness,
    /// A `PostgreSQL` among the dependencies.
    Postgres,
    /// A limit for the size of the image in the contract.
    SizeLimit,
    /// The tap in the place of a dependency.
    Tap,
    /// Units of work in the contract.
    Work,
}

impl Need {
    /// How the tag begins.
    pub const TAG: &str = "needs-";
    /// All of them, by name.
    pub const ALL: [Self; 11] = [
        Self::Business,
        Self::Compose,
        Self::Database,
        Self::Dependency,
        Self::FirstBoot,
        Self::HealthCheck,
        Self::Liveness,
        Self::Postgres,
        Self::SizeLimit,
        Self::Tap,
        Self::Work,
    ];

    /// The need that a tag names, without the beginning.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|need| need.word() == word)
    }

    /// Its name, as it stands in a tag.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Compose => "compose",
            Self::Database => "database",
            Self::Dependency => "dependency",
            Self::FirstBoot => "first-boot",
            Self::HealthCheck => "healthcheck",
            Self::Liveness => "liveness",
            Self::Postgres => "postgres",
            Self::SizeLimit => "size-limit",
            Self::Tap => "tap",
            Self::Work => "work",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}
