//! `GET /items/{id}/neighbours`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{ItemNeighbours, Neighbour};

use super::problem::Refusal;
use super::query::{self, Count};
use super::state::State;

/// Lists the items most similar to one.
pub async fn neighbours(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let count = query::parse::<Count>(&request)?.get()?;
    let item_id = query::path_step(&request)?;
    let snapshot = state.snapshot()?;
    let Some(number) = snapshot.number(&item_id) else {
        let version = &snapshot.manifest.version;
        return Err(Refusal::not_found(format!("version {version} has no item {item_id:?}")));
    };
    let neighbours = snapshot.model.neighbours(number).iter().take(count).zip(1..);
    let neighbours = neighbours.map(|(neighbour, rank)| Neighbour {
        item_id: snapshot.item(neighbour.item).id.to_string(),
        title: snapshot.title(neighbour.item),
        rank,
        score: neighbour.score,
        co_count: neighbour.co_count,
    });
    Ok(HttpResponse::Ok().json(ItemNeighbours {
        version: snapshot.manifest.version.clone(),
        title: snapshot.title(number),
        neighbours: neighbours.collect(),
        item_id,
    }))
}
