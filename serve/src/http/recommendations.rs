//! Recommendations: to a user from what is known, and for a list of ratings that nobody stores.

use std::collections::{BTreeMap, HashSet};

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_recommender::scoring::Scorer;
use akin_schemas::ItemId;
use akin_schemas::http::{
    GivenRating, JsonText, MOST_OFFSET, Options, RatingsToScore, Recommendations, ScoredRatings,
    numbers,
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
        ("offset" = Option<u16>, Query, description = "How many of the best are passed over; 0 when it is left out. With `diversity` pages belong together when all have the same `n`", minimum = 0, maximum = 10_000),
        ("exclude" = Option<Vec<String>>, Query, description = "Items that are not recommended"),
        ("only" = Option<Vec<String>>, Query, description = "Nothing but these items, when there are any"),
        ("genre" = Option<Vec<String>>, Query, description = "Items of at least one of these genres, compared without regard to case"),
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
        written(&Recommendations {
            version: snapshot.manifest.version.clone(),
            user: user.as_str().into(),
            known,
            unknown_genres: snapshot.unknown_genres(&options),
            recommendations,
        })
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
        written(&ScoredRatings {
            version: snapshot.manifest.version.clone(),
            unknown_items,
            unknown_genres: snapshot.unknown_genres(&options),
            recommendations,
        })
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
        let misread = |reason: String| Refusal::bad_request(format!("the query: {name} {reason}"));
        let item =
            |value: String| ItemId::try_from(value).map_err(|error| refuse(&error.to_string()));
        let twice = |is_given: bool| if is_given { Err(refuse("given twice")) } else { Ok(()) };
        match &*name {
            "exclude" => options.exclude.push(item(value)?),
            "only" => options.only.push(item(value)?),
            "genre" => options.genres.push(value),
            "excludeGenre" => options.exclude_genres.push(value),
            "n" => {
                twice(options.n.is_some())?;
                options.n =
                    Some(numbers::parse_whole(&value, &(1..=query::MOST.into())).map_err(misread)?);
            }
            "offset" => {
                twice(options.offset.is_some())?;
                options.offset =
                    Some(numbers::parse_whole(&value, &(0..=MOST_OFFSET.into())).map_err(misread)?);
            }
            "minSupport" => {
                twice(options.min_support.is_some())?;
                options.min_support =
                    Some(numbers::parse_whole(&value, &(0..=u32::MAX.into())).map_err(misread)?);
            }
            "diversity" => {
                twice(options.diversity.is_some())?;
                options.diversity = Some(numbers::parse_share(&value).map_err(misread)?);
            }
            _ => {
                let known = "n, offset, exclude, only, genre, excludeGenre, minSupport, diversity";
                return Err(refuse(&format!("there is no such parameter; there are {known}")));
            }
        }
    }
    Ok(options)
}
