//! What an answer means, in whatever form the app was asked: what it says by a status is told by the contract.

use crate::model::{Answer, Endpoint};
use crate::subject::{Contract, Form, Statuses};

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It can serve, or lives.
    Ready,
    /// It can't serve for now, and says so in the way that was agreed.
    Unready,
    /// Some other status: an error, or a path that is not there.
    Otherwise,
    /// Nobody answered, or what came was no answer.
    Nothing,
    /// Nobody answered in time.
    Hung,
}

impl Meaning {
    /// What an answer of an endpoint means for a stack with this contract.
    pub(super) fn of(answer: &Answer, endpoint: Endpoint, contract: &Contract) -> Self {
        match answer {
            Answer::Ready => Self::Ready,
            Answer::Unready(_) => Self::Unready,
            Answer::Status(status) if says_ready(*status, endpoint, contract) => Self::Ready,
            Answer::Status(status) if contract.unready.contains(status) => Self::Unready,
            Answer::Status(_) => Self::Otherwise,
            Answer::TimedOut => Self::Hung,
            Answer::Refused | Answer::Reset | Answer::Broken(_) | Answer::CannotAsk(_) => Self::Nothing,
        }
    }
}

fn says_ready(status: u16, endpoint: Endpoint, contract: &Contract) -> bool {
    let http = form(endpoint, contract).and_then(Form::http);
    http.map_or_else(|| Statuses::default().has(status), |http| http.ready.has(status))
}

/// How an endpoint is asked; nothing where the contract names none, and for the business path, which is a path.
pub(super) fn form(endpoint: Endpoint, contract: &Contract) -> Option<&Form> {
    match endpoint {
        Endpoint::Readiness => Some(&contract.readiness),
        Endpoint::Liveness => contract.liveness.as_ref(),
        Endpoint::Business => None,
    }
}

/// How an endpoint says that it is ready, in words that follow "answers".
pub(super) fn ready_in_words(endpoint: Endpoint, contract: &Contract) -> String {
    match form(endpoint, contract) {
        Some(Form::Http(http)) => http.ready.to_string(),
        Some(_) => "ready".into(),
        None => Statuses::default().to_string(),
    }
}

/// The same for "not ready".
pub(super) fn unready_in_words(endpoint: Endpoint, contract: &Contract) -> String {
    match form(endpoint, contract) {
        Some(Form::Http(_)) | None => contract.unready_in_words(),
        Some(_) => "not ready".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::contract;
    use crate::subject::HttpForm;

    #[test]
    fn an_answer_means_what_the_contract_says() {
        let mut contract = contract();
        let of = |answer, contract: &Contract| Meaning::of(&answer, Endpoint::Readiness, contract);
        for (answer, meaning) in [
            (Answer::Status(204), Meaning::Ready),
            (Answer::Ready, Meaning::Ready),
            (Answer::Status(503), Meaning::Unready),
            (Answer::Unready("exit status 1".into()), Meaning::Unready),
            (Answer::Status(500), Meaning::Otherwise),
            (Answer::Refused, Meaning::Nothing),
            (Answer::Broken("x".into()), Meaning::Nothing),
            (Answer::TimedOut, Meaning::Hung),
        ] {
            assert_eq!(of(answer.clone(), &contract), meaning, "{answer}");
        }
        contract.readiness = Form::Http(HttpForm { ready: Statuses(vec![(401, 401)]), ..HttpForm::to("/") });
        assert_eq!(of(Answer::Status(401), &contract), Meaning::Ready);
        assert_eq!(of(Answer::Status(200), &contract), Meaning::Otherwise);
        assert_eq!(Meaning::of(&Answer::Status(200), Endpoint::Liveness, &contract), Meaning::Ready);
    }
}
