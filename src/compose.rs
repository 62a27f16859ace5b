//! Compose: reads, builds and creates; nothing here starts a container.
//!
//! `docker compose config` resolves the user's file once. The result stays a JSON value that we only patch and feed back to
//! `docker compose create`, so that no service key can be misread by us. This and `engine/` are the only modules that
//! start processes.

mod command;
mod context;
mod error;
mod file;
mod generate;
mod isolate;
mod literal;
mod locate;
mod model;
mod passwords;
mod patch;
mod planted;
mod privileges;
mod program;
mod progress;
mod recipe;
mod scratch;
mod tap;

pub use self::command::Compose;
pub use self::context::{ContextError, copy_sent, unwanted};
pub use self::error::ComposeError;
pub(crate) use self::error::{OUT_OF_SPACE, is_out_of_space};
pub use self::file::ComposeFile;
pub use self::generate::{Companion, ImageStack};
pub use self::isolate::{Copy, Hazard, Isolated, Publish, Remaining, ScratchFile, Source, isolate, leave_out};
pub use self::literal::{Literal, literals};
pub use self::locate::{line_of_key, place_of_key};
pub use self::model::{Condition, Model};
pub use self::passwords::with_findable_passwords;
pub use self::patch::{Patch, patched};
pub use self::planted::{PROGRAM_FOLDER, PROXY, starts_nothing};
pub use self::privileges::{Privilege, privileges};
pub(crate) use self::program::run_program;
pub use self::progress::{BuildStep, build_steps};
pub use self::recipe::{Built, NoRecipe};
pub use self::tap::{TAP_CONTROL, TapPlace, tap_of};

/// The key of our own block in a compose file.
pub const OWN_BLOCK: &str = "x-seaworthy";
