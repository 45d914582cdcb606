//! Recommendations: to a user from what is known, and for a list of ratings that nobody stores.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_recommender::scoring::Scorer;
use akin_schemas::ItemId;
use akin_schemas::http::{
    GivenRating, JsonText, Options, RatingsToScore, Recommendations, ScoredRatings,
};
use serde::Serialize;

use crate::fold_in::{recommend, recommend_for};

use super::openapi::{BadBody, Unavailable, Unreadable};
use super::problem::Refusal;
use super::query;
use super::state::State;
use super::users::user;

/// A list of ratings has at most so many bytes.
const BODY_LIMIT: usize = 512 * 1024;
/// Ratings in one list.
const MOST_RATINGS: usize = 10_000;

/// `GET /users/{id}/recommendations`: recommends to a user from everything known now, the version's ratings and those
/// accepted since. The query holds the options.
#[utoipa::path(get, path = "/users/{id}/recommendations", tag = "recommendations",
    params(
        ("id" = String, Path, description = "The user", min_length = 1, max_length = 128, example = "abby"),
        ("n" = Option<u16>, Query, description = "How many; 10 when it is left out", minimum = 1, maximum = 1000),
        ("exclude" = Option<Vec<String>>, Query, description = "Items that are not recommended"),
        ("only" = Option<Vec<String>>, Query, description = "Nothing but these items, when there are any"),
        ("genre" = Option<Vec<String>>, Query, description = "Items of at least one of these genres"),
        ("excludeGenre" = Option<Vec<String>>, Query, description = "No items of any of these genres"),
        ("minSupport" = Option<u64>, Query, description = "Similarities that rest on fewer common users do not count", maximum = 4_294_967_295_u64),
        ("diversity" = Option<f64>, Query, description = "How much the list avoids what is like the items before it", minimum = 0, maximum = 1),
    ),
    responses(
        (status = 200, description = "Best first", content_type = "application/json", body = Recommendations),
        Unreadable, Unavailable,
    ),
)]
pub async fn of_user(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let options = options(&request)?;
    let user = user(query::path_step(&request)?)?;
    let of_state = state.clone();
    let work = move |scorer: &mut Scorer| {
        // In this order: what the ledger has let go of by now is in whatever version serves after.
        let entries = of_state.ledger.entries(&user)?;
        let snapshot = of_state.snapshot()?;
        let (known, recommendations) =
            recommend(&snapshot, scorer, &user, &entries, &options, usize::from(query::DEFAULT));
        let version = snapshot.manifest.version.clone();
        written(&Recommendations { version, known, user: user.as_str().into(), recommendations })
    };
    Ok(HttpResponse::Ok().json(state.score(work).await?))
}

/// `POST /recommendations`: recommends to whoever would have given these ratings. Nothing is stored.
#[utoipa::path(post, path = "/recommendations", tag = "recommendations",
    request_body(content = RatingsToScore, content_type = "application/json",
        example = json!({"ratings": [{"movieID": "1", "rating": 5}], "options": {"n": 20}})),
    responses(
        (status = 200, description = "Best first", content_type = "application/json", body = ScoredRatings),
        Unreadable, BadBody, Unavailable,
    ),
)]
pub async fn for_ratings(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    query::parse::<query::Nothing>(&request)?;
    let RatingsToScore { ratings, options } =
        state.bodies.parsed(&request, payload, BODY_LIMIT).await?;
    options.check().map_err(|error| Refusal::unacceptable(error.to_string()))?;
    if ratings.len() > MOST_RATINGS {
        let detail = format!("at most {MOST_RATINGS} ratings are scored, not {}", ratings.len());
        return Err(Refusal::unacceptable(detail));
    }
    let snapshot = state.snapshot()?;
    let mut known: BTreeMap<u32, f32> = BTreeMap::new();
    let mut unknown_items: Vec<String> = Vec::new();
    let mut seen = HashSet::with_capacity(ratings.len());
    for (number, GivenRating { item, rating }) in ratings.iter().enumerate() {
        let refuse = |detail: String| Refusal::unacceptable(detail).of_element(number);
        let rating = snapshot.manifest.rating_range.accept(*rating);
        let rating = rating.map_err(|error| refuse(error.to_string()))?;
        if !seen.insert(item.as_str()) {
            return Err(refuse(format!("item {:?} is rated twice", item.as_str())));
        }
        match snapshot.number(item) {
            Some(item) => {
                known.insert(item, rating);
            }
            None => unknown_items.push(item.to_string()),
        }
    }
    let work = move |scorer: &mut Scorer| {
        let ratings: Vec<(u32, f32)> = known.into_iter().collect();
        let recommendations =
            recommend_for(&snapshot, scorer, &ratings, &options, usize::from(query::DEFAULT));
        let version = snapshot.manifest.version.clone();
        written(&ScoredRatings { version, unknown_items, recommendations })
    };
    Ok(HttpResponse::Ok().json(state.score(work).await?))
}

/// Written where it was computed, while it borrows from the version.
fn written(body: &impl Serialize) -> Result<JsonText, Refusal> {
    JsonText::of(body).map_err(|_| Refusal::internal())
}

/// The options in a query: lists are given by naming a parameter again.
fn options(request: &HttpRequest) -> Result<Options, Refusal> {
    let pairs: Vec<(String, String)> = query::parse(request)?;
    let mut options = Options::default();
    for (name, value) in pairs {
        let refuse = |reason: &str| Refusal::bad_request(format!("the query: {name}: {reason}"));
        let item =
            |value: String| ItemId::try_from(value).map_err(|error| refuse(&error.to_string()));
        match &*name {
            "exclude" => options.exclude.push(item(value)?),
            "only" => options.only.push(item(value)?),
            "genre" => options.genres.push(value),
            "excludeGenre" => options.exclude_genres.push(value),
            "n" => once(&mut options.n, &value).map_err(refuse)?,
            "minSupport" => once(&mut options.min_support, &value).map_err(refuse)?,
            "diversity" => once(&mut options.diversity, &value).map_err(refuse)?,
            _ => {
                let known = "n, exclude, only, genre, excludeGenre, minSupport, diversity";
                return Err(refuse(&format!("there is no such parameter; there are {known}")));
            }
        }
    }
    options.check().map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(options)
}

fn once<T: FromStr>(place: &mut Option<T>, value: &str) -> Result<(), &'static str> {
    let value = value.parse().map_err(|_| "not a number of its kind")?;
    if place.replace(value).is_some() { Err("given twice") } else { Ok(()) }
}
