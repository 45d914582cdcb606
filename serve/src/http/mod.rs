//! The REST door: a file for each kind of resource.

mod accept;
mod body;
mod executions;
mod frame;
mod health;
mod items;
mod problem;
mod query;
mod ratings;
mod recommendations;
mod state;
mod step_functions;
mod token;
mod unread;
mod users;
mod versions;

pub use body::Bodies;
pub use state::State;
pub use step_functions::AccessKey;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use problem::Refusal;

/// All routes. `GET` also answers `HEAD`.
pub fn routes(config: &mut ServiceConfig) {
    let resource = |path: &str, allow: &'static str| {
        let refuse = move |request: HttpRequest| async move {
            let (method, path) = (request.method().as_str(), request.path());
            Err::<HttpResponse, _>(Refusal::method_not_allowed(method, path, allow))
        };
        web::resource(path).default_service(web::to(refuse))
    };
    let get = || {
        web::route()
            .guard(actix_web::guard::Any(actix_web::guard::Get()).or(actix_web::guard::Head()))
    };
    let is_call = actix_web::guard::fn_guard(|context| {
        context.head().headers().contains_key(step_functions::TARGET)
    });
    config
        .service(web::resource("/").guard(is_call).route(web::post().to(step_functions::call)))
        .service(resource("/ratings", "POST").route(web::post().to(ratings::post)))
        .service(resource("/executions", "GET, HEAD").route(get().to(executions::list)))
        .service(resource("/executions/{arn}", "GET, HEAD").route(get().to(executions::get)))
        .service(resource("/executions/{arn}/stop", "POST").route(web::post().to(executions::stop)))
        .service(
            resource("/executions/{arn}/events", "GET, HEAD").route(get().to(executions::events)),
        )
        .service(
            resource("/users/{id}/recommendations", "GET, HEAD")
                .route(get().to(recommendations::of_user)),
        )
        .service(resource("/users/{id}/ratings", "GET, HEAD").route(get().to(users::list_ratings)))
        .service(
            resource("/users/{id}/ratings/{item}", "PUT, DELETE")
                .route(web::put().to(users::put_rating))
                .route(web::delete().to(users::delete_rating)),
        )
        .service(
            resource("/recommendations", "POST")
                .route(web::post().to(recommendations::for_ratings)),
        )
        .service(
            resource("/items/neighbours", "POST")
                .route(web::post().to(items::neighbours_of_several)),
        )
        .service(resource("/items/{id}/neighbours", "GET, HEAD").route(get().to(items::neighbours)))
        .service(resource("/versions/current", "GET, HEAD").route(get().to(versions::current)))
        .service(resource("/health/live", "GET, HEAD").route(get().to(health::live)))
        .service(resource("/health/ready", "GET, HEAD").route(get().to(health::ready)))
        .default_service(web::to(no_such_path));
}

/// Wraps every request; see [`frame::frame`].
pub use frame::frame;

async fn no_such_path(request: HttpRequest) -> Result<String, Refusal> {
    Err(Refusal::not_found(format!("there is nothing at {}", request.path())))
}
