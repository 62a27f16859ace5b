//! The forms that a run can be written in.

use super::{to_cucumber_json, to_html, to_json, to_junit, to_sarif};
use crate::model::Run;

/// A form that a run can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// JUnit XML.
    Junit,
    /// The saved run.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Cucumber JSON.
    CucumberJson,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Html, Self::Junit, Self::Json, Self::Sarif, Self::CucumberJson];

    /// The name of its file in a folder that holds all of them.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Junit => "junit.xml",
            Self::Json => "run.json",
            Self::Sarif => "seaworthy.sarif",
            Self::CucumberJson => "cucumber.json",
        }
    }

    /// The run in this form. The same run always gives the same bytes.
    #[must_use]
    pub fn render(self, run: &Run) -> String {
        match self {
            Self::Html => to_html(run),
            Self::Junit => to_junit(run),
            Self::Json => to_json(run),
            Self::Sarif => to_sarif(run),
            Self::CucumberJson => to_cucumber_json(run),
        }
    }
}
