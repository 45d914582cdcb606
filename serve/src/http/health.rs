//! `GET /health/live` and `GET /health/ready`.

use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::web::Data;
use akin_schemas::http::Health;

use super::openapi::Defect;
use super::state::State;

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "server", responses(
    (status = 200, description = "It does", content_type = "application/json", body = Health),
    Defect,
))]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned(), reasons: Vec::new() })
}

/// Whether requests should be sent here: a version is loaded, the ledger takes ratings, and the server is not stopping.
#[utoipa::path(get, path = "/health/ready", tag = "server", responses(
    (status = 200, description = "They should; `degraded` when not from the newest version", content_type = "application/json", body = Health),
    (status = 503, description = "They should not, for these reasons", content_type = "application/json", body = Health),
    Defect,
))]
pub async fn ready(state: Data<State>) -> HttpResponse {
    let mut against = against(&state);
    let mut reasons = Vec::new();
    if let Some(refused) = state.live.refused() {
        reasons.push(format!("publication {} does not load: {}", refused.sequence, refused.reason));
    }
    if let Some(reason) = state.live.unreachable() {
        reasons.push(format!("the store cannot be listed: {reason}"));
    }
    if state.metrics.is_flush_failing.load(Ordering::Relaxed) {
        let text = "accepted ratings could not be written to the store, and are tried again; the log says why";
        reasons.push(text.to_owned());
    }
    let damaged = state.ledger.damaged_records();
    if damaged > 0 {
        reasons.push(format!("records of the ledger found damaged: {damaged}; the log names each, and says what follows"));
    }
    let (mut response, status) = match (against.is_empty(), reasons.is_empty()) {
        (false, _) => (HttpResponse::ServiceUnavailable(), "unavailable"),
        (true, false) => (HttpResponse::Ok(), "degraded"),
        (true, true) => (HttpResponse::Ok(), "ok"),
    };
    against.extend(reasons);
    response.json(Health { status: status.to_owned(), reasons: against })
}

/// Why requests should not be sent here; nothing when they should.
pub fn against(state: &State) -> Vec<String> {
    let mut against = Vec::new();
    if *state.draining.borrow() {
        against.push("the server is stopping".to_owned());
    }
    if state.live.current().is_none() {
        against.push("no version is loaded".to_owned());
    }
    if state.ledger.is_poisoned() {
        against.push(
            "the ledger takes no ratings after its disk failed, and executions run on until a restart; see to the disk, then \
             restart the server"
                .to_owned(),
        );
    }
    if state.commit.has_lost_file() {
        against.push(
            "the ledger takes no ratings after its file was removed or replaced; restart the server when the log says that \
             everything accepted is in the store"
                .to_owned(),
        );
    }
    against
}
