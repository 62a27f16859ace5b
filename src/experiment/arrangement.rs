//! The arrangement of an experiment: what it asks of its instance before that is created.

use crate::compose::Patch;
use crate::model::Endpoint;
use crate::subject::{Credentials, Kind, Secret};

/// How an instance differs from the stack as it is.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a change of its own")]
pub(super) struct Arrangement {
    /// Whether the app's processes are watched.
    pub(super) watch_processes: bool,
    /// Changes to the model.
    pub(super) patches: Vec<Patch>,
    /// Whether nobody is to ask the app anything.
    pub(super) is_quiet: bool,
    /// Endpoints that nothing is to be learned from.
    pub(super) is_not_asked: Vec<Endpoint>,
    /// Whether databases boot for the first time.
    pub(super) has_fresh_data: bool,
    /// The dependency in whose place the tap stands.
    pub(super) tap: Option<String>,
    /// Whether a proxy answers readiness in the place of the app.
    pub(super) has_proxy: bool,
    /// Whether the app's container gets our own program.
    pub(super) needs_program: bool,
    /// The password that the database has instead of the one that the app knows.
    pub(super) other_password: Option<String>,
}

impl Arrangement {
    /// Whether the app's memory and processor time are limited by us.
    pub(super) fn is_limited(&self) -> bool {
        self.patches.iter().any(|patch| matches!(patch, Patch::Limits { .. }))
    }

    /// Whether no process of the app can gain privileges, and nothing else is taken from it.
    pub(super) fn gains_no_privileges(&self) -> bool {
        matches!(&self.patches[..], [Patch::NoNewPrivileges { .. }])
    }

    /// A dependency's kind as it is in this instance.
    pub(super) fn kind(&self, kind: &Kind) -> Kind {
        match (kind, &self.other_password) {
            (Kind::Postgres { port, credentials }, Some(password)) => {
                let credentials = Credentials { password: Secret(password.clone()), ..credentials.clone() };
                Kind::Postgres { port: *port, credentials }
            }
            _ => kind.clone(),
        }
    }
}
