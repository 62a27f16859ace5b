//! What belongs to somebody else.

use std::process::Command;

use crate::docker;

/// Somebody else's container, network and volume, with a label that looks a little like ours.
pub(crate) struct Foreign {
    names: Vec<[String; 3]>,
}

impl Foreign {
    pub(crate) fn create(what: &str) -> Self {
        let name = format!("foreign-{what}-{}", std::process::id());
        let label = ["--label", "dev.seaworthy.runner=nobody"];
        docker(&[&["create", "--name", &name], &label[..], &["python:3.11-slim-bookworm", "true"]].concat());
        docker(&[&["network", "create"], &label[..], &[&name]].concat());
        docker(&[&["volume", "create"], &label[..], &[&name]].concat());
        let kinds = ["container", "network", "volume"];
        Self { names: kinds.map(|kind| [kind.to_owned(), "inspect".to_owned(), name.clone()]).into() }
    }

    pub(crate) fn assert_untouched(&self) {
        for words in &self.names {
            docker(&words.each_ref().map(String::as_str));
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        for [kind, _, name] in &self.names {
            let _ = Command::new("docker").args([kind, "rm", name]).output();
        }
    }
}
