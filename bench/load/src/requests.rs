//! The requests' bytes. Every rating is another one.

/// Makes up ratings: users and items evenly, so that no profile stays in a cache for long.
pub struct Ratings {
    state: u64,
    users: u64,
    items: u64,
}

impl Ratings {
    pub fn new(seed: u64, users: u32, items: u32) -> Self {
        Self { state: seed, users: users.into(), items: items.into() }
    }

    /// The next rating as a whole request.
    pub fn next(&mut self, server: &str) -> Vec<u8> {
        let user = self.below(self.users) + 1;
        let item = self.below(self.items) + 1;
        let rating = self.below(5) + 1;
        let body = format!(r#"{{"movieID":"{item}","user":"{user}","rating":{rating}}}"#);
        let length = body.len();
        let head = format!(
            "POST /ratings HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        (head + &body).into_bytes()
    }

    /// An even number below `bound`. SplitMix64 (Steele, Lea and Flood 2014); the bias of the remainder is below 1e-14.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Asks for an execution, and waits for its end for at most `wait` seconds.
pub fn poll(server: &str, handle: &str, wait: Option<u32>) -> Vec<u8> {
    let wait = wait.map(|wait| format!("?wait={wait}")).unwrap_or_default();
    format!("GET /executions/{handle}{wait} HTTP/1.1\r\nhost: {server}\r\n\r\n").into_bytes()
}

/// The handle in the answer to a rating.
pub fn handle(body: &[u8]) -> Option<String> {
    text_of(body, r#""executionArn":""#).map(str::to_owned)
}

/// Whether an execution has succeeded.
pub fn is_succeeded(body: &[u8]) -> bool {
    text_of(body, r#""status":""#) == Some("SUCCEEDED")
}

/// The text that follows `key`, which the servers write without blanks: parsing all of an output would cost more than
/// asking for it.
fn text_of<'a>(body: &'a [u8], key: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let value = &text[text.find(key)? + key.len()..];
    value.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_sends_the_same_ratings_and_another_seed_others() {
        let some = |seed| {
            let mut ratings = Ratings::new(seed, 1000, 1000);
            (0..20).map(|_| ratings.next("a")).collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn handles_and_states_are_found_in_answers() {
        let answer = br#"{"executionArn":"arn:a:b","status":"SUCCEEDED","output":{"status":"x"}}"#;
        assert_eq!(handle(answer), Some("arn:a:b".to_owned()));
        assert!(is_succeeded(answer));
        assert!(!is_succeeded(br#"{"status":"RUNNING"}"#));
        assert_eq!(handle(b"{}"), None);
    }
}
