//! `GET /users/{id}/recommendations`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use akin_schemas::UserId;
use akin_schemas::http::Recommendations;

use crate::fold_in::recommend;

use super::problem::Refusal;
use super::query::{self, Count};
use super::state::State;

/// Recommends to a user from everything known now: the version's ratings and those accepted since.
pub async fn recommendations(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let count = query::parse::<Count>(&request)?.get()?;
    let user = UserId::try_from(query::path_step(&request)?)
        .map_err(|error| Refusal::bad_request(format!("the user: {error}")))?;
    let snapshot = state.snapshot()?;
    let body = State::score(move |scorer| {
        let entries = state.ledger.entries(&user)?;
        let (known, recommendations) = recommend(&snapshot, scorer, &user, &entries, count);
        let version = snapshot.manifest.version.clone();
        Ok(Recommendations { version, known, user: user.into(), recommendations })
    })
    .await?;
    Ok(HttpResponse::Ok().json(body))
}
