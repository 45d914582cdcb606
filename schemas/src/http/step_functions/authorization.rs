//! The header `Authorization` of a signed request.

use super::failure::Failure;

/// The one way of signing.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Which key signed.
    pub key_id: &'a str,
    /// The scope's day, YYYYMMDD.
    pub date: &'a str,
    /// The scope's region.
    pub region: &'a str,
    /// The scope's service.
    pub service: &'a str,
    /// Names of the headers that are signed, between semicolons.
    pub signed_headers: &'a str,
    /// In hexadecimal digits.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value.
    ///
    /// # Errors
    /// When it is of another algorithm, or one of its parts is missing.
    pub fn parse(text: &'a str) -> Result<Self, Failure> {
        let incomplete = || {
            Failure::denied("IncompleteSignatureException", "the Authorization header is not whole")
        };
        let fields = text.strip_prefix(ALGORITHM).ok_or_else(incomplete)?;
        let field = |name: &str| {
            let mut fields = fields.split(',').map(str::trim);
            fields
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(incomplete)
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = scope[..] else {
            return Err(incomplete());
        };
        let (signed_headers, signature) = (field("SignedHeaders")?, field("Signature")?);
        Ok(Self { key_id, date, region, service, signed_headers, signature })
    }

    /// Whether a header is signed.
    pub fn signs(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|name| name == header)
    }
}
