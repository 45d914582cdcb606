//! The id that names a request in answers, problems and the log.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A client's own id has at most so many characters.
const LONGEST: usize = 128;

/// Names a request in the log.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl RequestId {
    /// The client's, when it is one that a log line and a header can hold as it is; else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(X_REQUEST_ID);
        let only = sent.next().filter(|_| sent.next().is_none());
        let sane = only.and_then(|id| id.to_str().ok()).filter(|id| is_sane(id));
        Self(sane.map_or_else(|| format!("{:016x}", rand::random::<u64>()), str::to_owned))
    }

    /// As a header's value.
    pub fn value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

fn is_sane(id: &str) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&c);
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sent: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for value in sent {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(X_REQUEST_ID, value);
            }
        }
        RequestId::of(&headers).0
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let longest = "x".repeat(LONGEST);
        for id in ["a", "0b1c-4f.x_y:z/+=@", "Root=1-67891233-abcdef012345678912345678", &longest] {
            assert_eq!(of(&[id.as_bytes()]), id);
        }
        let long = "x".repeat(LONGEST + 1);
        let bad: [&[u8]; 8] =
            [b"", b"a b", b"a\"b", b"{a}", b"a\\b", "é".as_bytes(), b"\xff", long.as_bytes()];
        for id in bad {
            let made = of(&[id]);
            assert!(made.len() == 16 && made.bytes().all(|c| c.is_ascii_hexdigit()), "{made}");
        }
        assert_eq!(of(&[b"a", b"a"]).len(), 16, "of two, nobody can say which one counts");
        assert_ne!(of(&[]), of(&[]));
    }
}
