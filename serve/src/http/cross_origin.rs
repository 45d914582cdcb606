//! Pages of other origins (CORS, "Fetch", WHATWG): which may ask, and what they are told. Nothing is shown to any unless
//! it was named. Credentials never are: who calls is not told by cookies here.

use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};

/// What a page may send. The long ones are those of AWS's own client, for the Step Functions door.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, Authorization, X-Amz-Target, X-Amz-Date, X-Amz-Content-Sha256, \
     X-Amz-Security-Token, X-Amz-User-Agent, Amz-Sdk-Invocation-Id, Amz-Sdk-Request",
);
/// What a page may read, beside the few headers that it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("Location, Retry-After, X-Request-Id");
/// Seconds for which a browser may remember a preflight's answer: as long as any does.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// An origin that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// All, but those without a name (`null`).
    Any,
    /// This one, as browsers send it; maybe `null`.
    Exactly(String),
}

impl FromStr for AllowedOrigin {
    type Err = String;

    /// `*`, `null`, or a scheme, a host and maybe a port.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "*" => Ok(Self::Any),
            "null" => Ok(Self::Exactly(text.to_owned())),
            _ if is_origin(text) => Ok(Self::Exactly(text.to_owned())),
            _ => Err(
                "an origin is https://host or https://host:port, in small letters, without the scheme's own port, \
                 a path or a slash at its end; or *; or null"
                    .to_owned(),
            ),
        }
    }
}

/// Browsers send it in one form only: what has another would never match.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let usual_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let has_usual_port = usual_port.is_some() && authority.port_u16() == usual_port;
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-._[]:".contains(&c);
    let is_host = !authority.host().is_empty() && authority.as_str().bytes().all(is_plain);
    is_host && !has_usual_port && text == format!("{scheme}://{authority}")
}

/// The origins that may ask.
#[derive(Debug, Clone, Default)]
pub struct CrossOrigin(Vec<AllowedOrigin>);

impl CrossOrigin {
    /// These; none is the default.
    pub fn new(origins: Vec<AllowedOrigin>) -> Self {
        Self(origins)
    }

    /// What `Access-Control-Allow-Origin` says to the origin in these headers.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(header::ORIGIN)?;
        let is_named = |allowed: &AllowedOrigin| matches!(allowed, AllowedOrigin::Exactly(text) if origin == text);
        if self.0.iter().any(is_named) {
            return Some(origin.clone());
        }
        let is_any = self.0.contains(&AllowedOrigin::Any) && origin != "null";
        is_any.then(|| HeaderValue::from_static("*"))
    }

    /// The answer to a browser that asks before it sends: none when it is no such question, or from elsewhere. Then it
    /// is a request like any other, and without these headers the browser does not go on.
    pub fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<HttpResponse> {
        if method != Method::OPTIONS || !request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        self.allowed(request)?;
        Some(
            HttpResponse::NoContent()
                .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
                .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
                .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
                .finish(),
        )
    }

    /// The headers that every answer carries. `Vary` does even where no origin asks: caches must not hand one origin's
    /// answer to another.
    pub fn headers(&self, request: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut headers = vec![(header::VARY, HeaderValue::from_static("Origin"))];
        if let Some(origin) = self.allowed(request) {
            headers.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin));
            headers.push((header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_named_as_browsers_send_it() {
        for text in
            ["http://a", "https://films.example", "http://127.0.0.1:3000", "https://[::1]:8443"]
        {
            assert_eq!(text.parse(), Ok(AllowedOrigin::Exactly(text.to_owned())));
        }
        for text in [
            "",
            "a",
            "films.example",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://A.example",
            "HTTPS://a",
            "https://a:443",
            "http://a:80",
            "https://u@a",
            "https://*.example",
            "https://a b",
            "*.example",
        ] {
            assert!(text.parse::<AllowedOrigin>().is_err(), "{text}");
        }
    }

    #[test]
    fn null_is_allowed_only_by_its_name() {
        let says = |allowed: &[&str], origin: &'static str| {
            let allowed = allowed.iter().filter_map(|text| text.parse().ok()).collect();
            let mut request = HeaderMap::new();
            request.insert(header::ORIGIN, HeaderValue::from_static(origin));
            CrossOrigin::new(allowed).allowed(&request)
        };
        let value = |text| Some(HeaderValue::from_static(text));
        assert_eq!(says(&[], "https://a"), None);
        assert_eq!(says(&["https://a"], "https://a"), value("https://a"));
        assert_eq!(says(&["https://a"], "https://a:8443"), None);
        assert_eq!(says(&["https://a"], "https://a.evil"), None);
        assert_eq!(says(&["https://a"], "null"), None);
        assert_eq!(says(&["*"], "https://a"), value("*"));
        assert_eq!(says(&["*"], "null"), None);
        assert_eq!(says(&["*", "null"], "null"), value("null"));
    }
}
