//! What surrounds every request: an id, an answer for a panic, and problems in one form.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError};
use akin_schemas::http::PROBLEM_JSON;
use futures_util::FutureExt;
use tracing::{debug, error};

use super::PATHS;
use super::connection::{Connection, InWork};
use super::problem::Refusal;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::state::State;
use super::step_functions;
use super::unread::Unread;

/// Gives the request an id, answers browsers' questions about other origins, catches a panic, and turns whatever error
/// comes back into a problem with that id. Counts and logs the answer.
pub async fn frame<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let seen = Seen::of(&request);
    request.extensions_mut().insert(seen.id.clone());
    let unread = Unread::of(&mut request);
    let preflight = seen
        .state
        .as_ref()
        .and_then(|state| state.cross_origin.preflight(request.method(), request.headers()));
    if let Some(answer) = preflight {
        return Ok(seen.finish(request.into_response(answer), unread));
    }
    let answered = AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await;
    match answered {
        Ok(Ok(response)) => Ok(seen.finish(response.map_into_boxed_body(), unread)),
        Ok(Err(error)) => Err(seen.refuse(refusal_of(&error))),
        Err(_) => {
            error!(request_id = seen.id.0, method = %seen.method, path = seen.path, "a request panicked");
            if let Some(state) = &seen.state {
                state.metrics.panics.inc();
            }
            Err(seen.refuse(Refusal::internal()))
        }
    }
}

/// What is kept of a request while it is answered.
struct Seen {
    began: Instant,
    id: RequestId,
    method: Method,
    path: String,
    /// For the origin that asks.
    headers: Vec<(HeaderName, HeaderValue)>,
    state: Option<Data<State>>,
    in_work: Option<InWork>,
}

impl Seen {
    fn of(request: &ServiceRequest) -> Self {
        let state = request.app_data::<Data<State>>().cloned();
        let headers = state.as_ref().map(|state| state.cross_origin.headers(request.headers()));
        Self {
            began: Instant::now(),
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            path: request.path().to_owned(),
            headers: headers.unwrap_or_default(),
            state,
            in_work: request.conn_data::<Rc<Connection>>().cloned().map(Connection::begin),
        }
    }

    fn finish(
        mut self,
        response: ServiceResponse<BoxBody>,
        unread: Option<Unread>,
    ) -> ServiceResponse<BoxBody> {
        self.note(route(response.request()), response.status());
        let in_work = self.in_work.take();
        let mut response = in_one_form(response, &self.id);
        let headers = response.headers_mut();
        if let Some(id) = self.id.value() {
            headers.insert(X_REQUEST_ID, id);
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        let response = match unread {
            Some(unread) => unread.until_sent(response),
            None => response,
        };
        match in_work {
            Some(in_work) => in_work.until_sent(response),
            None => response,
        }
    }

    /// What does not come back as an answer.
    fn refuse(self, refusal: Refusal) -> actix_web::Error {
        self.note(None, refusal.status());
        Refused { refusal, id: self.id, headers: self.headers }.into()
    }

    fn note(&self, route: Option<&'static str>, status: StatusCode) {
        let (took, status, method) = (self.began.elapsed(), status.as_u16(), self.method.as_str());
        debug!(
            target: "akin_serve::request",
            request_id = self.id.0,
            method,
            route = route.unwrap_or("other"),
            status,
            seconds = took.as_secs_f64(),
            "answered"
        );
        if let Some(state) = &self.state {
            state.metrics.answered(method, route, status, took);
        }
    }
}

/// The route that a request took, as it is registered.
fn route(request: &HttpRequest) -> Option<&'static str> {
    let name = request.match_name()?;
    PATHS.iter().copied().find(|path| *path == name)
}

/// What is left of a request that came to no answer.
#[derive(Debug)]
struct Refused {
    refusal: Refusal,
    id: RequestId,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.refusal.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.refusal.answer(&self.id.0);
        for (name, value) in self.headers.iter().cloned() {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// What a handler said itself, as health does, stands; what else is an error becomes a problem.
fn in_one_form(response: ServiceResponse<BoxBody>, id: &RequestId) -> ServiceResponse<BoxBody> {
    let refusal = if let Some(error) = response.response().error() {
        refusal_of(error)
    } else {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let spoken = [PROBLEM_JSON, "application/json", step_functions::MEDIA_TYPE];
        let has_body = kind.is_some_and(|kind| spoken.iter().any(|spoken| kind == spoken));
        let status = response.status();
        if has_body || !(status.is_client_error() || status.is_server_error()) {
            return response;
        }
        Refusal::of_status(status)
    };
    response.into_response(refusal.answer(&id.0))
}

fn refusal_of(error: &actix_web::Error) -> Refusal {
    let refusal = error.as_error::<Refusal>().cloned();
    refusal.unwrap_or_else(|| Refusal::of_status(error.as_response_error().status_code()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, read_body, try_call_service};
    use actix_web::{App, web};

    use super::*;

    async fn breaks() -> HttpResponse {
        panic!("the secret that made it break")
    }

    #[test]
    fn a_panic_is_answered_as_a_problem_that_keeps_its_cause_to_itself() {
        actix_web::rt::System::new().block_on(async {
            let app = App::new()
                .wrap(from_fn(frame))
                .route("/breaks", web::get().to(breaks))
                .route("/works", web::get().to(HttpResponse::Ok));
            let app = init_service(app).await;
            let error = try_call_service(&app, TestRequest::get().uri("/breaks").to_request());
            let answer = error.await.unwrap_err().error_response();
            assert_eq!(answer.status(), 500);
            let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["status"], 500);
            assert!(problem["requestId"].as_str().unwrap().len() == 16, "{problem}");
            assert!(!problem.to_string().contains("secret"), "{problem}");
            // The next request is none the wiser.
            let works = TestRequest::get().uri("/works").to_request();
            let answer = try_call_service(&app, works).await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(read_body(answer).await.is_empty());
        });
    }
}
