//! Reading what BuildKit tells of a build, in plain form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildStep {
    /// The instruction.
    pub instruction: String,
    /// Whether it was taken from the build cache.
    pub cached: bool,
    /// Whether it installs dependencies.
    pub installs: bool,
}

/// The steps of a build, in their order.
#[must_use]
pub fn build_steps(progress: &str) -> Vec<BuildStep> {
    let step = |(cached, step): (bool, &str)| BuildStep { instruction: step.to_owned(), cached, installs: installs(step) };
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

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: &str = "#1 [app internal] load build definition from Dockerfile\n#1 DONE 0.0s\n#7 [app builder 4/5] RUN pip --python /x/python \
                            install --requirement requirements.txt\n#7 CACHED\n#8 [app runtime 3/5] COPY service/ service/\n#8 DONE 0.1s\n\
                            #9 [app runtime 4/5] RUN apt-get update && apt-get install --yes make\n";

    #[test]
    fn steps_are_told_with_whether_they_were_cached_and_install() {
        let steps = |progress: &str| -> Vec<(String, bool, bool)> {
            build_steps(progress).into_iter().map(|step| (step.instruction, step.cached, step.installs)).collect()
        };
        let step = |instruction: &str, cached, installs| (instruction.to_owned(), cached, installs);
        let install = "RUN apt-get update && apt-get install --yes make";
        let mut expected = vec![
            step("load build definition from Dockerfile", false, false),
            step("RUN pip --python /x/python install --requirement requirements.txt", true, true),
            step("COPY service/ service/", false, false),
            step(install, false, true),
        ];
        assert_eq!(steps(&format!("{PROGRESS}#9 0.512 Reading package lists...\n#9 DONE 3.0s\n")), expected);
        expected[3] = step(install, true, true);
        assert_eq!(steps(&format!("{PROGRESS}#9 CACHED\n")), expected);
        assert_eq!(steps("#1 [app 1/2] RUN make\n"), [step("RUN make", false, false)]);
    }

    #[test]
    fn installations_are_told_from_other_commands() {
        for (step, is_one) in [
            ("RUN pip install --no-cache-dir flask", true),
            ("RUN /opt/venv/bin/pip install flask", true),
            ("RUN python -m pip install flask", true),
            ("RUN pip uninstall --yes pip", false),
            ("RUN npm ci --omit=dev", true),
            ("RUN npm run build", false),
            ("RUN cd app && npm install", true),
            ("RUN go mod download", true),
            ("RUN go build ./...", false),
            ("COPY package.json .", false),
        ] {
            assert_eq!(installs(step), is_one, "{step}");
        }
    }
}
