//! What the REST door refuses, in this door's words.

use actix_web::http::StatusCode;
use akin_schemas::http::step_functions::Failure;

use crate::http::problem::Refusal;

impl From<Refusal> for Failure {
    /// Clients try again by themselves after a 500 or 503.
    fn from(refusal: Refusal) -> Self {
        let (status, detail) = (refusal.status(), refusal.detail());
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
