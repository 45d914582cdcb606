//! `GET /openapi.json`: the REST door, described from its handlers.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use akin_schemas::http::{Accepted, ExecutionStatus, FoldIn, PROBLEM_JSON, Problem, RatingBody};
use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{
    ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi, PartialSchema, ToSchema};

use super::{
    events, executions, health, items, metrics, page, problem, ratings, recommendations, reference,
    search, step_functions, users, versions,
};

/// Everything that can be asked.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Akin",
        description = "Takes ratings and answers with recommendations. Each answer carries `X-Request-Id`: the one that \
            was sent, if it has 1 to 128 of A-Z, a-z, 0-9 and -_.:/+=@, or a new one. `GET` also answers `HEAD`. Errors \
            are problems (RFC 9457), but at `POST /`.",
    ),
    paths(
        ratings::post,
        users::put_rating,
        users::delete_rating,
        users::list_ratings,
        executions::list,
        executions::get,
        events::events,
        executions::stop,
        recommendations::of_user,
        recommendations::for_ratings,
        search::search,
        items::get_item,
        items::get_item_named_neighbours,
        items::neighbours,
        items::neighbours_of_several,
        search::genres,
        versions::current,
        health::live,
        health::ready,
        metrics::show,
        problem::show,
        show,
        page::index,
        page::show,
        reference::show,
        reference::style,
        step_functions::call,
    ),
    components(schemas(Problem, RatingBody, Accepted, FoldIn))
)]
pub struct Description;

/// The description as it is served and checked in.
pub fn text() -> Result<String, serde_json::Error> {
    let mut text = Description::openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "server", operation_id = "show_description", responses(
    (status = 200, description = "An OpenAPI document", content_type = "application/json", body = Object),
    Defect,
))]
pub async fn show(text: Data<Text>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text.json.clone())
}

/// The description, made once.
pub struct Text {
    json: String,
    /// The same as a page for people.
    pub(super) page: String,
}

impl Text {
    /// Of the handlers as they are.
    ///
    /// # Errors
    /// When it is no JSON, which is a defect.
    pub fn new() -> std::io::Result<Self> {
        let json = text()?;
        let page = reference::page(&serde_json::from_str(&json)?);
        Ok(Self { json, page })
    }
}

/// What a route may answer instead of what it was asked for.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal $description:literal)+ })+) => {$(
        $(#[$doc])*
        pub enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status.to_string(), problem($status, $description).into())),+].into()
            }
        }
    )+};
}

refusals! {
    /// Always possible.
    Defect {
        500 "A defect of this server"
    }
    /// Of whoever takes parameters.
    Unreadable {
        400 "Not readable as what it should be"
        500 "A defect of this server"
    }
    /// Of whoever asks for one thing.
    Missing {
        404 "There is no such thing"
    }
    /// Of whoever takes a body.
    BadBody {
        408 "The body came too slowly"
        413 "The body is too large"
        415 "The body is not declared as JSON, or is encoded"
        422 "Readable, but not acceptable"
    }
    /// Of whoever takes a name.
    Conflict {
        409 "The name or key stands for another request"
    }
    /// Of whoever takes ratings.
    TooMany {
        429 "The user has too many ratings that no version contains yet"
    }
    /// Of whoever needs a version or the ledger.
    Unavailable {
        503 "Not now; try again after as many seconds as Retry-After says"
    }
}

fn problem(status: u16, description: &str) -> Response {
    let example = json!({
        "type": "/problems/not-found", "title": "There is no such thing", "status": status,
        "detail": "what, where, and what to do", "requestId": "5f2e0c7c9a1b3d4e",
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    let content = content.example((status == 404).then_some(example)).build();
    let header = |kind: Type| {
        let schema = ObjectBuilder::new().schema_type(SchemaType::new(kind));
        HeaderBuilder::new().schema(Some(schema)).build()
    };
    let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content);
    let response = response.header("X-Request-Id", header(Type::String));
    match status {
        503 => response.header("Retry-After", header(Type::Integer)).build(),
        _ => response.build(),
    }
}

/// The operations of the Step Functions door.
pub enum Target {}

impl PartialSchema for Target {
    fn schema() -> RefOr<Schema> {
        let targets = step_functions::OPERATIONS.map(|name| format!("AWSStepFunctions.{name}"));
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .enum_values(Some(targets))
            .into()
    }
}

impl ToSchema for Target {}

/// One of a stream of events.
pub enum Event {}

impl PartialSchema for Event {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let event = ObjectBuilder::new().property("event", ExecutionStatus::schema());
        event.required("event").property("data", text).required("data").into()
    }
}

impl ToSchema for Event {}

/// An error of the Step Functions door.
pub enum CallError {}

impl PartialSchema for CallError {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let error = ObjectBuilder::new().property("__type", text()).required("__type");
        error.property("message", text()).required("message").into()
    }
}

impl ToSchema for CallError {}

/// One of a kind, or an array of them.
macro_rules! one_or_several {
    ($($(#[$doc:meta])* $name:ident of $one:ty),+ $(,)?) => {$(
        $(#[$doc])*
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let one = || Ref::from_schema_name(<$one>::name());
                let several = ArrayBuilder::new().items(one()).min_items(Some(1)).max_items(Some(1000));
                OneOfBuilder::new().item(one()).item(several).into()
            }
        }

        impl ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push((<$one>::name().into_owned(), <$one>::schema()));
                <$one>::schemas(schemas);
            }
        }
    )+};
}

one_or_several! {
    /// What `POST /ratings` takes.
    OneOrSeveralRatings of RatingBody,
    /// What it answers.
    OneOrSeveralHandles of Accepted,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// `AKIN_BLESS=1` writes it, for `make bless`.
    #[test]
    fn the_checked_in_description_is_that_of_the_handlers() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/openapi.json");
        if std::env::var_os("AKIN_BLESS").is_some() {
            std::fs::write(&path, text().unwrap()).unwrap();
        }
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == text().unwrap(),
            "schemas/openapi.json is not of these handlers: run `make bless`"
        );
    }

    #[test]
    fn every_route_is_described_with_its_methods_and_no_other() {
        let routed: BTreeSet<(String, String)> = crate::http::resources()
            .iter()
            .flat_map(|(path, allow, _)| {
                allow.split(", ").map(move |method| (path.to_string(), method.to_lowercase()))
            })
            .filter(|(_, method)| method != "head")
            .collect();
        let description: serde_json::Value = serde_json::from_str(&text().unwrap()).unwrap();
        let described: BTreeSet<(String, String)> = description["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
            })
            .collect();
        assert_eq!(described, routed);
    }

    /// Clients are made by them: a function of each.
    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let description: serde_json::Value = serde_json::from_str(&text().unwrap()).unwrap();
        let items = description["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let ids: Vec<&str> =
            operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let different: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn every_name_that_is_referred_to_is_there() {
        let text = text().unwrap();
        let description: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut count = 0;
        for reference in text.split("\"$ref\": \"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(description.pointer(pointer).is_some(), "{pointer}");
            count += 1;
        }
        assert!(count > 50, "{count}");
    }
}
