//! `POST /ratings`.

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::UserId;
use akin_schemas::http::{RatingBody, RatingBodyError, rating_elements};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ledger::{Reply, Request, RequestName, Submission};

use super::accept::{accept, accepted, counted, submission};
use super::openapi::{
    BadBody, Conflict, OneOrSeveralHandles, OneOrSeveralRatings, TooMany, Unavailable, Unreadable,
};
use super::problem::Refusal;
use super::query;
use super::state::State;

/// A rating has at most so many bytes.
const RATING_LIMIT: usize = 4096;
/// A body of several ratings has at most so many bytes.
const BODY_LIMIT: usize = 512 * 1024;
/// Ratings in one body.
const MOST_RATINGS: usize = 1000;
/// A name or idempotency key has at most so many bytes.
const NAME_LIMIT: usize = 255;

/// Takes one rating, or an array of them, and answers once it is durable.
#[utoipa::path(post, path = "/ratings", tag = "ratings",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same request under the same key changes nothing and gives the same handles", min_length = 1, max_length = 255, pattern = "^[\\x09\\x20-\\x7e]*$"),
        Name,
    ),
    request_body(content = OneOrSeveralRatings, content_type = "application/json",
        example = json!({"movieID": "1234", "user": "abby", "rating": 6})),
    responses(
        (status = 202, description = "On disk: the handle to poll", content_type = "application/json", body = OneOrSeveralHandles,
            headers(("Location" = String, description = "Where to poll it; of one rating only"))),
        Unreadable, BadBody, Conflict, TooMany, Unavailable,
    ),
)]
pub async fn post(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    counted(&state, take(&request, payload, &state).await)
}

async fn take(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
) -> Result<HttpResponse, Refusal> {
    let name = name(request)?;
    let body = state.bodies.json(request, payload, BODY_LIMIT).await?;
    if body.trim_ascii_start().first() == Some(&b'[') {
        let submissions = several(&body, state)?;
        // It may be much longer than what was in it, and the disk may take its time.
        drop(body);
        let reply = send(state, submissions, name).await?;
        let executions: Vec<_> =
            reply.receipts.iter().map(|receipt| accepted(&state.machine, receipt)).collect();
        Ok(HttpResponse::Accepted().json(executions))
    } else {
        let submission = one(&body, state)?;
        drop(body);
        let reply = send(state, vec![submission], name).await?;
        handle(state, &reply)
    }
}

/// `202` with the handle of a request of one rating.
///
/// # Errors
/// When there is no receipt, which is a defect.
pub fn handle(state: &State, reply: &Reply) -> Result<HttpResponse, Refusal> {
    let receipt = reply.receipts.first().ok_or_else(Refusal::internal)?;
    let accepted = accepted(&state.machine, receipt);
    let location = format!("/executions/{}", accepted.execution_arn);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(accepted))
}

/// Sends submissions under a name that the caller chose. Until callers are known by another way, a caller is the user
/// of the first rating.
///
/// # Errors
/// As [`accept`].
pub async fn send(
    state: &State,
    submissions: Vec<Submission>,
    name: Option<String>,
) -> Result<Reply, Refusal> {
    let caller: Option<UserId> = submissions.first().map(|first| first.user.clone());
    let name = name.zip(caller).map(|(name, caller)| RequestName::of_caller(&caller, name));
    accept(state, Request { submissions, name }).await
}

/// What a request may be named by in its query.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// The same as `Idempotency-Key`.
    #[param(min_length = 1, max_length = 255)]
    name: Option<String>,
}

/// The name of a request: the header `Idempotency-Key`, or `?name=`.
///
/// # Errors
/// When there are two different ones, or it is none.
pub fn name(request: &HttpRequest) -> Result<Option<String>, Refusal> {
    let in_query = query::parse::<Name>(request)?.name;
    let mut headers = request.headers().get_all("idempotency-key");
    let header = headers.next();
    if headers.next().is_some() {
        return Err(Refusal::bad_request("there are several Idempotency-Keys: send one of them"));
    }
    let in_header = header.map(|key| {
        let text = key.to_str().map(str::to_owned);
        text.map_err(|_| Refusal::bad_request("the Idempotency-Key is not visible ASCII"))
    });
    let name = match (in_query, in_header.transpose()?) {
        (Some(name), Some(key)) if name != key => {
            return Err(Refusal::bad_request("name and Idempotency-Key are two: send one of them"));
        }
        (name, key) => name.or(key),
    };
    let is_good = |name: &String| (1..=NAME_LIMIT).contains(&name.len()) && !name.contains('\0');
    if let Some(name) = name.as_ref().filter(|name| !is_good(name)) {
        let (length, zeros) = (name.len(), name.matches('\0').count());
        let detail = format!(
            "a name or Idempotency-Key has 1 to {NAME_LIMIT} bytes, none of them zero; this one has {length}, and {zeros} \
             of them are"
        );
        return Err(Refusal::bad_request(detail));
    }
    Ok(name)
}

fn several(body: &[u8], state: &State) -> Result<Vec<Submission>, Refusal> {
    let elements =
        rating_elements(body).map_err(|error| Refusal::bad_request(error.to_string()))?;
    // More than may wait for the disk would never be taken.
    let most = MOST_RATINGS.min(state.commit.capacity());
    if !(1..=most).contains(&elements.len()) {
        let detail = format!("an array here holds 1 to {most} ratings, not {}", elements.len());
        return Err(Refusal::invalid(detail));
    }
    let numbered = elements.into_iter().enumerate();
    let submissions = numbered
        .map(|(number, element)| one(element, state).map_err(|refusal| refusal.of_element(number)));
    submissions.collect()
}

fn one(body: &[u8], state: &State) -> Result<Submission, Refusal> {
    if body.len() > RATING_LIMIT {
        return Err(Refusal::too_large("one rating", RATING_LIMIT));
    }
    let RatingBody { item, user, rating, .. } =
        RatingBody::parse(body).map_err(|error| match error {
            RatingBodyError::NotJson(_) => Refusal::bad_request(error.to_string()),
            RatingBodyError::NotARating(_) => Refusal::invalid(error.to_string()),
        })?;
    // A body that parses is UTF-8.
    let input = String::from_utf8_lossy(body).trim().to_owned();
    submission(state, user, item, rating, input)
}
