//! `GET /items`, which finds items by words of their titles, and `GET /genres`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{FoundItem, FoundItems, GenreCount, Genres, MOST_OFFSET, numbers};
use serde::Deserialize;
use utoipa::IntoParams;

use super::openapi::{Unavailable, Unreadable};
use super::problem::Refusal;
use super::query;
use super::state::State;

/// A query has at most so many characters.
const MOST_CHARACTERS: usize = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Search {
    /// For each of its words a title must have a word that begins with it, whatever the case and the accents. All items
    /// when it has no words or is left out.
    #[serde(default)]
    #[param(max_length = 200, example = "lights harb")]
    q: String,
    /// How many; 10 when it is left out.
    #[serde(
        default,
        deserialize_with = "numbers::whole_in_text::<_, _, 1, { query::MOST as u64 }>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    n: Option<u16>,
    /// How many of the first are passed over; 0 when it is left out.
    #[serde(
        default,
        deserialize_with = "numbers::whole_in_text::<_, _, 0, { MOST_OFFSET as u64 }>"
    )]
    #[param(minimum = 0, maximum = 10_000)]
    offset: Option<u16>,
}

/// `GET /items`: finds items by words of their titles, the most often rated first. An item without a title is found by its
/// id.
#[utoipa::path(get, path = "/items", tag = "recommendations", params(Search),
    responses(
        (status = 200, description = "The most often rated first", content_type = "application/json", body = FoundItems),
        Unreadable, Unavailable,
    ),
)]
pub async fn search(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Search { q, n, offset } = query::parse(&request)?;
    let length = q.chars().count();
    if length > MOST_CHARACTERS {
        let detail = format!("the query: q: at most {MOST_CHARACTERS} characters, not {length}");
        return Err(Refusal::bad_request(detail));
    }
    let snapshot = state.snapshot()?;
    // A look through many titles takes a while.
    let found = actix_web::web::block(move || {
        let items = snapshot.find(&q, query::places(n, offset)).into_iter().map(|number| {
            let statistics = snapshot.statistics(number);
            FoundItem {
                item_id: snapshot.item(number).id.to_string(),
                title: snapshot.title(number).map(str::to_owned),
                genres: snapshot.genres_of(number).map(str::to_owned).collect(),
                rating_count: statistics.rating_count,
                rating_mean: statistics.rating_mean,
            }
        });
        FoundItems { items: items.collect(), version: snapshot.manifest.version.clone() }
    });
    Ok(HttpResponse::Ok().json(found.await.map_err(|_| Refusal::internal())?))
}

/// `GET /genres`: the genres of the items, and how many have each.
#[utoipa::path(get, path = "/genres", tag = "recommendations", operation_id = "list_genres",
    responses(
        (status = 200, description = "In the bytewise order of their names", content_type = "application/json", body = Genres),
        Unreadable, Unavailable,
    ),
)]
pub async fn genres(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    let snapshot = state.snapshot()?;
    let genre = |(name, item_count): (&str, u32)| GenreCount { name: name.to_owned(), item_count };
    let genres = snapshot.genres().into_iter().map(genre).collect();
    Ok(HttpResponse::Ok().json(Genres { version: snapshot.manifest.version.clone(), genres }))
}
