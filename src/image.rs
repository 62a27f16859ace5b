//! The content of an image, read once from the archive that `docker save` or an OCI layout makes; and its Dockerfile.
//!
//! Everything is read as one stream and nothing is unpacked: what stays in memory is a line for each entry of each layer, and
//! the few files that are asked for. Nothing of an archive is believed before it is counted: names, sizes, numbers of entries
//! and the digests of the parts. An archive that breaks a rule ends in an [`ImageError`].

mod archive;
mod builder;
mod compression;
mod config;
mod entry;
mod error;
mod examine;
mod identity;
mod ignore;
mod load;
mod recipe;
mod scanner;
mod secret;
mod tokens;
mod tree;

pub use self::archive::read;
use self::builder::builds;
pub use self::config::{Config, Step};
pub use self::entry::{Entry, Kind};
pub use self::error::ImageError;
pub use self::examine::{
    caches, compilers, layer_sizes, package_managers, secret_files, secrets_in_history, secrets_in_settings, setuid_programs,
    size_in_words, waste, writable_code,
};
pub use self::identity::Identity;
pub use self::ignore::{Ignore, is_taken};
pub use self::load::Loadable;
pub use self::recipe::{BuildCommand, Named, Recipe, is_pinned};
#[cfg(test)]
pub(crate) use self::scanner::testing;
pub use self::scanner::{Weakness, read_report};
pub use self::secret::{LARGEST_FILE, Secret, Written, in_file, in_setting, in_step, written_in_line, written_in_setting};
pub use self::tree::{Contents, File, Layer};
