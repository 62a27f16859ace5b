//! Which commands of a Dockerfile build something: compile, bundle, link. Whoever only installs what others have built needs no stage
//! of its own for that.

/// Programs that build, and the words of which one has to follow; any call counts where there are none.
const BUILDERS: [(&str, &[&str]); 40] = [
    ("cc", &[]),
    ("gcc", &[]),
    ("g++", &[]),
    ("c++", &[]),
    ("clang", &[]),
    ("clang++", &[]),
    ("make", &[]),
    ("gmake", &[]),
    ("cmake", &[]),
    ("ninja", &[]),
    ("meson", &[]),
    ("bazel", &["build"]),
    ("javac", &[]),
    ("kotlinc", &[]),
    ("scalac", &[]),
    ("rustc", &[]),
    ("tsc", &[]),
    ("webpack", &[]),
    ("esbuild", &[]),
    ("rollup", &[]),
    ("vite", &["build"]),
    ("next", &["build"]),
    ("ng", &["build"]),
    ("go", &["build", "install", "generate"]),
    ("cargo", &["build", "install"]),
    ("mvn", &["compile", "package", "verify", "install"]),
    ("mvnw", &["compile", "package", "verify", "install"]),
    ("gradle", &["build", "assemble", "bootJar", "shadowJar", "installDist", "jar", "war"]),
    ("gradlew", &["build", "assemble", "bootJar", "shadowJar", "installDist", "jar", "war"]),
    ("sbt", &["compile", "assembly", "stage", "dist", "package"]),
    ("dotnet", &["build", "publish"]),
    ("mix", &["compile", "release"]),
    ("swift", &["build"]),
    ("stack", &["build", "install"]),
    ("cabal", &["build", "install"]),
    ("lein", &["uberjar", "compile"]),
    ("npm", &["build", "compile"]),
    ("yarn", &["build", "compile"]),
    ("pnpm", &["build", "compile"]),
    ("bun", &["build", "compile"]),
];
/// Words in front of a program that start it.
const STARTERS: [&str; 9] = ["sudo", "exec", "time", "env", "nice", "npx", "then", "do", "else"];
/// Programs that start another one by its name: what they are given is the program.
const RUNNERS: [&str; 3] = ["yarn", "pnpm", "bunx"];
/// What a script is called that builds, before its ending.
const SCRIPT: &str = "build";
/// Programs that run a script, and the endings of scripts.
const INTERPRETERS: [&str; 6] = ["sh", "bash", "node", "python", "python3", "ruby"];
const ENDINGS: [&str; 7] = [".sh", ".js", ".mjs", ".cjs", ".ts", ".py", ".rb"];
/// How much of a command is told.
const LONGEST: usize = 60;

/// The commands of a shell's line, or of several, that build something.
pub(super) fn builds(text: &str) -> Vec<String> {
    let commands = text.split(['\n', ';', '&', '|', '(', ')']).map(str::trim);
    commands.filter(|command| is_build(command)).map(shortened).collect()
}

fn is_build(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| STARTERS.contains(word) || is_assignment(word));
    let Some(program) = words.next().map(name_of) else { return false };
    let rest: Vec<&str> = words.filter(|word| !word.starts_with('-')).collect();
    if RUNNERS.contains(&program) && rest.first().is_some_and(|word| is_tool(word, &rest[1..])) {
        return true;
    }
    let script = if INTERPRETERS.contains(&program) { rest.first().map(|word| name_of(word)) } else { Some(program) };
    is_tool(program, &rest) || script.is_some_and(|script| ENDINGS.iter().any(|end| script.strip_suffix(end) == Some(SCRIPT)))
}

/// Whether a program builds when it is given these words. `npm run build:production` is a build, too.
fn is_tool(program: &str, rest: &[&str]) -> bool {
    let builder = BUILDERS.iter().find(|(name, _)| *name == program);
    builder.is_some_and(|(_, wanted)| {
        wanted.is_empty() || rest.iter().any(|word| wanted.contains(&word.split(':').next().unwrap_or_default()))
    })
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

fn shortened(command: &str) -> String {
    let line = command.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(LONGEST).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_told_from_installations() {
        for (line, built) in [
            ("pip install --no-cache-dir mlflow==3.4.0 psycopg2-binary", &[][..]),
            ("apt-get update && apt-get install --yes make gcc", &[]),
            ("pip install --no-cache-dir build && rm -rf /root/.cache", &[]),
            ("npm ci --omit=dev", &[]),
            ("npm install --save-dev webpack", &[]),
            ("echo 'make sure that it is there'", &[]),
            ("mkdir -p /build && cd /build", &[]),
            ("go version", &[]),
            ("mvn dependency:go-offline", &[]),
            ("npm ci && NODE_ENV=production npm run build:production", &["NODE_ENV=production npm run build:production"]),
            ("yarn build", &["yarn build"]),
            ("npx tsc --project .", &["npx tsc --project ."]),
            ("yarn tsc", &["yarn tsc"]),
            (
                "CGO_ENABLED=0 /usr/local/go/bin/go build -o /srv/app .",
                &["CGO_ENABLED=0 /usr/local/go/bin/go build -o /srv/app ."],
            ),
            ("./mvnw -q package", &["./mvnw -q package"]),
            ("./configure && make -j4 && make install", &["make -j4", "make install"]),
            ("node build.js", &["node build.js"]),
            ("./scripts/build.sh --all", &["./scripts/build.sh --all"]),
        ] {
            assert_eq!(builds(line), built, "{line}");
        }
    }
}
