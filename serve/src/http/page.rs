//! `GET /`: a page for people, and the files that it consists of. They are in the program, and the page asks nobody but
//! this server.

use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::openapi::{Defect, Missing};
use super::problem::Refusal;
use super::query;
use super::state::State;

/// Scripts, styles and data of this server alone; nothing inline, no forms sent anywhere, in nobody's frame; and no text
/// becomes markup but in the one place of lit-html that has this policy.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types lit-html";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
struct File {
    name: &'static str,
    media_type: &'static str,
    plain: &'static [u8],
    gzip: Bytes,
    etag: String,
}

macro_rules! files {
    ($($name:literal $media_type:ident)+) => {
        LazyLock::new(|| vec![$(
            File::new($name, $media_type, include_bytes!(concat!("../../page/", $name)))
        ),+])
    };
}

static FILES: LazyLock<Vec<File>> = files! {
    "index.html" HTML
    "style.css" CSS
    "icon.svg" SVG
    "star.svg" SVG
    "app.js" SCRIPT
    "state.js" SCRIPT
    "api.js" SCRIPT
    "words.js" SCRIPT
    "outbox.js" SCRIPT
    "rating.js" SCRIPT
    "motion.js" SCRIPT
    "list.js" SCRIPT
    "search.js" SCRIPT
    "item.js" SCRIPT
    "server.js" SCRIPT
    "views.js" SCRIPT
    "lit-html.js" SCRIPT
};

impl File {
    fn new(name: &'static str, media_type: &'static str, plain: &'static [u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing into memory does not fail; without it the file is sent as it is.
        let gzip = encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default();
        let etag = format!("W/\"{:08x}\"", crc32fast::hash(plain));
        Self { name, media_type, plain, gzip: gzip.into(), etag }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let asked = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let knows = asked(header::IF_NONE_MATCH).is_some_and(|etags| etags.contains(&self.etag));
        let mut response = if knows { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((header::ETAG, &*self.etag))
            // Asked for again each time, so that page and server are of one build.
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::VARY, "Accept-Encoding"))
            .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"))
            .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"));
        if knows {
            return response.finish();
        }
        response.insert_header((header::CONTENT_TYPE, self.media_type));
        let unpacks = asked(header::ACCEPT_ENCODING).is_some_and(takes_gzip);
        if unpacks && !self.gzip.is_empty() {
            return response
                .insert_header((header::CONTENT_ENCODING, "gzip"))
                .body(self.gzip.clone());
        }
        response.body(self.plain)
    }
}

/// Whether `gzip` is among the encodings that a client accepts, and not by a quality of 0.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|part| {
            let quality = part.strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
            quality == Some(0.0)
        });
        is_gzip && !is_refused
    })
}

/// A page for people: search, rate, and watch the recommendations move. Not there with `--no-page`.
#[utoipa::path(get, path = "/", tag = "page", operation_id = "show_page", responses(
    (status = 200, description = "The page", content_type = "text/html", body = String),
    (status = 304, description = "The one with the ETag that was sent"),
    Missing, Defect,
))]
pub async fn index(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    file("index.html", &request, &state)
}

/// A file of the page.
#[utoipa::path(get, path = "/page/{file}", tag = "page", operation_id = "show_page_file",
    params(("file" = String, Path, description = "Its name", example = "app.js")),
    responses(
        (status = 200, description = "The file", content((String = "text/html"), (String = "text/css"),
            (String = "text/javascript"), (String = "image/svg+xml"))),
        (status = 304, description = "The one with the ETag that was sent"),
        (status = 400, description = "Not readable as what it should be", body = akin_schemas::http::Problem, content_type = "application/problem+json"),
        Missing, Defect,
    ),
)]
pub async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    file(&query::path_step(&request)?, &request, &state)
}

fn file(name: &str, request: &HttpRequest, state: &State) -> Result<HttpResponse, Refusal> {
    if !state.shows_page {
        return Err(Refusal::not_found("this server shows no page: it was started with --no-page"));
    }
    let file = FILES.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| Refusal::not_found(format!("the page has no file {name:?}")))?;
    Ok(file.answer(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the files as they travel. It is what a phone on a slow network waits for.
    const MOST_BYTES: usize = 100_000;

    #[test]
    fn the_page_is_small() {
        let total: usize = FILES.iter().map(|file| file.gzip.len()).sum();
        assert!(0 < total && total < MOST_BYTES, "{total}");
    }

    #[test]
    fn what_is_sent_packed_is_what_the_client_unpacks() {
        for (accepted, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000, identity", false),
            ("identity", false),
            ("x-gzipped", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepted), expected, "{accepted}");
        }
    }
}
