//! Reading the report of a scanner for known weaknesses: Trivy's JSON, or Grype's.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A known weakness of something in an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Weakness {
    /// The severity, in small letters.
    pub severity: String,
    /// Its id.
    pub id: String,
    /// What has it, with its version.
    pub package: String,
    /// The versions that have it no longer; empty when there are none.
    pub fixed_in: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Report {
    #[serde(rename_all = "PascalCase")]
    Trivy {
        schema_version: u32,
        #[serde(default)]
        results: Vec<TrivyResult>,
    },
    Grype {
        matches: Vec<GrypeMatch>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    #[serde(default)]
    vulnerabilities: Option<Vec<TrivyVulnerability>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyVulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    severity: String,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
    artifact: GrypeArtifact,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: String,
    severity: String,
    #[serde(default)]
    fix: GrypeFix,
}

#[derive(Default, Deserialize)]
struct GrypeFix {
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct GrypeArtifact {
    name: String,
    #[serde(default)]
    version: String,
}

/// The weaknesses that a report tells, by severity. Nothing when the text is no report of either scanner.
#[must_use]
pub fn read_report(report: &str) -> Option<Vec<Weakness>> {
    let all: BTreeSet<Weakness> = match serde_json::from_str(report).ok()? {
        Report::Trivy { schema_version: 2, results } => {
            results.into_iter().flat_map(|result| result.vulnerabilities.unwrap_or_default()).map(Into::into).collect()
        }
        Report::Trivy { .. } => return None,
        Report::Grype { matches } => matches.into_iter().map(Into::into).collect(),
    };
    Some(all.into_iter().collect())
}

impl From<TrivyVulnerability> for Weakness {
    fn from(found: TrivyVulnerability) -> Self {
        Self {
            severity: found.severity.to_ascii_lowercase(),
            id: found.id,
            package: format!("{} {}", found.pkg_name, found.installed_version),
            fixed_in: found.fixed_version,
        }
    }
}

impl From<GrypeMatch> for Weakness {
    fn from(found: GrypeMatch) -> Self {
        Self {
            severity: found.vulnerability.severity.to_ascii_lowercase(),
            id: found.vulnerability.id,
            package: format!("{} {}", found.artifact.name, found.artifact.version),
            fixed_in: found.vulnerability.fix.versions.join(", "),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A report of each scanner.

    pub(crate) const TRIVY: &str = r#"{"SchemaVersion": 2, "ArtifactName": "x", "Results": [{"Target": "debian"}, {"Target": "python", "Vulnerabilities": [
        {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1.0", "FixedVersion": "1.1", "Severity": "HIGH"},
        {"VulnerabilityID": "CVE-2", "PkgName": "b", "InstalledVersion": "2.0", "Severity": "CRITICAL"},
        {"VulnerabilityID": "CVE-3", "PkgName": "c", "InstalledVersion": "3.0", "Severity": "LOW"}]}]}"#;
    pub(crate) const GRYPE: &str = r#"{"matches": [{"vulnerability": {"id": "GHSA-1", "severity": "High", "fix": {"versions": ["1.1"], "state": "fixed"}},
        "artifact": {"name": "a", "version": "1.0"}}], "descriptor": {"name": "grype"}}"#;
}

#[cfg(test)]
mod tests {
    use super::testing::{GRYPE, TRIVY};
    use super::*;

    #[test]
    fn reports_of_both_scanners_are_read() {
        let known = |severity: &str, id: &str, package: &str, fixed_in: &str| Weakness {
            severity: severity.into(),
            id: id.into(),
            package: package.into(),
            fixed_in: fixed_in.into(),
        };
        let high = known("high", "CVE-1", "a 1.0", "1.1");
        let trivy = vec![known("critical", "CVE-2", "b 2.0", ""), high, known("low", "CVE-3", "c 3.0", "")];
        assert_eq!(read_report(TRIVY), Some(trivy));
        assert_eq!(read_report(GRYPE), Some(vec![known("high", "GHSA-1", "a 1.0", "1.1")]));
        assert_eq!(read_report(r#"{"SchemaVersion": 2}"#), Some(vec![]));
    }

    #[test]
    fn anything_else_is_no_report() {
        for text in ["", "[]", "{}", r#"{"SchemaVersion": 1}"#, "<html>"] {
            assert_eq!(read_report(text), None, "{text}");
        }
    }
}
