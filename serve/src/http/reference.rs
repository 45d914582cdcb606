//! `GET /docs`: what stands in `/openapi.json`, as a page for people. Made once, without scripts; it asks for nothing but its
//! style.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

use super::openapi::{Defect, Text};

mod page;
mod schema;

pub use page::page;

/// The page's own style; nothing inline, no scripts, in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// This description as a page for people.
#[utoipa::path(get, path = "/docs", tag = "server", operation_id = "show_reference", responses(
    (status = 200, description = "A page", content_type = "text/html", body = String),
    Defect,
))]
pub async fn show(text: Data<Text>) -> HttpResponse {
    answer("text/html; charset=utf-8", text.page.clone())
}

/// How that page looks.
#[utoipa::path(get, path = "/docs/style.css", tag = "server", operation_id = "show_reference_style", responses(
    (status = 200, description = "A style sheet", content_type = "text/css", body = String),
    Defect,
))]
pub async fn style() -> HttpResponse {
    answer("text/css; charset=utf-8", include_str!("reference/style.css").to_owned())
}

fn answer(media_type: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type(media_type)
        .body(text)
}
