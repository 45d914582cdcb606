//! `GET /metrics`.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

use crate::metrics::Observed;

use super::health::against;
use super::openapi::Defect;
use super::problem::Refusal;
use super::state::State;

/// Everything that is counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", operation_id = "show_metrics", responses(
    (status = 200, description = "Prometheus' text format, version 0.0.4", content_type = "text/plain", body = String),
    Defect,
))]
pub async fn show(state: Data<State>) -> Result<HttpResponse, Refusal> {
    let look = move || {
        let live = &state.live;
        let observed = Observed {
            is_ready: against(&state).is_empty(),
            is_ledger_failed: state.ledger.is_poisoned() || state.commit.has_lost_file(),
            damaged_records: state.ledger.damaged_records(),
            ledger_bytes: state.ledger.file_bytes(),
            waiting: state.commit.waiting(),
            in_work: state.executions.in_work(),
            unflushed: state.ledger.unflushed_count().ok(),
            snapshot: live.current(),
            last_run_at: live.last_run().map(|run| run.finished_at),
            load_failures: live.load_failures(),
            is_version_refused: live.refused().is_some(),
            is_store_unreachable: live.unreachable().is_some(),
            started_at: state.started_at,
        };
        state.metrics.text(observed)
    };
    // The ledger is read, so it may wait for the disk.
    let text = actix_web::web::block(look).await.map_err(|_| Refusal::internal())?;
    let text = text.map_err(|_| Refusal::internal())?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).body(text))
}
