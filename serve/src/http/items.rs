//! The neighbours of one item, or of several.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{
    ItemNeighbours, ItemsToLookUp, Neighbour, NeighboursOfItem, NeighboursOfItems,
};

use crate::snapshot::Snapshot;

use super::openapi::{BadBody, Missing, Unavailable, Unreadable};
use super::problem::Refusal;
use super::query::{self, Count};
use super::state::State;

/// A list of items has at most so many bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// Items in one list.
const MOST_ITEMS: usize = 100;

/// `GET /items/{id}/neighbours`: lists the items most similar to one.
#[utoipa::path(get, path = "/items/{id}/neighbours", tag = "recommendations", params(("id" = String, Path, description = "The item", min_length = 1, max_length = 128, example = "1234"), Count),
    responses(
        (status = 200, description = "Best first", content_type = "application/json", body = ItemNeighbours),
        Unreadable, Missing, Unavailable,
    ),
)]
pub async fn neighbours(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let count = query::parse::<Count>(&request)?.get()?;
    let item_id = query::path_step(&request)?;
    let snapshot = state.snapshot()?;
    let Some(number) = snapshot.number(&item_id) else {
        let version = &snapshot.manifest.version;
        return Err(Refusal::not_found(format!("version {version} has no item {item_id:?}")));
    };
    let item = nearest(&snapshot, number, count);
    let version = snapshot.manifest.version.clone();
    Ok(HttpResponse::Ok().json(ItemNeighbours { version, item }))
}

/// `POST /items/neighbours`: the same for several items at once. Those that the version does not know are named.
#[utoipa::path(post, path = "/items/neighbours", tag = "recommendations",
    request_body(content = ItemsToLookUp, content_type = "application/json", example = json!({"items": ["1", "2"], "n": 5})),
    responses(
        (status = 200, description = "In the order of the request", content_type = "application/json", body = NeighboursOfItems),
        Unreadable, BadBody, Unavailable,
    ),
)]
pub async fn neighbours_of_several(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    let ItemsToLookUp { items, n } = state.bodies.parsed(&request, payload, BODY_LIMIT).await?;
    let count = Count::of_body(n)?;
    if items.len() > MOST_ITEMS {
        let detail = format!("at most {MOST_ITEMS} items are looked up, not {}", items.len());
        return Err(Refusal::unacceptable(detail));
    }
    let snapshot = state.snapshot()?;
    let (mut found, mut unknown_items) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match snapshot.number(&item) {
            Some(number) => found.push(nearest(&snapshot, number, count)),
            None => unknown_items.push(item.into()),
        }
    }
    let version = snapshot.manifest.version.clone();
    Ok(HttpResponse::Ok().json(NeighboursOfItems { version, items: found, unknown_items }))
}

fn nearest(snapshot: &Snapshot, number: u32, count: usize) -> NeighboursOfItem {
    let neighbours = snapshot.model.neighbours(number).iter().take(count).zip(1..);
    let neighbours = neighbours.map(|(neighbour, rank)| Neighbour {
        item_id: snapshot.item(neighbour.item).id.to_string(),
        title: snapshot.title(neighbour.item).map(str::to_owned),
        rank,
        score: neighbour.score,
        co_count: neighbour.co_count,
    });
    NeighboursOfItem {
        neighbours: neighbours.collect(),
        item_id: snapshot.item(number).id.to_string(),
        title: snapshot.title(number).map(str::to_owned),
    }
}
