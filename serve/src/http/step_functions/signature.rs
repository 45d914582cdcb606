//! AWS Signature Version 4, checked when keys are configured: that a request was signed with one of them, recently, and
//! was not changed on its way ("Authenticating Requests (AWS Signature Version 4)", AWS General Reference).

use std::fmt;
use std::fmt::Write;
use std::str::FromStr;
use std::time::SystemTime;

use actix_web::HttpRequest;
use akin_schemas::Checksum;
use akin_schemas::http::step_functions::{ALGORITHM, Authorization, Failure};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// How far a client's clock may be off, as at AWS.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// Headers that must be signed: without them the same signature would do for another server or operation.
const MUST_BE_SIGNED: [&str; 2] = ["host", "x-amz-target"];

/// One pair of keys.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    id: String,
    secret: String,
}

impl fmt::Debug for AccessKey {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccessKey").field(&self.id).finish()
    }
}

impl FromStr for AccessKey {
    type Err = String;

    /// `ID:SECRET`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => {
                Ok(Self { id: id.to_owned(), secret: secret.to_owned() })
            }
            _ => Err("an access key is ID:SECRET".to_owned()),
        }
    }
}

/// The keys that may sign; at least one.
pub type AccessKeys = Vec<AccessKey>;

/// Checks the signature of a request with this body.
///
/// # Errors
/// When there is none, it is of an unknown key, too old, or does not fit.
pub fn verify(
    request: &HttpRequest,
    body: &[u8],
    keys: &AccessKeys,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let missing =
        || Failure::denied("MissingAuthenticationTokenException", "Missing Authentication Token");
    let authorization = Authorization::parse(header("authorization").ok_or_else(missing)?)?;
    let unknown = "The security token included in the request is invalid.";
    let key = keys.iter().find(|key| key.id == authorization.key_id);
    let key = key.ok_or_else(|| Failure::denied("UnrecognizedClientException", unknown))?;
    let stamp = header("x-amz-date").ok_or_else(missing)?;
    let signed_at =
        NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").map(|time| time.and_utc());
    let signed_at = signed_at.map_err(|_| wrong("the x-amz-date is not YYYYMMDDTHHMMSSZ"))?;
    if (now - signed_at).abs() > SKEW {
        return Err(wrong(
            "Signature expired or not yet valid: the clocks differ by more than 5 minutes",
        ));
    }
    if !stamp.starts_with(authorization.date) {
        return Err(wrong("the credential scope is of another day"));
    }
    if let Some(name) = MUST_BE_SIGNED.iter().find(|name| !authorization.signs(name)) {
        return Err(wrong(&format!("the header {name} is not signed")));
    }
    let canonical = canonical_request(request, &authorization, body)?;
    let Authorization { date, region, service, .. } = authorization;
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", Checksum::of(canonical.as_bytes()));
    let signing_key =
        generate_signing_key(&key.secret, SystemTime::from(signed_at), region, service);
    let expected = calculate_signature(signing_key, to_sign.as_bytes());
    if is_equal(expected.as_bytes(), authorization.signature.as_bytes()) {
        Ok(())
    } else {
        Err(wrong("The request signature we calculated does not match the signature you provided."))
    }
}

fn wrong(message: &str) -> Failure {
    Failure::denied("InvalidSignatureException", message)
}

/// Takes as long for every two texts of a length: the first difference must not tell itself.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// Method, path, query, signed headers and the body's hash in the form that is signed. The path is `/`: only that
/// comes here.
fn canonical_request(
    request: &HttpRequest,
    authorization: &Authorization,
    body: &[u8],
) -> Result<String, Failure> {
    let mut headers = String::new();
    for name in authorization.signed_headers.split(';') {
        let mut values = Vec::new();
        for value in request.headers().get_all(name) {
            let value =
                value.to_str().map_err(|_| wrong("a signed header is not visible ASCII"))?;
            values.push(value.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let _ = writeln!(headers, "{name}:{}", values.join(","));
    }
    let (method, query) = (request.method(), request.query_string());
    let (signed, hash) = (authorization.signed_headers, Checksum::of(body));
    Ok(format!("{method}\n/\n{query}\n{headers}\n{signed}\n{hash}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actix_web::test::TestRequest;

    use super::*;

    /// The request, key and signature of AWS's published test suite: `post-vanilla`.
    fn vanilla() -> TestRequest {
        TestRequest::post()
            .uri("/")
            .insert_header(("host", "example.amazonaws.com"))
            .insert_header(("x-amz-date", "20150830T123600Z"))
    }

    const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

    fn keys() -> AccessKeys {
        vec!["AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".parse().unwrap()]
    }

    fn noon() -> DateTime<Utc> {
        "2015-08-30T12:36:00Z".parse().unwrap()
    }

    #[test]
    fn the_published_example_has_its_published_signature() {
        let request = vanilla().to_http_request();
        let authorization = Authorization {
            key_id: "AKIDEXAMPLE",
            date: "20150830",
            region: "us-east-1",
            service: "service",
            signed_headers: "host;x-amz-date",
            signature: "",
        };
        let canonical = canonical_request(&request, &authorization, b"").unwrap();
        let hash = Checksum::of(canonical.as_bytes());
        let to_sign = format!(
            "{ALGORITHM}\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n{hash}"
        );
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = generate_signing_key(secret, SystemTime::from(noon()), "us-east-1", "service");
        assert_eq!(
            calculate_signature(key, to_sign.as_bytes()),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }

    fn signed(body: &[u8], target: &str) -> TestRequest {
        let request = vanilla().insert_header(("x-amz-target", target.to_owned()));
        let names = "host;x-amz-date;x-amz-target";
        let text = format!("{ALGORITHM} Credential={SCOPE}, SignedHeaders={names}, Signature=");
        let authorization = Authorization::parse(&text).unwrap();
        let canonical =
            canonical_request(&request.to_http_request(), &authorization, body).unwrap();
        let hash = Checksum::of(canonical.as_bytes());
        let to_sign = format!(
            "{ALGORITHM}\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n{hash}"
        );
        let time = SystemTime::from(noon());
        let key = generate_signing_key(&keys()[0].secret, time, "us-east-1", "service");
        let signature = calculate_signature(key, to_sign.as_bytes());
        vanilla()
            .insert_header(("x-amz-target", target.to_owned()))
            .insert_header(("authorization", format!("{text}{signature}")))
    }

    #[test]
    fn a_signature_is_good_for_its_request_its_key_and_five_minutes() {
        let check = |request: TestRequest, body: &[u8], keys: &AccessKeys, minutes: i64| {
            let now = noon() + TimeDelta::minutes(minutes);
            verify(&request.to_http_request(), body, keys, now).map_err(|failure| failure.name())
        };
        let good = || signed(b"{}", "A.B");
        for minutes in [-5, 0, 5] {
            assert_eq!(check(good(), b"{}", &keys(), minutes), Ok(()));
        }
        let other: AccessKeys = vec!["AKIDEXAMPLE:another".parse().unwrap()];
        let unknown: AccessKeys =
            vec!["OTHER:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".parse().unwrap()];
        let changed = good().insert_header(("x-amz-target", "A.C"));
        assert_eq!(check(good(), b"{ }", &keys(), 0), Err("InvalidSignatureException"));
        assert_eq!(check(changed, b"{}", &keys(), 0), Err("InvalidSignatureException"));
        assert_eq!(check(good(), b"{}", &other, 0), Err("InvalidSignatureException"));
        assert_eq!(check(good(), b"{}", &keys(), 6), Err("InvalidSignatureException"));
        assert_eq!(check(good(), b"{}", &keys(), -6), Err("InvalidSignatureException"));
        assert_eq!(check(good(), b"{}", &unknown, 0), Err("UnrecognizedClientException"));
        assert_eq!(check(vanilla(), b"{}", &keys(), 0), Err("MissingAuthenticationTokenException"));
        let broken = vanilla().insert_header(("authorization", "AWS4-HMAC-SHA256 Credential=a"));
        assert_eq!(check(broken, b"{}", &keys(), 0), Err("IncompleteSignatureException"));
        // The operation must be a part of what is signed.
        let text =
            format!("{ALGORITHM} Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature=0");
        let unsigned = vanilla().insert_header(("authorization", text));
        assert_eq!(check(unsigned, b"{}", &keys(), 0), Err("InvalidSignatureException"));
    }
}
