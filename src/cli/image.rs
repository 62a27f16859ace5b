//! Flags that make a stack for a single image.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::compose::{Companion, ImageStack};
use crate::engine::RunId;

/// An image instead of a compose file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Any image")]
pub(super) struct ImageFlags {
    /// Check this image instead of a compose file, with generated dependencies
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["path", "file", "profile"], group = "one_image")]
    image: Option<String>,
    /// Check the image in this archive, as `docker save` or `docker buildx build -o type=oci` writes it; compressed or not
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "file", "profile"], group = "one_image")]
    archive: Option<PathBuf>,
    /// A dependency to start with the image: postgres, mariadb, mysql, redis, rabbitmq, mongo, memcached or nats, each also with a
    /// [:TAG]; may be repeated. The app gets the usual variables: `DB_HOST`…, `PGHOST`…, `DATABASE_URL`, `REDIS_URL`, `AMQP_URL`… With a
    /// compose file: a service to keep that would be left out, because it can't be isolated and the app does not need it
    #[arg(long, value_name = "COMPANION|SERVICE")]
    with: Vec<String>,
    /// A variable for the app; {user}, {password}, {host}, {port} and {database} are filled in; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "one_image", value_parser = variable)]
    env: Vec<(String, String)>,
}

impl ImageFlags {
    /// The services of a compose file that may not be left out.
    pub(super) fn kept(&self) -> BTreeSet<String> {
        if self.image.is_some() || self.archive.is_some() { BTreeSet::new() } else { self.with.iter().cloned().collect() }
    }

    /// The stack that the flags describe, with more variables from files; nothing without an image. The error says what `--with` may name.
    pub(super) fn into_stack(self, env_files: &[PathBuf]) -> Result<Option<ImageStack>, String> {
        let here = std::env::current_dir().unwrap_or_default();
        let image = match (self.image, &self.archive) {
            (Some(image), _) => image,
            (None, Some(_)) => format!("seaworthy-{}:archive", RunId::random()),
            (None, None) => return Ok(None),
        };
        let companion = |name: &String| name.parse::<Companion>().map_err(|error| format!("--with {name}: {error}"));
        Ok(Some(ImageStack {
            image,
            archive: self.archive,
            companions: self.with.iter().map(companion).collect::<Result<_, _>>()?,
            environment: self.env,
            env_files: env_files.iter().map(|file| here.join(file)).collect(),
            password: format!("generated-{}", RunId::random()),
        }))
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".into()),
    }
}
