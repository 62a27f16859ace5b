//! What a claim needs to be told that the form in which the app is asked can't say: then its check does not apply.

use super::claim::{Lasting, Wanted};
use super::meaning::form;
use super::{Claim, Limit};
use crate::model::Endpoint;
use crate::subject::{Contract, Form};

/// Why a claim can't be judged for a stack with this contract, in words; nothing where it can.
#[must_use]
pub fn gap(claim: &Claim, contract: &Contract) -> Option<String> {
    let endpoint = claim.endpoint().unwrap_or(Endpoint::Readiness);
    let form = form(endpoint, contract)?;
    let needs = |what: &str, is_there: bool| {
        (!is_there).then(|| {
            format!("{endpoint} is read from {form}, which {what}: declare `{endpoint}: PATH`, or another form that can")
        })
    };
    match claim {
        Claim::Answers { wanted: Wanted::Unready | Wanted::Failure, .. }
        | Claim::Stays { lasting: Lasting::OnlyUnready, .. }
        | Claim::OutageFelt(_) => needs("can't say \"not ready\"", form.can_say_unready()),
        Claim::Stays { lasting: Lasting::NoSuccess, .. } | Claim::NotReadyBefore(_) | Claim::NotReadyWithout => {
            needs("says nothing about dependencies", form.tells_of_the_start())
        }
        Claim::NotHealthyTooEarly if *form == Form::HealthCheck => {
            Some("readiness is read from the health check itself: there is nothing to compare".into())
        }
        Claim::WellTimed if *form == Form::HealthCheck => {
            Some("readiness is read from the health check, which runs every second for that, and not at its own interval".into())
        }
        Claim::Answers { wanted: Wanted::Success, within: Limit::BeyondStart(_), .. } if *form == Form::HealthCheck => {
            Some("readiness comes from the health check, whose interval and run time are about as long as the limit".into())
        }
        Claim::NotHealthyTooEarly => needs("does not say when the app can serve", form.tells_of_the_start()),
        Claim::Answers { wanted: Wanted::Status(_), .. } | Claim::Discreet | Claim::BodyNames(_) => {
            needs("has no status and no body", form.http().is_some())
        }
        Claim::NothingTorn | Claim::ClientsAsked | Claim::BearsLoad => {
            needs("clients can't ask over HTTP", contract.client_request().is_some())
        }
        Claim::NothingHangs => needs("sends no request that could be left hanging", form.needs_a_port() && !form.only_runs()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::judge::Anchor;
    use crate::judge::testing::contract;
    use crate::subject::Meant;
    use serde_json::json;

    #[test]
    fn what_a_form_can_not_say_is_not_asked_of_it() {
        let within = |within, wanted| Claim::Answers { endpoint: Endpoint::Readiness, wanted, within, of: Anchor::Latest };
        let answers = |wanted| within(Limit::Startup, wanted);
        let soon = within(Limit::BeyondStart(Duration::from_secs(3)), Wanted::Success);
        let stays =
            |lasting| Claim::Stays { endpoint: Endpoint::Readiness, lasting, time: Duration::from_secs(1), of: Anchor::Latest };
        let forms =
            [json!("/health"), json!("grpc"), json!({"log": "x"}), json!({"tcp": 1}), json!("runs"), json!("healthcheck")];
        // Whether each of these forms can tell.
        for (claim, can) in [
            (answers(Wanted::Success), [true, true, true, true, true, true]),
            (soon, [true, true, true, true, true, false]),
            (stays(Lasting::Bounded), [true, true, true, true, true, true]),
            (Claim::SameProcess, [true, true, true, true, true, true]),
            (answers(Wanted::Unready), [true, true, false, false, false, true]),
            (Claim::OutageFelt(Anchor::Latest), [true, true, false, false, false, true]),
            (stays(Lasting::NoSuccess), [true, true, true, false, false, true]),
            (Claim::NotReadyBefore(Meant::Database), [true, true, true, false, false, true]),
            (Claim::NotReadyWithout, [true, true, true, false, false, true]),
            (Claim::NotHealthyTooEarly, [true, true, true, false, false, false]),
            (Claim::WellTimed, [true, true, true, true, true, false]),
            (answers(Wanted::Status(500)), [true, false, false, false, false, false]),
            (Claim::BodyNames(Meant::Database), [true, false, false, false, false, false]),
            (Claim::NothingHangs, [true, true, false, false, false, false]),
        ] {
            for (form, can) in forms.iter().zip(can) {
                let contract = Contract { readiness: Form::read(form).expect("a form"), ..contract() };
                assert_eq!(gap(&claim, &contract).is_none(), can, "{claim:?} {form}");
            }
        }
    }

    #[test]
    fn clients_ask_the_business_path_where_readiness_is_something_else() {
        let mut contract = Contract { readiness: Form::Runs, ..contract() };
        assert_eq!(gap(&Claim::NothingTorn, &contract), None);
        contract.business = None;
        assert!(gap(&Claim::NothingTorn, &contract).is_some());
    }
}
