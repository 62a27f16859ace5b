//! Judging the report of a scanner for known weaknesses: Trivy's JSON, or Grype's.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Finding;

/// The severities that matter, as both scanners write them, in small letters.
const GRAVE: [&str; 2] = ["critical", "high"];
/// How many weaknesses are told one by one.
const TOLD: usize = 5;

/// A known weakness of something in an image. Ordered by severity, the gravest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weakness {
    severity: String,
    id: String,
    package: String,
    mended_in: String,
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

/// No weakness in a report is high or critical. What the scanner was told to ignore is not in its report. Nothing when the text is no
/// report of either scanner.
#[must_use]
pub fn has_no_grave_weakness(report: &str) -> Option<Result<(), Finding>> {
    let all: BTreeSet<Weakness> = match serde_json::from_str(report).ok()? {
        Report::Trivy { schema_version: 2, results } => {
            results.into_iter().flat_map(|result| result.vulnerabilities.unwrap_or_default()).map(Into::into).collect()
        }
        Report::Trivy { .. } => return None,
        Report::Grype { matches } => matches.into_iter().map(Into::into).collect(),
    };
    let grave: Vec<&Weakness> = all.iter().filter(|weakness| GRAVE.contains(&weakness.severity.as_str())).collect();
    if grave.is_empty() {
        return Some(Ok(()));
    }
    let count = |severity: &str| grave.iter().filter(|weakness| weakness.severity == severity).count();
    let told: Vec<String> = grave.iter().take(TOLD).map(|weakness| weakness.describe()).collect();
    let more = if grave.len() > TOLD { format!("; and {} more", grave.len() - TOLD) } else { String::new() };
    Some(Err(Finding {
        expected: "no known weakness of the image is high or critical".into(),
        seen: format!("{} critical, {} high: {}{more}", count("critical"), count("high"), told.join("; ")),
    }))
}

impl Weakness {
    fn describe(&self) -> String {
        let Self { severity, id, package, mended_in } = self;
        let mended = if mended_in.is_empty() { "not mended yet".to_owned() } else { format!("mended in {mended_in}") };
        format!("{id} in {package} ({severity}, {mended})")
    }
}

impl From<TrivyVulnerability> for Weakness {
    fn from(found: TrivyVulnerability) -> Self {
        Self {
            severity: found.severity.to_ascii_lowercase(),
            id: found.id,
            package: format!("{} {}", found.pkg_name, found.installed_version),
            mended_in: found.fixed_version,
        }
    }
}

impl From<GrypeMatch> for Weakness {
    fn from(found: GrypeMatch) -> Self {
        Self {
            severity: found.vulnerability.severity.to_ascii_lowercase(),
            id: found.vulnerability.id,
            package: format!("{} {}", found.artifact.name, found.artifact.version),
            mended_in: found.vulnerability.fix.versions.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIVY: &str = r#"{"SchemaVersion": 2, "ArtifactName": "x", "Results": [{"Target": "debian"}, {"Target": "python", "Vulnerabilities": [
        {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1.0", "FixedVersion": "1.1", "Severity": "HIGH"},
        {"VulnerabilityID": "CVE-2", "PkgName": "b", "InstalledVersion": "2.0", "Severity": "CRITICAL"},
        {"VulnerabilityID": "CVE-3", "PkgName": "c", "InstalledVersion": "3.0", "Severity": "LOW"}]}]}"#;
    const GRYPE: &str = r#"{"matches": [{"vulnerability": {"id": "GHSA-1", "severity": "High", "fix": {"versions": ["1.1"], "state": "fixed"}},
        "artifact": {"name": "a", "version": "1.0"}}], "descriptor": {"name": "grype"}}"#;

    #[test]
    fn only_grave_weaknesses_count() {
        let seen = |report: &str| has_no_grave_weakness(report).map(|judged| judged.map_err(|finding| finding.seen));
        let trivy = "1 critical, 1 high: CVE-2 in b 2.0 (critical, not mended yet); CVE-1 in a 1.0 (high, mended in 1.1)";
        assert_eq!(seen(TRIVY), Some(Err(trivy.into())));
        assert_eq!(seen(&TRIVY.replace("HIGH", "MEDIUM").replace("CRITICAL", "UNKNOWN")), Some(Ok(())));
        assert_eq!(seen(GRYPE), Some(Err("0 critical, 1 high: GHSA-1 in a 1.0 (high, mended in 1.1)".into())));
        assert_eq!(seen(r#"{"SchemaVersion": 2}"#), Some(Ok(())));
        for text in ["", "[]", "{}", r#"{"SchemaVersion": 1}"#, "<html>"] {
            assert_eq!(seen(text), None, "{text}");
        }
    }
}
