//! What surrounds every request: an id, an answer for a panic, and problems in one form.

use std::panic::AssertUnwindSafe;

use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use akin_schemas::http::PROBLEM_JSON;
use futures_util::FutureExt;
use tracing::{debug, error};

use super::problem::Refusal;
use super::step_functions;
use super::unread::Unread;

/// Names a request in the log.
pub struct RequestId(pub String);

/// Gives the request an id, catches a panic, and turns whatever error comes back into a problem with that id.
pub async fn frame<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let request_id = format!("{:016x}", rand::random::<u64>());
    let (method, path) = (request.method().clone(), request.path().to_owned());
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let unread = Unread::of(&mut request);
    let answered = AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await;
    let Ok(answered) = answered else {
        error!(request_id, %method, path, "a request panicked");
        return Err(Refusal::internal().with_id(request_id).into());
    };
    match answered {
        Err(error) => Err(with_id(&error, request_id).into()),
        Ok(response) => {
            debug!(request_id, %method, path, status = response.status().as_u16(), "answered");
            let response = finish(response, request_id);
            Ok(match unread {
                Some(unread) => unread.until_sent(response),
                None => response,
            })
        }
    }
}

fn finish<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    request_id: String,
) -> ServiceResponse<BoxBody> {
    // What a handler said itself, as health does, stands.
    let kind = response.headers().get(header::CONTENT_TYPE);
    let spoken = [PROBLEM_JSON, "application/json", step_functions::MEDIA_TYPE];
    let has_body = kind.is_some_and(|kind| spoken.iter().any(|spoken| kind == spoken));
    if let Some(error) = response.response().error() {
        let refusal = with_id(error, request_id);
        return response.into_response(actix_web::ResponseError::error_response(&refusal));
    }
    if !has_body && (response.status().is_client_error() || response.status().is_server_error()) {
        let refusal = Refusal::of_status(response.status()).with_id(request_id);
        return response.into_response(actix_web::ResponseError::error_response(&refusal));
    }
    let mut response = response.map_into_boxed_body();
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(header::HeaderName::from_static("x-request-id"), id);
    }
    response
}

fn with_id(error: &actix_web::Error, request_id: String) -> Refusal {
    let refusal = error
        .as_error::<Refusal>()
        .cloned()
        .unwrap_or_else(|| Refusal::of_status(error.as_response_error().status_code()));
    refusal.with_id(request_id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, read_body, try_call_service};
    use actix_web::{App, HttpResponse, web};

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
