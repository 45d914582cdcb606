//! Items: what is known of one, and the neighbours of one or several.

use std::ops::Range;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{
    ItemDetails, ItemNeighbours, ItemsToLookUp, Neighbour, NeighboursOfItem, NeighboursOfItems,
};
use chrono::DateTime;

use crate::snapshot::{ItemStatistics, Snapshot};

use super::openapi::{BadBody, Missing, Unavailable, Unreadable};
use super::problem::Refusal;
use super::query::{self, Part};
use super::state::State;

/// A list of items has at most so many bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// Items in one list.
const MOST_ITEMS: usize = 100;

/// `GET /items/{id}`: an item as the version that serves has it.
#[utoipa::path(get, path = "/items/{id}", tag = "recommendations", params(("id" = String, Path, description = "The item", min_length = 1, max_length = 128, example = "1234")),
    responses(
        (status = 200, description = "What is known of it", content_type = "application/json", body = ItemDetails),
        Unreadable, Missing, Unavailable,
    ),
)]
pub async fn get_item(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    details(&state, &query::path_step(&request)?)
}

/// `GET /items/neighbours`: the item that has this word as its id, as `GET /items/{id}` does.
#[utoipa::path(get, path = "/items/neighbours", tag = "recommendations",
    responses(
        (status = 200, description = "What is known of it", content_type = "application/json", body = ItemDetails),
        Unreadable, Missing, Unavailable,
    ),
)]
pub async fn get_item_named_neighbours(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    details(&state, "neighbours")
}

fn details(state: &State, item_id: &str) -> Result<HttpResponse, Refusal> {
    let snapshot = state.snapshot()?;
    let number = known(&snapshot, item_id)?;
    let ItemStatistics { rating_count, rating_mean, rated_between } = snapshot.statistics(number);
    let moment = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
    Ok(HttpResponse::Ok().json(ItemDetails {
        version: snapshot.manifest.version.clone(),
        item_id: snapshot.item(number).id.to_string(),
        title: snapshot.title(number).map(str::to_owned),
        genres: snapshot.genres_of(number).map(str::to_owned).collect(),
        rating_count,
        rating_mean,
        first_rated_at: rated_between.map(|(first, _)| moment(first)),
        last_rated_at: rated_between.map(|(_, last)| moment(last)),
    }))
}

/// The number of an item.
fn known(snapshot: &Snapshot, item_id: &str) -> Result<u32, Refusal> {
    snapshot.number(item_id).ok_or_else(|| {
        let version = &snapshot.manifest.version;
        Refusal::not_found(format!("version {version} has no item {item_id:?}"))
    })
}

/// `GET /items/{id}/neighbours`: lists the items most similar to one.
#[utoipa::path(get, path = "/items/{id}/neighbours", tag = "recommendations", params(("id" = String, Path, description = "The item", min_length = 1, max_length = 128, example = "1234"), Part),
    responses(
        (status = 200, description = "Best first, those with a score above 0", content_type = "application/json", body = ItemNeighbours),
        Unreadable, Missing, Unavailable,
    ),
)]
pub async fn neighbours(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let places = query::parse::<Part>(&request)?.places();
    let item_id = query::path_step(&request)?;
    let snapshot = state.snapshot()?;
    let item = nearest(&snapshot, known(&snapshot, &item_id)?, places);
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
    let ItemsToLookUp { items, n, offset } =
        state.bodies.parsed(&request, payload, BODY_LIMIT).await?;
    let places = query::places(n, offset);
    if items.len() > MOST_ITEMS {
        let detail = format!("at most {MOST_ITEMS} items are looked up, not {}", items.len());
        return Err(Refusal::unacceptable(detail));
    }
    let snapshot = state.snapshot()?;
    let (mut found, mut unknown_items) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match snapshot.number(&item) {
            Some(number) => found.push(nearest(&snapshot, number, places.clone())),
            None => unknown_items.push(item.into()),
        }
    }
    let version = snapshot.manifest.version.clone();
    Ok(HttpResponse::Ok().json(NeighboursOfItems { version, items: found, unknown_items }))
}

/// Those alone that are alike. The table holds what speaks against an item, too, by magnitude among the others.
fn nearest(snapshot: &Snapshot, number: u32, places: Range<usize>) -> NeighboursOfItem {
    let alike = snapshot.model.neighbours(number).iter().filter(|neighbour| neighbour.score > 0.0);
    let neighbours = alike.zip(1..).skip(places.start).take(places.len());
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
