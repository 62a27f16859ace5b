//! What Compose itself can't create: it copies inline configs and secrets into the container, which a read-only root does not
//! let it do. Such a service gets them as files, which Compose mounts.

use serde_json::{Value, json};

use super::{Copy, Notes, ScratchFile, Source};

/// Gives services with a read-only root their inline configs and secrets as files.
pub(super) fn read_only_services(value: &mut Value, copy: &Copy, notes: &mut Notes) {
    for section in ["configs", "secrets"] {
        let inline: Vec<(String, Source)> = value[section]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, definition)| Some((name.clone(), source_of(definition)?)))
            .collect();
        for (name, source) in inline {
            let file = format!("{name}-file");
            if !replace_in_read_only_services(value, section, &name, &file) {
                continue;
            }
            let to = copy.scratch.join(&file);
            value[section][file.as_str()] = json!({"file": to});
            notes.files.push(ScratchFile::Content { to, source });
        }
    }
}

fn source_of(definition: &Value) -> Option<Source> {
    let text = |key: &str| definition.get(key).and_then(Value::as_str);
    // In the resolved model `$` is written `$$`.
    text("content")
        .map(|content| Source::Text(content.replace("$$", "$")))
        .or_else(|| text("environment").map(|name| Source::Variable(name.to_owned())))
}

/// Returns whether any service uses it.
fn replace_in_read_only_services(value: &mut Value, section: &str, name: &str, file: &str) -> bool {
    let mut is_used = false;
    for (_, service) in value["services"].as_object_mut().into_iter().flatten() {
        if service.get("read_only") != Some(&json!(true)) {
            continue;
        }
        for grant in service.get_mut(section).and_then(Value::as_array_mut).into_iter().flatten() {
            if grant.get("source").and_then(Value::as_str) == Some(name) {
                // Without a target a grant is found under its own name.
                if section == "secrets" && grant.get("target").is_none() {
                    grant["target"] = json!(format!("/run/secrets/{name}"));
                }
                if section == "configs" && grant.get("target").is_none() {
                    grant["target"] = json!(format!("/{name}"));
                }
                grant["source"] = json!(file);
                is_used = true;
            }
        }
    }
    is_used
}
