//! What an image says of itself: its configuration and its history.
//!
//! Source: the image configuration of the OCI image specification, which Docker's is the same as in all that is read here.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The configuration of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What it is made for, such as `linux/amd64`; nothing when that is not written down.
    pub platform: Option<String>,
    /// The environment, name and value.
    pub environment: Vec<(String, String)>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Entry point and command, one after the other.
    pub command: Vec<String>,
    /// The user, and after a colon the group; empty when none is set.
    pub user: String,
    /// The folder that the command is started in.
    pub folder: String,
    /// How it was made, oldest first.
    pub history: Vec<Step>,
}

/// One step by which an image was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The instruction, as the builder writes it down.
    pub instruction: String,
    /// The place of the layer that it made, from 0; nothing when it made none.
    pub layer: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    os: Option<String>,
    architecture: Option<String>,
    config: WrittenConfig,
    history: Vec<WrittenStep>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct WrittenConfig {
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenStep {
    created_by: String,
    empty_layer: bool,
}

impl Config {
    /// The configuration that is written down so.
    pub(super) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let Written { os, architecture, config, history } = serde_json::from_slice(json)?;
        let mut layers = 0..;
        let history = history
            .into_iter()
            .map(|step| Step { layer: if step.empty_layer { None } else { layers.next() }, instruction: step.created_by });
        let environment = config.env.unwrap_or_default().into_iter().map(|setting| match setting.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (setting, String::new()),
        });
        Ok(Self {
            platform: os.zip(architecture).map(|(os, architecture)| format!("{os}/{architecture}")),
            environment: environment.collect(),
            labels: config.labels.unwrap_or_default(),
            command: config.entrypoint.into_iter().chain(config.cmd).flatten().collect(),
            user: config.user.unwrap_or_default(),
            folder: config.working_dir.filter(|folder| !folder.is_empty()).unwrap_or_else(|| "/".into()),
            history: history.collect(),
        })
    }

    /// The instruction that made a layer, shortened to one line; nothing when it is not written down.
    #[must_use]
    pub fn made(&self, layer: usize) -> Option<String> {
        let step = self.history.iter().find(|step| step.layer == Some(layer))?;
        let words: Vec<&str> = step.instruction.split_whitespace().collect();
        let line = words.join(" ");
        let line = line.trim_end_matches("# buildkit").trim();
        if line.is_empty() {
            return None;
        }
        let short: String = line.chars().take(LONGEST_LINE).collect();
        Some(if short.len() < line.len() { format!("{short}…") } else { short })
    }
}

/// How much of an instruction is told.
const LONGEST_LINE: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_tells_which_layer_a_step_made() {
        let config = Config::parse(
            br#"{"config": {"Env": ["A=b=c", "D"], "Entrypoint": ["/run"], "Cmd": null, "User": "app"}, "history": [
                {"created_by": "ADD file:1 in / "}, {"created_by": "ENV A=b", "empty_layer": true},
                {"created_by": "RUN /bin/sh -c  apt-get   update # buildkit"}]}"#,
        );
        let config = config.expect("parses");
        assert_eq!(config.environment, [("A".into(), "b=c".into()), ("D".into(), String::new())]);
        assert_eq!(
            (config.made(0).as_deref(), config.made(1).as_deref()),
            (Some("ADD file:1 in /"), Some("RUN /bin/sh -c apt-get update"))
        );
        assert_eq!((config.made(2), config.folder.as_str()), (None, "/"));
    }
}
