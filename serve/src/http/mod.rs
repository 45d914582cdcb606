//! The REST door: a file for each kind of resource.

mod body;
mod executions;
mod frame;
mod health;
mod items;
mod problem;
mod query;
mod ratings;
mod state;
mod users;
mod versions;

pub use state::State;

use actix_web::web::{self, ServiceConfig};

use problem::Refusal;

/// All routes. `GET` also answers `HEAD`.
pub fn routes(config: &mut ServiceConfig) {
    let resource = |path: &str| web::resource(path).default_service(web::to(wrong_method));
    let get = || {
        web::route()
            .guard(actix_web::guard::Any(actix_web::guard::Get()).or(actix_web::guard::Head()))
    };
    config
        .service(resource("/ratings").route(web::post().to(ratings::post)))
        .service(resource("/executions/{arn}").route(get().to(executions::get)))
        .service(resource("/users/{id}/recommendations").route(get().to(users::recommendations)))
        .service(resource("/items/{id}/neighbours").route(get().to(items::neighbours)))
        .service(resource("/versions/current").route(get().to(versions::current)))
        .service(resource("/health/live").route(get().to(health::live)))
        .service(resource("/health/ready").route(get().to(health::ready)))
        .default_service(web::to(no_such_path));
}

/// Wraps every request; see [`frame::frame`].
pub use frame::frame;

async fn wrong_method(request: actix_web::HttpRequest) -> Result<String, Refusal> {
    let allow = if request.path() == "/ratings" { "POST" } else { "GET, HEAD" };
    Err(Refusal::method_not_allowed(request.method().as_str(), request.path(), allow))
}

async fn no_such_path(request: actix_web::HttpRequest) -> Result<String, Refusal> {
    Err(Refusal::not_found(format!("there is nothing at {}", request.path())))
}
