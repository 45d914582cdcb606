//! What the REST door refuses, in this door's words.

use actix_web::http::StatusCode;
use akin_schemas::http::step_functions::Failure;

use crate::http::problem::Refusal;

impl From<Refusal> for Failure {
    /// Clients try again by themselves after a 500 or 503, and after what says that it throttles. Of the latter they have
    /// patience for more: a retry takes 5 of boto3's 500 tokens (1.44.8) rather than 14. So a server with too much to do
    /// throttles, and `ServiceUnavailableException` is left for when nobody knows whether waiting helps.
    fn from(refusal: Refusal) -> Self {
        let (status, detail) = (refusal.status(), refusal.detail());
        if refusal.is_overload() {
            return Self::with_status("ThrottlingException", detail, 400, refusal.retry_after());
        }
        let name = match status {
            StatusCode::UNPROCESSABLE_ENTITY => return Self::invalid_input(detail),
            // What the model of StartExecution has for "not before something else is done".
            StatusCode::TOO_MANY_REQUESTS => {
                return Self::with_status("ExecutionLimitExceeded", detail, 400, None);
            }
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableException",
            StatusCode::INTERNAL_SERVER_ERROR => "InternalFailure",
            _ => return Self::with_status("ValidationException", detail, 400, None),
        };
        Self::with_status(name, detail, status.as_u16(), refusal.retry_after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger;

    #[test]
    fn a_server_with_too_much_to_do_throttles_and_one_that_cannot_is_unavailable() {
        let said = |refusal: Refusal| {
            let failure = Failure::from(refusal);
            (failure.name(), failure.status(), failure.retry_after())
        };
        let throttled = ("ThrottlingException", 400, Some(1));
        assert_eq!(said(ledger::Refusal::QueueFull.into()), throttled);
        assert_eq!(said(Refusal::overloaded("too many of them")), throttled);
        for (refusal, seconds) in [
            (ledger::Refusal::Closing.into(), 1),
            (ledger::Refusal::Poisoned.into(), 30),
            (Refusal::no_version(), 5),
            (Refusal::no_version_loads(), 5),
        ] {
            assert_eq!(said(refusal), ("ServiceUnavailableException", 503, Some(seconds)));
        }
        assert_eq!(said(Refusal::internal()), ("InternalFailure", 500, None));
    }
}
