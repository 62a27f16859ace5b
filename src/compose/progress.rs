//! Reading what BuildKit tells of a build, in plain form.

use std::collections::BTreeMap;

/// Commands that install dependencies, each as words that follow each other.
const INSTALLS: [&[&str]; 23] = [
    &["pip", "install"],
    &["pip3", "install"],
    &["uv", "sync"],
    &["poetry", "install"],
    &["pipenv", "install"],
    &["npm", "ci"],
    &["npm", "install"],
    &["npm", "i"],
    &["yarn", "install"],
    &["pnpm", "install"],
    &["pnpm", "i"],
    &["bundle", "install"],
    &["composer", "install"],
    &["go", "mod", "download"],
    &["cargo", "fetch"],
    &["mvn", "dependency:go-offline"],
    &["dotnet", "restore"],
    &["mix", "deps.get"],
    &["apt-get", "install"],
    &["apt", "install"],
    &["apk", "add"],
    &["dnf", "install"],
    &["microdnf", "install"],
];

/// A step of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The instruction.
    pub instruction: String,
    /// Whether it was taken from the build cache.
    pub cached: bool,
    /// Whether it installs dependencies.
    pub installs: bool,
}

/// The steps of a build, in their order.
#[must_use]
pub fn build_steps(progress: &str) -> Vec<Step> {
    let step = |(cached, step): (bool, &str)| Step { instruction: step.to_owned(), cached, installs: installs(step) };
    steps(progress).into_iter().map(step).collect()
}

/// The steps of a build: whether each was cached, and its instruction.
fn steps(progress: &str) -> Vec<(bool, &str)> {
    let mut steps: BTreeMap<u32, (bool, &str)> = BTreeMap::new();
    for line in progress.lines() {
        let Some((number, rest)) = line.trim().strip_prefix('#').and_then(|line| line.split_once(' ')) else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        if let Some((_, step)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            steps.entry(number).or_insert((false, step));
        } else if rest == "CACHED" {
            steps.entry(number).or_insert((false, "")).0 = true;
        }
    }
    steps.into_values().collect()
}

fn installs(step: &str) -> bool {
    let Some(line) = step.strip_prefix("RUN ") else { return false };
    let words: Vec<&str> = line.split(|character: char| character.is_whitespace() || ";&|".contains(character)).collect();
    // A program may be given by its path, and flags may stand between it and what it is to do.
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty() && !word.starts_with('-')).collect();
    let words: Vec<&str> = words.iter().map(|word| word.rsplit('/').next().unwrap_or_default()).collect();
    INSTALLS.iter().any(|command| {
        let mut rest = words.iter().skip_while(|word| **word != command[0]);
        // The value of a flag may stand between, too.
        command.iter().all(|word| rest.by_ref().take(3).any(|other| other == word))
    })
}
