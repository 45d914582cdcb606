//! `GET /versions/current`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use akin_schemas::http::{CurrentVersion, RefusedVersion};

use super::openapi::{Defect, Unavailable};
use super::problem::Refusal;
use super::state::State;

/// Says which version serves, and whether a newer one was refused.
#[utoipa::path(get, path = "/versions/current", tag = "server", responses(
    (status = 200, description = "What serves", content_type = "application/json", body = CurrentVersion),
    Defect, Unavailable,
))]
pub async fn current(state: Data<State>) -> Result<HttpResponse, Refusal> {
    let snapshot = state.snapshot()?;
    let manifest = &snapshot.manifest;
    let refused = state.live.refused();
    Ok(HttpResponse::Ok().json(CurrentVersion {
        version: manifest.version.clone(),
        sequence: manifest.sequence,
        started_at: manifest.started_at,
        loaded_at: snapshot.loaded_at,
        measure: manifest.measure.clone(),
        rating_range: manifest.rating_range,
        counts: manifest.counts,
        refused: refused
            .map(|refused| RefusedVersion { sequence: refused.sequence, reason: refused.reason }),
    }))
}
