//! The REST door: a file for each kind of resource.

mod accept;
mod body;
mod connection;
mod cross_origin;
mod events;
mod executions;
mod frame;
mod health;
mod holding;
mod items;
mod metrics;
mod openapi;
mod page;
mod problem;
mod query;
mod ratings;
mod recommendations;
mod reference;
mod request_id;
mod search;
mod state;
mod step_functions;
mod token;
mod unread;
mod users;
mod versions;

pub use body::Bodies;
pub use connection::{Patience, Timed};
pub use cross_origin::{AllowedOrigin, CrossOrigin};
pub use openapi::Text as DescriptionText;
pub use state::{LISTS_AT_ONCE, State};
pub use step_functions::AccessKey;

use std::sync::LazyLock;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use problem::Refusal;

/// All routes. `GET` also answers `HEAD`.
pub fn routes(config: &mut ServiceConfig) {
    for (_, allow, resource) in resources() {
        let refuse = move |request: HttpRequest| async move {
            let (method, path) = (request.method().as_str(), request.path());
            Err::<HttpResponse, _>(Refusal::method_not_allowed(method, path, allow))
        };
        config.service(resource.default_service(web::to(refuse)));
    }
    config.default_service(web::to(no_such_path));
}

/// The paths of all resources, which are their names, too.
static PATHS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| resources().into_iter().map(|(path, ..)| path).collect());

/// Each path, the methods that it takes, and what answers them.
fn resources() -> Vec<(&'static str, &'static str, Resource)> {
    const READ: &str = "GET, HEAD";
    let get = || {
        web::route()
            .guard(actix_web::guard::Any(actix_web::guard::Get()).or(actix_web::guard::Head()))
    };
    let is_call = actix_web::guard::fn_guard(|context| {
        context.head().headers().contains_key(step_functions::TARGET)
    });
    let root = [
        web::post().guard(is_call).to(step_functions::call),
        web::post().to(step_functions::no_operation),
        get().to(page::index),
    ];
    let one_rating = [web::put().to(users::put_rating), web::delete().to(users::delete_rating)];
    let items_neighbours =
        [web::post().to(items::neighbours_of_several), get().to(items::get_item_named_neighbours)];
    let routes: [(&'static str, &'static str, Vec<Route>); 24] = [
        ("/", "GET, HEAD, POST", root.into()),
        // What is asked for most comes first: they are tried in this order.
        ("/ratings", "POST", vec![web::post().to(ratings::post)]),
        ("/executions/{arn}", READ, vec![get().to(executions::get)]),
        ("/users/{id}/ratings", READ, vec![get().to(users::list_ratings)]),
        ("/users/{id}/ratings/{item}", "PUT, DELETE", one_rating.into()),
        ("/users/{id}/recommendations", READ, vec![get().to(recommendations::of_user)]),
        ("/recommendations", "POST", vec![web::post().to(recommendations::for_ratings)]),
        ("/executions", READ, vec![get().to(executions::list)]),
        ("/executions/{arn}/events", READ, vec![get().to(events::events)]),
        ("/executions/{arn}/stop", "POST", vec![web::post().to(executions::stop)]),
        // Before `{id}`, which would take it for an item; one may be called so.
        ("/items/neighbours", "GET, HEAD, POST", items_neighbours.into()),
        ("/items", READ, vec![get().to(search::search)]),
        ("/items/{id}", READ, vec![get().to(items::get_item)]),
        ("/items/{id}/neighbours", READ, vec![get().to(items::neighbours)]),
        ("/genres", READ, vec![get().to(search::genres)]),
        ("/versions/current", READ, vec![get().to(versions::current)]),
        ("/health/live", READ, vec![get().to(health::live)]),
        ("/health/ready", READ, vec![get().to(health::ready)]),
        ("/metrics", READ, vec![get().to(metrics::show)]),
        ("/problems/{name}", READ, vec![get().to(problem::show)]),
        ("/page/{file}", READ, vec![get().to(page::show)]),
        ("/openapi.json", READ, vec![get().to(openapi::show)]),
        ("/docs", READ, vec![get().to(reference::show)]),
        ("/docs/style.css", READ, vec![get().to(reference::style)]),
    ];
    let resource = |(path, allow, routes): (&'static str, &'static str, Vec<Route>)| {
        (path, allow, routes.into_iter().fold(web::resource(path).name(path), Resource::route))
    };
    routes.into_iter().map(resource).collect()
}

/// Wraps every request; see [`frame::frame`].
pub use frame::frame;

async fn no_such_path(request: HttpRequest) -> Result<String, Refusal> {
    Err(Refusal::not_found(format!("there is nothing at {}", request.path())))
}
