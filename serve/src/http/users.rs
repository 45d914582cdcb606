//! The ratings of one user.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::http::{Accepted, NewRating, RatingBody, UserRating, UserRatings, numbers};
use akin_schemas::{ItemId, UserId};
use chrono::DateTime;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ledger::Submission;

use super::accept::{counted, submission};
use super::openapi::{BadBody, Conflict, TooMany, Unavailable, Unreadable};
use super::problem::Refusal;
use super::query;
use super::ratings;
use super::state::State;

/// `{"rating":6}` has at most so many bytes, with its options.
const BODY_LIMIT: usize = 4096;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Part {
    /// How many at most; 1000 when it is left out.
    #[serde(
        default,
        deserialize_with = "numbers::whole_in_text::<_, _, 1, { query::MOST as u64 }>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    n: Option<u16>,
    /// `next` of the part before.
    after: Option<String>,
}

/// `GET /users/{id}/ratings`: the user's ratings, the version's and those accepted since, in the bytewise order of item
/// ids.
#[utoipa::path(get, path = "/users/{id}/ratings", tag = "ratings", params(("id" = String, Path, description = "The user", min_length = 1, max_length = 128, example = "abby"), Part),
    responses(
        (status = 200, description = "In the bytewise order of item ids", content_type = "application/json", body = UserRatings),
        Unreadable, Unavailable,
    ),
)]
pub async fn list_ratings(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let Part { n, after } = query::parse(&request)?;
    let count = usize::from(n.unwrap_or(query::MOST));
    let user = user(query::path_step(&request)?)?;
    let body = actix_web::web::block(move || {
        // In this order: what the ledger has let go of by now is in whatever version serves after.
        let entries = state.ledger.entries(&user)?;
        let snapshot = state.snapshot()?;
        let profile = snapshot.profile_by_id(&user, &entries);
        let is_later = |item: &ItemId| after.as_deref().is_none_or(|after| &**item > after);
        let mut ratings: Vec<UserRating> = Vec::new();
        let mut next = None;
        for (item, entry) in profile.entries().filter(|(item, _)| is_later(item)) {
            let Some(rating) = entry.rating else { continue };
            if ratings.len() == count {
                next = ratings.last().map(|last| last.item_id.clone());
                break;
            }
            let number = snapshot.number(item);
            ratings.push(UserRating {
                item_id: item.to_string(),
                title: number.and_then(|number| snapshot.title(number)).map(str::to_owned),
                known: number.is_some(),
                rating,
                rated_at: DateTime::from_timestamp_micros(entry.rated_at).unwrap_or_default(),
            });
        }
        let version = snapshot.manifest.version.clone();
        Ok::<_, Refusal>(UserRatings { version, user: user.into(), ratings, next })
    })
    .await
    .unwrap_or_else(|_| Err(Refusal::internal()))?;
    Ok(HttpResponse::Ok().json(body))
}

/// `PUT /users/{id}/ratings/{item}`: rates one item, as `POST /ratings` does.
#[utoipa::path(put, path = "/users/{id}/ratings/{item}", tag = "ratings",
    params(
        ("id" = String, Path, description = "The user", min_length = 1, max_length = 128, example = "abby"),
        ("item" = String, Path, description = "The item", min_length = 1, max_length = 128, example = "1234"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same request under the same key changes nothing and gives the same handles", min_length = 1, max_length = 255, pattern = "^[\\x09\\x20-\\x7e]*$"),
        ratings::Name,
    ),
    request_body(content = NewRating, content_type = "application/json", example = json!({"rating": 6})),
    responses(
        (status = 202, description = "On disk: the handle to poll", content_type = "application/json", body = Accepted,
            headers(("Location" = String, description = "Where to poll it"))),
        Unreadable, BadBody, Conflict, TooMany, Unavailable,
    ),
)]
pub async fn put_rating(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    counted(&state, put(&request, payload, &state).await)
}

async fn put(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
) -> Result<HttpResponse, Refusal> {
    let name = ratings::name(request)?;
    let (user, item) = user_and_item(request)?;
    let NewRating { rating, options } = state.bodies.parsed(request, payload, BODY_LIMIT).await?;
    let input = RatingBody { user: user.clone(), item: item.clone(), rating, options };
    let input = serde_json::to_string(&input).map_err(|_| Refusal::internal())?;
    let submission = submission(state, user, item, rating, input)?;
    ratings::handle(state, &ratings::send(state, vec![submission], name).await?)
}

/// `DELETE /users/{id}/ratings/{item}`: takes a rating back. The handle's recommendations are those without it.
#[utoipa::path(delete, path = "/users/{id}/ratings/{item}", tag = "ratings",
    params(
        ("id" = String, Path, description = "The user", min_length = 1, max_length = 128, example = "abby"),
        ("item" = String, Path, description = "The item", min_length = 1, max_length = 128, example = "1234"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same request under the same key changes nothing and gives the same handles", min_length = 1, max_length = 255, pattern = "^[\\x09\\x20-\\x7e]*$"),
        ratings::Name,
    ),
    responses(
        (status = 202, description = "On disk: the handle to poll", content_type = "application/json", body = Accepted,
            headers(("Location" = String, description = "Where to poll it"))),
        Unreadable, Conflict, TooMany, Unavailable,
    ),
)]
pub async fn delete_rating(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    counted(&state, delete(&request, &state).await)
}

async fn delete(request: &HttpRequest, state: &State) -> Result<HttpResponse, Refusal> {
    let name = ratings::name(request)?;
    let (user, item) = user_and_item(request)?;
    // As for a rating: what cannot be folded in yet is not taken.
    state.snapshot()?;
    let input = serde_json::json!({"movieID": &*item, "user": &*user, "rating": null}).to_string();
    let submission = Submission { user, item, rating: None, input };
    ratings::handle(state, &ratings::send(state, vec![submission], name).await?)
}

/// The user that a path names.
///
/// # Errors
/// When it is no identifier.
pub(super) fn user(text: String) -> Result<UserId, Refusal> {
    UserId::try_from(text).map_err(|error| Refusal::bad_request(format!("the user: {error}")))
}

fn user_and_item(request: &HttpRequest) -> Result<(UserId, ItemId), Refusal> {
    let (of, item) = query::path_steps::<(String, String)>(request)?;
    let item = ItemId::try_from(item);
    Ok((user(of)?, item.map_err(|error| Refusal::bad_request(format!("the item: {error}")))?))
}
