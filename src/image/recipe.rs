//! The Dockerfile of an image: its stages, and which of them a target is made of.

use std::collections::BTreeMap;

use parse_dockerfile::{Command, Dockerfile, Flag, Instruction, Source, parse};

use super::{ImageError, builds};

/// The base image that is no image.
const SCRATCH: &str = "scratch";

/// What a Dockerfile says of how an image is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    stages: Vec<Stage>,
}

/// One stage, from a FROM to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stage {
    name: Option<String>,
    from: String,
    /// What it copies from, or mounts: stages, images, named contexts.
    takes_from: Vec<String>,
    /// What it takes from the build context: paths, perhaps with wildcards.
    sources: Vec<String>,
    /// The commands that build something.
    builds: Vec<BuildCommand>,
    /// The line of its FROM, from 1.
    line: usize,
}

/// A command of a Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildCommand {
    /// The command, as it is written.
    pub command: String,
    /// The line of its instruction, from 1.
    pub line: usize,
}

/// An image that a Dockerfile names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The image, variables filled in.
    pub image: String,
    /// The line of its FROM, or of the FROM of the stage that copies from it; from 1.
    pub line: usize,
}

impl Recipe {
    /// Reads a Dockerfile. `arguments` are the build arguments, which win over the defaults of ARG.
    pub fn parse(text: &str, arguments: &BTreeMap<String, String>) -> Result<Self, ImageError> {
        let damaged = |what: String| ImageError::Damaged { part: "the Dockerfile".into(), what };
        let dockerfile = parse(text).map_err(|error| damaged(error.to_string()))?;
        let variables = variables(&dockerfile, arguments);
        let line_of = |place: usize| text[..place.min(text.len())].matches('\n').count() + 1;
        let mut stages: Vec<Stage> = vec![];
        for instruction in &dockerfile.instructions {
            if let Instruction::From(from) = instruction {
                stages.push(Stage {
                    name: from.as_.as_ref().map(|(_, name)| name.value.to_ascii_lowercase()),
                    from: fill_in(&from.image.value, &variables),
                    line: line_of(from.from.span.start),
                    ..Stage::default()
                });
            } else if let Some(stage) = stages.last_mut() {
                let (takes_from, sources) = inputs(instruction);
                stage.takes_from.extend(takes_from.iter().map(|name| fill_in(name, &variables)));
                stage.sources.extend(sources);
                if let Instruction::Run(run) = instruction {
                    let line = line_of(run.run.span.start);
                    let lines = std::iter::once(command_line(&run.arguments))
                        .chain(run.here_docs.iter().map(|doc| doc.value.to_string()));
                    let built = lines.flat_map(|text| builds(&text));
                    stage.builds.extend(built.map(|command| BuildCommand { command, line }));
                }
            }
        }
        if stages.is_empty() { Err(damaged("it has no FROM".into())) } else { Ok(Self { stages }) }
    }

    /// The images that a target (or, without one, the last stage) is made from, those of `contexts` left out: who calls the build
    /// replaces them.
    #[must_use]
    pub fn images(&self, target: Option<&str>, contexts: &[&str]) -> Vec<Named> {
        let mut images: Vec<Named> = vec![];
        for stage in self.needed(target) {
            let Stage { from, takes_from, line, .. } = &self.stages[stage];
            for name in std::iter::once(from).chain(takes_from) {
                let is_image = self.place(name, stage).is_none() && name != SCRATCH && !contexts.contains(&name.as_str());
                if is_image && !images.iter().any(|image| image.image == *name) {
                    images.push(Named { image: name.clone(), line: *line });
                }
            }
        }
        images
    }

    /// What a target takes from the build context: paths from its root, perhaps with wildcards; empty for all of it.
    #[must_use]
    pub fn sources(&self, target: Option<&str>) -> Vec<&str> {
        self.needed(target).into_iter().flat_map(|stage| &self.stages[stage].sources).map(String::as_str).collect()
    }

    /// The same for the stage that a target is, with those that it goes on from.
    #[must_use]
    pub fn runtime_sources(&self, target: Option<&str>) -> Vec<&str> {
        self.lineage(target).into_iter().flat_map(|stage| &self.stages[stage].sources).map(String::as_str).collect()
    }

    /// Whether the stage that a target is, with those that it goes on from, takes anything from elsewhere.
    #[must_use]
    pub fn takes_from_a_builder(&self, target: Option<&str>) -> bool {
        self.lineage(target).into_iter().any(|stage| !self.stages[stage].takes_from.is_empty())
    }

    /// What the stage that a target is, with those that it goes on from, builds.
    #[must_use]
    pub fn builds(&self, target: Option<&str>) -> Vec<&BuildCommand> {
        self.lineage(target).into_iter().flat_map(|stage| &self.stages[stage].builds).collect()
    }

    /// The stage that a target is, and those that it goes on from.
    fn lineage(&self, target: Option<&str>) -> Vec<usize> {
        std::iter::successors(self.target(target), |stage| self.place(&self.stages[*stage].from, *stage)).collect()
    }

    /// The stages that a target needs, in their order.
    fn needed(&self, target: Option<&str>) -> Vec<usize> {
        let mut needed: Vec<usize> = self.target(target).into_iter().collect();
        let mut next = 0;
        while next < needed.len() {
            let at = needed[next];
            let stage = &self.stages[at];
            for name in std::iter::once(&stage.from).chain(&stage.takes_from) {
                if let Some(place) = self.place(name, at)
                    && !needed.contains(&place)
                {
                    needed.push(place);
                }
            }
            next += 1;
        }
        needed.sort_unstable();
        needed
    }

    fn target(&self, target: Option<&str>) -> Option<usize> {
        match target.filter(|target| !target.is_empty()) {
            Some(target) => self.place(target, self.stages.len()),
            None => self.stages.len().checked_sub(1),
        }
    }

    /// The stage of this name or number, among those before another one.
    fn place(&self, name: &str, before: usize) -> Option<usize> {
        let lower = name.to_ascii_lowercase();
        let earlier = &self.stages[..before];
        let named = earlier.iter().rposition(|stage| stage.name.as_deref() == Some(lower.as_str()));
        named.or_else(|| name.parse().ok().filter(|number| *number < before))
    }
}

/// Whether the name of an image says which one is meant: by a digest, or by a tag other than `latest`. Nothing where a variable in
/// it has no value.
#[must_use]
pub fn is_pinned(image: &str) -> Option<bool> {
    if image.contains('$') {
        return None;
    }
    if image.contains('@') || image.starts_with("sha256:") {
        return Some(true);
    }
    // A colon before the last slash belongs to the registry's port.
    let name = image.rsplit('/').next().unwrap_or_default();
    Some(name.split_once(':').is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest"))
}

/// What an instruction takes from other stages and images, and what from the build context.
fn inputs(instruction: &Instruction<'_>) -> (Vec<String>, Vec<String>) {
    let values = |flags: &[Flag<'_>], name: &str| -> Vec<String> {
        let named = flags.iter().filter(|flag| flag.name.value == name).filter_map(|flag| flag.value.as_ref());
        named.map(|value| value.value.clone().into_owned()).collect()
    };
    let paths = |sources: &[Source<'_>]| -> Vec<String> {
        let paths = sources.iter().filter_map(|source| match source {
            Source::Path(path) => Some(path.value.clone().into_owned()),
            _ => None,
        });
        // What is fetched from the network is not in the context.
        paths.filter(|path| !path.contains("://")).collect()
    };
    match instruction {
        Instruction::Copy(copy) => {
            let from = values(&copy.options, "from");
            let sources = if from.is_empty() { paths(&copy.src) } else { vec![] };
            (from, sources)
        }
        Instruction::Add(add) => (vec![], paths(&add.src)),
        Instruction::Run(run) => {
            let (mut from, mut sources) = (vec![], vec![]);
            for mount in values(&run.options, "mount") {
                let value = |key: &str| mount.split(',').find_map(|part| part.trim().strip_prefix(key)).map(str::to_owned);
                let is_bind = value("type=").is_none_or(|kind| kind == "bind");
                match value("from=") {
                    Some(name) => from.push(name),
                    None if is_bind => sources.push(value("source=").or_else(|| value("src=")).unwrap_or_default()),
                    None => {}
                }
            }
            (from, sources)
        }
        _ => (vec![], vec![]),
    }
}

/// The words of a command on one line.
fn command_line(command: &Command<'_>) -> String {
    match command {
        Command::Exec(words) => words.value.iter().map(|word| word.value.as_ref()).collect::<Vec<_>>().join(" "),
        Command::Shell(line) => line.value.replace("\\\n", " "),
        _ => String::new(),
    }
}

/// The values of the ARGs before the first FROM, and of those that the build is given.
fn variables(dockerfile: &Dockerfile<'_>, arguments: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let before = dockerfile.instructions.iter().take_while(|instruction| !matches!(instruction, Instruction::From(_)));
    for instruction in before {
        let Instruction::Arg(argument) = instruction else { continue };
        for pair in argument.arguments.value.split_whitespace() {
            let (name, default) = pair.split_once('=').unwrap_or((pair, ""));
            let given = arguments.get(name).cloned();
            let value = given.unwrap_or_else(|| fill_in(default.trim_matches(['"', '\'']), &variables));
            if !value.is_empty() {
                variables.insert(name.to_owned(), value);
            }
        }
    }
    variables
}

/// A text with `$NAME`, `${NAME}` and `${NAME:-default}` filled in; what has no value stays as it is.
fn fill_in(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (whole, name, default, left) = if let Some((inside, left)) =
            after.strip_prefix('{').and_then(|after| after.split_once('}'))
        {
            let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
            (format!("${{{inside}}}"), name, default, left)
        } else {
            let end = after.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(after.len());
            (format!("${}", &after[..end]), &after[..end], None, &after[end..])
        };
        filled.push_str(variables.get(name).map(String::as_str).or(default).unwrap_or(&whole));
        rest = left;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ARG TAG=3.11\nARG BASE=python:${TAG}\nFROM $BASE AS Builder\nRUN make\nFROM golang AS tools\n\
                        FROM scratch AS data\nCOPY --from=tools /go /go\nFROM ${OTHER:-debian:12} AS runtime\n\
                        COPY --from=builder /out /out\nRUN --mount=type=bind,from=busybox,target=/b true\nFROM runtime\nUSER 1\n";

    fn recipe(given: &[(&str, &str)]) -> Recipe {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Recipe::parse(TEXT, &given).expect("parses")
    }

    fn images(recipe: &Recipe, target: Option<&str>) -> Vec<(String, usize)> {
        recipe.images(target, &["busybox"]).into_iter().map(|named| (named.image, named.line)).collect()
    }

    #[test]
    fn only_what_the_target_needs_counts() {
        assert_eq!(images(&recipe(&[]), None), [("python:3.11".into(), 3), ("debian:12".into(), 8)]);
        assert_eq!(images(&recipe(&[("TAG", "3.12")]), Some("builder")), [("python:3.12".into(), 3)]);
        assert_eq!(images(&recipe(&[]), Some("data")), [("golang".into(), 5)]);
        assert_eq!(images(&recipe(&[]), Some("unknown")), []);
    }

    #[test]
    fn only_what_is_copied_from_the_context_is_a_source() {
        let text = "FROM a AS one\nCOPY package.json lock.json ./\nADD https://example.org/x /x\nFROM b AS two\nCOPY . .\n\
                    FROM c\nCOPY --from=one /x /x\nCOPY src/ src/\nRUN --mount=type=bind,source=etc,target=/e --mount=type=cache,target=/c true\n";
        let recipe = Recipe::parse(text, &BTreeMap::new()).expect("parses");
        assert_eq!(recipe.sources(None), ["package.json", "lock.json", "src/", "etc"]);
        assert_eq!(recipe.sources(Some("two")), ["."]);
    }

    #[test]
    fn a_runtime_stage_takes_from_a_builder() {
        let recipe = recipe(&[]);
        assert!(recipe.takes_from_a_builder(None) && recipe.takes_from_a_builder(Some("runtime")));
        assert!(!recipe.takes_from_a_builder(Some("builder")));
    }

    #[test]
    fn what_the_stage_that_runs_builds_is_told_with_its_line() {
        let text = "FROM a AS one\nRUN go build ./...\nFROM b AS two\nRUN apt-get update \\\n && npm run build -- --mode production\n\
                    RUN [\"make\", \"install\"]\nFROM two\nCOPY . .\nRUN <<EOF\npip install .\ncargo build --release\nEOF\n";
        let recipe = Recipe::parse(text, &BTreeMap::new()).expect("parses");
        let built: Vec<(usize, &str)> = recipe.builds(None).into_iter().map(|step| (step.line, step.command.as_str())).collect();
        assert_eq!(built, [(9, "cargo build --release"), (4, "npm run build -- --mode production"), (6, "make install")]);
    }

    #[test]
    fn a_tag_or_a_digest_pins() {
        for (image, pinned) in [
            ("python:3.11", Some(true)),
            ("python", Some(false)),
            ("python:latest", Some(false)),
            ("registry:5000/python", Some(false)),
            ("registry:5000/python:3", Some(true)),
            ("python@sha256:abc", Some(true)),
            ("python:latest@sha256:abc", Some(true)),
            ("python:$TAG", None),
        ] {
            assert_eq!(is_pinned(image), pinned, "{image}");
        }
    }

    #[test]
    fn what_is_no_dockerfile_is_an_error() {
        for text in ["", "ARG A=1\n", "FROM\n", "BREW coffee\n"] {
            assert!(Recipe::parse(text, &BTreeMap::new()).is_err(), "{text:?}");
        }
    }
}
