//! Judging what BuildKit tells of a build.

use std::collections::BTreeMap;

use super::Finding;

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

/// After one source file has changed, no step that installs dependencies is made again. `progress` is what BuildKit wrote in plain form.
pub fn reuses_dependencies(progress: &str, touched: &str) -> Result<(), Finding> {
    let made: Vec<&str> =
        steps(progress).into_iter().filter(|(is_cached, step)| !is_cached && installs(step)).map(|(_, step)| step).collect();
    if made.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = made.iter().map(|step| format!("`{step}`")).collect();
    Err(Finding {
        expected: "after a change of one source file the dependencies are taken from the build cache".into(),
        seen: format!("after a change of {touched} these were made again: {}", shown.join(", ")),
    })
}

/// Whether any step of a build installs dependencies at all.
#[must_use]
pub fn installs_dependencies(progress: &str) -> bool {
    steps(progress).into_iter().any(|(_, step)| installs(step))
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
    fn only_installations_that_are_made_again_count() {
        let cached = format!("{PROGRESS}#9 CACHED\n");
        assert_eq!(reuses_dependencies(&cached, "service/a.py"), Ok(()));
        let made = format!("{PROGRESS}#9 0.512 Reading package lists...\n#9 DONE 3.0s\n");
        let finding = reuses_dependencies(&made, "service/a.py").expect_err("made again");
        assert_eq!(
            finding.seen,
            "after a change of service/a.py these were made again: `RUN apt-get update && apt-get install --yes make`"
        );
        assert!(installs_dependencies(PROGRESS) && !installs_dependencies("#1 [app 1/2] RUN make\n"));
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
