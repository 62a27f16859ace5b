//! Judging what was looked for and should not be there.

use super::window::Window;
use crate::model::{FactId, Inspection, Listing, Outcome, Trait};

/// What was found of a kind, where that was looked for.
pub(super) fn found<'a>(window: &Window<'a>, kind: Trait) -> Option<(FactId, &'a Listing)> {
    window.inspected(|inspection| match inspection {
        Inspection::Listing(listing) if listing.kind == kind => Some(listing),
        _ => None,
    })
}

/// Nothing of this kind is found.
pub(super) fn nothing_of(window: &Window<'_>, kind: Trait) -> Outcome {
    let Some((id, listing)) = found(window, kind) else { return Outcome::undecided_when(window.over, "what was looked for") };
    if listing.items.is_empty() {
        return Outcome::Held(vec![id]);
    }
    let told = listing.told();
    let seen = match &listing.within {
        Some(within) => format!("{within} {told}"),
        None => told,
    };
    super::with_places(Outcome::broken(expected(kind, window), seen, vec![id]), listing.places())
}

fn expected(kind: Trait, window: &Window<'_>) -> String {
    match kind {
        Trait::SecretInSettings => "the image's environment, labels and command line hold no secret".into(),
        Trait::SecretInHistory => "the image's history shows no secret".into(),
        Trait::SecretFile => "no layer of the image has a file with a secret".into(),
        Trait::Compiler => "no compiler or build system is in the image".into(),
        Trait::PackageManager => "nothing in the image installs packages".into(),
        Trait::Cache => "no caches are left in the image".into(),
        Trait::Setuid => "no program beyond those of the base image has a setuid or setgid bit".into(),
        Trait::WritableCode => format!("the user of `{}` can't change its code", window.app()),
        Trait::LooseImage => "the image and every image in its Dockerfile have a tag other than `latest`, or a digest".into(),
        Trait::SingleStage => "the stage that runs copies what was built from another stage (COPY --from)".into(),
        Trait::Unwanted => "the build gets no secret, repository, installed packages or tests from its context".into(),
        Trait::LiteralSecret => "the compose file names secrets (`${VAR}`, `env_file`, `secrets`), and holds none".into(),
        Trait::Privilege => "no service has access to the host".into(),
        Trait::PublishedPort => "dependencies are reached on the stack's own networks, or on 127.0.0.1".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, held};
    use crate::model::{Item, Place};

    fn listing(kind: Trait, within: Option<&str>, count: usize) -> Case {
        let place = |line| Place { file: "Dockerfile".into(), line };
        let items = (1..=count).map(|n| Item { what: format!("thing {n}"), place: Some(place(n)) }).collect();
        Case::shown([Inspection::Listing(Listing { kind, within: within.map(str::to_owned), items })])
    }

    #[test]
    fn what_was_found_is_told_with_its_lines() {
        let claim = Claim::Without(Trait::Compiler);
        assert_eq!(listing(Trait::Compiler, None, 0).judge(&claim), held([0]));
        let finding = listing(Trait::Compiler, None, 7).finding(&claim);
        assert_eq!(finding.seen, "thing 1; thing 2; thing 3; thing 4; thing 5; and 2 more");
        assert_eq!(finding.places.iter().map(|place| place.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(listing(Trait::Compiler, Some("stage `a` has"), 1).seen(&claim), "stage `a` has thing 1");
    }

    #[test]
    fn what_was_looked_for_is_of_the_same_kind() {
        let other = listing(Trait::Cache, None, 1);
        assert_eq!(other.judge(&Claim::Without(Trait::Setuid)), Outcome::Pending);
        assert!(matches!(other.over().judge(&Claim::Without(Trait::Setuid)), Outcome::Undecided(_)));
    }
}
