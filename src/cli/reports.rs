//! Flags for the files that a run is written to.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::screen::{note, say};
use crate::model::Run;
use crate::report::{Format, to_annotations, to_job_summary};

/// The files that a run is written to.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(super) struct ReportFlags {
    /// Write the run as one self-contained page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the run as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Save the run as JSON, for `seaworthy report`, `judge` and `compare`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write failed checks as SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write the run as Cucumber JSON
    #[arg(long, value_name = "FILE")]
    cucumber_json: Option<PathBuf>,
    /// Write all of these to a folder, created if missing
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
}

impl ReportFlags {
    /// Writes every report that is asked for, whatever became of the one before, and says where they are. Returns whether all
    /// could be written.
    pub(super) fn write(&self, run: &Run) -> bool {
        let mut files = vec![];
        let mut all_written = true;
        if let Some(folder) = &self.report_dir {
            if let Err(error) = std::fs::create_dir_all(folder) {
                note(&format!("error: {} can't be created: {error}", folder.display()));
                note("  help: choose a folder that you can write to");
                all_written = false;
            } else {
                files.extend(Format::ALL.map(|format| (format, folder.join(format.file_name()))));
            }
        }
        files.extend(Format::ALL.into_iter().filter_map(|format| Some((format, self.file(format)?.clone()))));
        let written: Vec<bool> = files.iter().map(|(format, file)| write(file, &format.render(run))).collect();
        let there = files.iter().zip(&written).filter(|(_, written)| **written);
        let there: Vec<String> = there.map(|((_, file), _)| file.display().to_string()).collect();
        if !there.is_empty() {
            say(&format!("reports: {}", there.join(", ")));
        }
        if run.proof.is_empty() {
            tell_github(run);
        }
        all_written && written.into_iter().all(|written| written)
    }

    /// Whether nothing else than JSON is asked for, which alone holds a proof. Says so where there is more.
    pub(super) fn can_hold_proof(&self) -> bool {
        let formats = Format::ALL.into_iter().filter(|format| *format != Format::Json && self.file(*format).is_some());
        let mut flags: Vec<&str> = formats.map(flag).collect();
        flags.extend(self.report_dir.is_some().then_some("--report-dir"));
        let Some(flag) = flags.first() else { return true };
        note(&format!("error: {flag} can't hold a proof"));
        note("  help: save it with --json FILE, and leave the other reports to a run without --prove");
        false
    }

    fn file(&self, format: Format) -> Option<&PathBuf> {
        match format {
            Format::Html => self.html.as_ref(),
            Format::Junit => self.junit.as_ref(),
            Format::Json => self.json.as_ref(),
            Format::Sarif => self.sarif.as_ref(),
            Format::CucumberJson => self.cucumber_json.as_ref(),
        }
    }
}

/// The flag that asks for a format.
fn flag(format: Format) -> &'static str {
    match format {
        Format::Html => "--html",
        Format::Junit => "--junit",
        Format::Json => "--json",
        Format::Sarif => "--sarif",
        Format::CucumberJson => "--cucumber-json",
    }
}

/// Where GitHub Actions runs this: annotates what did not pass, and adds to the summary of the job.
fn tell_github(run: &Run) {
    if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return;
    }
    to_annotations(run).lines().for_each(say);
    if let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) {
        let added = OpenOptions::new().append(true).create(true).open(&file);
        if let Err(error) = added.and_then(|mut file| file.write_all(to_job_summary(run).as_bytes())) {
            note(&format!("warning: GITHUB_STEP_SUMMARY: {} can't be written: {error}", Path::new(&file).display()));
        }
    }
}

/// Writes a file, or says why it can't be written. Returns whether it could.
pub(super) fn write(file: &Path, content: &str) -> bool {
    match std::fs::write(file, content) {
        Ok(()) => true,
        Err(error) => {
            note(&format!("error: {} can't be written: {error}", file.display()));
            note("  help: make sure that its folder exists and that you can write to it");
            false
        }
    }
}
