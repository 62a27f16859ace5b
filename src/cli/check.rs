//! `seaworthy check`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, Args};

use super::files::FileFlags;
use super::flags::{self, ContractFlags};
use super::image::ImageFlags;
use super::progress::Lines;
use super::reports::{ReportFlags, write};
use super::screen::{DetailFlags, look, note, say};
use crate::compose::{Compose, Hazard, ImageStack};
use crate::engine::AskedAccess;
use crate::exit::Exit;
use crate::gherkin::Grouping;
use crate::interrupt;
use crate::redact::Redactor;
use crate::report;
use crate::suite::{Exceptions, Progress, Request, RunError, Scan, Target, check};

const EXAMPLES: &str = "  \
  seaworthy check
  seaworthy check path/to/compose.yaml --tags '@shutdown and not @should'
  seaworthy check -f compose.yaml -f compose.ci.yaml --env-file ci.env --report-dir reports
  seaworthy check --image shop:1.4 --with postgres --readiness /health
  seaworthy check --prove";

const PROVE_EXIT_CODES: &str = "

With --prove:
  0  checks notice every known defect that can be put into this stack
  1  no check notices one of them
  2  no verdict, also when a defect could not be judged
  3  no known defect can be tried on this stack";

/// Start copies of a stack, disturb them, and judge what happens.
///
/// Every check gets its own copy of the stack, or shares one with checks of the same experiment. None of the ports in your compose file
/// are published, and everything is removed at the end, also on failure and on Ctrl-C.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = super::examples(EXAMPLES) + PROVE_EXIT_CODES, mut_args(fit_a_screen))]
pub(super) struct Arguments {
    #[command(flatten)]
    files: FileFlags,
    /// Run only the checks that a tag expression selects, such as '@shutdown and not @should'
    #[arg(long, short, value_name = "EXPR")]
    tags: Option<String>,
    /// Also run the checks of your own feature files, from a folder and its subfolders; `seaworthy steps` lists the sentences
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// How many experiments run at once [default: as many as CPUs and memory allow]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Let failed `should` checks fail the run too
    #[arg(long)]
    strict: bool,
    /// Also run the checks that take more than a minute
    #[arg(long)]
    slow: bool,
    /// Give every check its own copy of the stack, even where several could share one; takes longer
    #[arg(long)]
    isolated: bool,
    /// Prove that the checks notice what they should: put known defects into copies of this stack, and show which checks notice each
    #[arg(long, conflicts_with_all = ["tags", "features", "slow", "strict", "explain_contract"])]
    prove: bool,
    /// Show every value of the contract and where it came from; starts the stack once and runs no check
    #[arg(long)]
    explain_contract: bool,
    /// Allow a key that can't be isolated, such as `privileged`; may be repeated; experiments then run one at a time
    #[arg(long, value_name = "KEY")]
    allow: Vec<Hazard>,
    /// Read known vulnerabilities from a JSON report of Trivy or Grype, instead of running an installed one
    #[arg(long, value_name = "FILE")]
    scan_report: Option<PathBuf>,
    /// How to reach containers: direct or published [default: direct where this machine is on the engine's networks]
    #[arg(long, value_name = "WAY")]
    access: Option<AskedAccess>,
    #[command(flatten)]
    detail: DetailFlags,
    #[command(flatten)]
    reports: ReportFlags,
    /// Save the stack generated for --image as a compose file
    #[arg(long, value_name = "FILE", help_heading = "Any image", requires = "image")]
    write_compose: Option<PathBuf>,
    #[command(flatten)]
    image: ImageFlags,
    #[command(flatten)]
    contract: ContractFlags,
}

/// Shows what a first run needs with -h, and everything with --help.
fn fit_a_screen(argument: Arg) -> Arg {
    let is_of_contract = argument.get_help_heading() == Some(flags::HEADING);
    let is_rare = RARE.contains(&argument.get_id().as_str());
    argument.hide_short_help(is_of_contract || is_rare)
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let kept = arguments.image.kept();
    if arguments.prove && !arguments.reports.can_hold_proof() {
        return Exit::CouldNotRun;
    }
    let target = match arguments.image.into_stack(&arguments.files.env_file) {
        Ok(Some(stack)) => Target::Image(stack),
        Ok(None) => arguments.files.into(),
        Err(wrong) => {
            note(&format!("error: {wrong}"));
            return Exit::CouldNotRun;
        }
    };
    if let (Some(file), Target::Image(stack)) = (&arguments.write_compose, &target)
        && !write_compose(file, stack).await
    {
        return Exit::CouldNotRun;
    }
    let request = Request {
        target,
        flags: arguments.contract.into(),
        features: arguments.features,
        tags: arguments.tags,
        jobs: arguments.jobs.map(usize::from),
        exceptions: Exceptions { allowed: arguments.allow.into_iter().collect(), kept },
        slow: arguments.slow,
        strict: arguments.strict,
        prove: arguments.prove,
        grouping: if arguments.isolated { Grouping::Isolated } else { Grouping::Rules },
        explain: arguments.explain_contract,
        scan: arguments.scan_report.map_or(Scan::Installed, Scan::Report),
        access: arguments.access,
        executable: std::env::current_exe().ok(),
    };
    let look = look(arguments.detail);
    let lines = Arc::new(Lines::new(look, request.explain));
    let checked = Box::pin(check(&request, Arc::clone(&lines) as Arc<dyn Progress>, stop())).await;
    lines.end();
    let run = match checked {
        Ok(run) => run,
        Err(error) => {
            explain(&error);
            return Exit::of_error(&error);
        }
    };
    if request.explain {
        return Exit::Passed;
    }
    let left_out: &[&str] = if run.apps.several().is_empty() { &[] } else { &["--app"] };
    let command = command_line(std::env::args().skip(1), &[&LEFT_OUT, left_out].concat());
    say(report::describe(&run, &command, look).trim_end());
    if arguments.reports.write(&run) { Exit::of_run(&run) } else { Exit::CouldNotRun }
}

/// Saves the stack that is made for an image. Returns whether it could.
async fn write_compose(file: &Path, stack: &ImageStack) -> bool {
    let yaml = async {
        let model = Compose.resolve(&stack.to_compose()).await?;
        Compose.to_yaml(&model).await
    };
    match yaml.await {
        Ok(yaml) => write(file, &yaml),
        Err(error) => {
            explain(&error.into());
            false
        }
    }
}

/// Flags that -h does not show.
const RARE: [&str; 11] = [
    "isolated",
    "profile",
    "features",
    "explain_contract",
    "allow",
    "scan_report",
    "access",
    "write_compose",
    "sarif",
    "cucumber_json",
    "archive",
];

/// Flags that a single check is run again without: those that select checks, and those whose files it would overwrite.
const LEFT_OUT: [&str; 8] = ["--tags", "-t", "--html", "--junit", "--json", "--sarif", "--cucumber-json", "--report-dir"];

/// A command line without some of its flags and their values, fit to be pasted into a shell.
fn command_line(mut arguments: impl Iterator<Item = String>, left_out: &[&str]) -> String {
    let mut words = vec!["seaworthy".to_owned()];
    // A secret that was given stays on the screen of who gave it, but a report travels.
    let mut variables: Vec<(String, String)> = vec![];
    while let Some(argument) = arguments.next() {
        if left_out.contains(&argument.as_str()) {
            arguments.next();
        } else if !left_out.iter().any(|flag| argument.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
            variables
                .extend(argument.trim_start_matches("--env=").split_once('=').map(|(name, value)| (name.into(), value.into())));
            words.push(quote(&argument));
        }
    }
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Redactor::default().with_variables(variables).redact(&words.join(" "))
}

fn quote(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_./:=@,+-".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Completes when the run should end, and says so.
async fn stop() {
    interrupt::requested().await;
    note("… stopping, and removing everything that was created");
}

pub(super) fn explain(error: &RunError) {
    note(&format!("error: {}", error.describe()));
    if let Some((heading, lines)) = error.output().filter(|(_, lines)| !lines.is_empty()) {
        note(&format!("  {heading}:"));
        for line in lines {
            note(&format!("    | {line}"));
        }
    }
    note(&format!("  help: {}", error.advice()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_run_again_without_selection_and_reports() {
        let arguments = ["check", "--tags", "@a or @b", "my stack", "--json=run.json", "--report-dir", "out", "--strict"];
        assert_eq!(command_line(arguments.map(String::from).into_iter(), &LEFT_OUT), "seaworthy check 'my stack' --strict");
    }

    #[test]
    fn a_secret_among_the_arguments_is_not_told_again() {
        let arguments = ["check", "--image", "shop", "--env", "API_TOKEN=hunter22", "--env=DSN=postgres://u:pa55word@db/x"];
        let told = command_line(arguments.map(String::from).into_iter(), &LEFT_OUT);
        assert_eq!(told, "seaworthy check --image shop --env API_TOKEN=[redacted] --env=DSN=postgres://u:[redacted]@db/x");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, quoted) in [("stacks/a.yaml", "stacks/a.yaml"), ("A=$5", "'A=$5'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(quote(word), quoted);
        }
    }
}
