//! Clients that rate, each with a log of what the server answered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::{Server, agent, get};

/// What became of a rating, as its client knows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// 202.
    Accepted(String),
    /// 503 with `Retry-After`.
    Refused,
    /// The connection broke, or the answer says itself that it does not know.
    Unknown,
}

/// A rating, and what became of it.
#[derive(Debug)]
struct Sent {
    item: String,
    rating: f64,
    answer: Answer,
}

/// One user, who rates each item once, and the log of it.
#[derive(Debug)]
pub struct Log {
    user: String,
    sent: Vec<Sent>,
    agent: ureq::Agent,
}

impl Log {
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), sent: Vec::new(), agent: agent() }
    }

    /// Sends one more rating, under a key of its own, and notes the answer.
    pub fn rate(&mut self, address: SocketAddr) -> &Answer {
        let number = self.sent.len();
        // One that has neighbours, so that there is something to fold in.
        let item = if number == 0 { "1".to_owned() } else { format!("item {number}") };
        let rating = (number % 20 + 1) as f64 / 2.0;
        let answer = self.post(address, &item, rating);
        &self.sent.push_mut(Sent { item, rating, answer }).answer
    }

    /// Lets go of its connection, of which thousands of clients would hold too many.
    pub fn hang_up(&mut self) {
        self.agent = agent();
    }

    /// Rates until an answer is no 202.
    pub fn rate_until_the_end(&mut self, address: SocketAddr) {
        while matches!(self.rate(address), Answer::Accepted(_)) {}
    }

    /// Sends again what got no answer, under its old key.
    #[track_caller]
    pub fn repeat_unanswered(&mut self, server: &Server) {
        for number in 0..self.sent.len() {
            let Sent { item, rating, answer } = &self.sent[number];
            if *answer == Answer::Unknown {
                let again = self.post(server.address, item, *rating);
                assert!(matches!(again, Answer::Accepted(_)), "{again:?}");
                self.sent[number].answer = again;
            }
        }
    }

    fn post(&self, address: SocketAddr, item: &str, rating: f64) -> Answer {
        let body = json!({"movieID": item, "user": self.user, "rating": rating}).to_string();
        let request = self.agent.post(format!("http://{address}/ratings"));
        let request = request.header("content-type", "application/json");
        let request = request.header("idempotency-key", item);
        // Whoever gets no answer knows nothing.
        let Ok(mut answer) = request.send(&body) else { return Answer::Unknown };
        let has_retry_after = answer.headers().contains_key("retry-after");
        let status = answer.status().as_u16();
        let Ok(text) = answer.body_mut().read_to_string() else { return Answer::Unknown };
        match status {
            202 => {
                let answer: Value = serde_json::from_str(&text).unwrap();
                Answer::Accepted(answer["executionArn"].as_str().unwrap().to_owned())
            }
            503 if text.contains("was not accepted") => {
                assert!(has_retry_after, "{text}");
                Answer::Refused
            }
            503 => {
                assert!(has_retry_after, "{text}");
                Answer::Unknown
            }
            _ => panic!("{status}: {text}"),
        }
    }

    /// The answers so far.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.sent.iter().map(|sent| &sent.answer)
    }

    /// The handles so far.
    pub fn handles(&self) -> impl Iterator<Item = &str> {
        self.answers().filter_map(|answer| match answer {
            Answer::Accepted(handle) => Some(&**handle),
            Answer::Refused | Answer::Unknown => None,
        })
    }

    /// Holds what the server knows of the user against the log: everything acknowledged is there, nothing refused is,
    /// and each rating that is there has one execution, which has ended with its recommendations. Says how many are
    /// there.
    #[track_caller]
    pub fn check(&self, server: &Server) -> usize {
        let ratings = self.ratings(server);
        let mut executions = self.executions(server);
        let mut there = 0;
        for Sent { item, rating, answer } in &self.sent {
            let found = ratings.get(item);
            let of_item = executions.remove(item).unwrap_or_default();
            let user = &self.user;
            match answer {
                Answer::Accepted(handle) => {
                    assert_eq!(found, Some(rating), "{user}, {item}: acknowledged and lost");
                    assert!(of_item.contains(handle), "{user}, {item}: {handle}, {of_item:?}");
                }
                Answer::Refused => assert_eq!(found, None, "{user}, {item}: refused and kept"),
                Answer::Unknown => {
                    assert!(found.is_none_or(|found| found == rating), "{user}, {item}");
                }
            }
            let count = usize::from(found.is_some());
            assert_eq!(of_item.len(), count, "{user}, {item}: one rating, one effect");
            for handle in of_item {
                let execution = get(server, &format!("/executions/{handle}?wait=50")).json();
                assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
                assert_eq!(execution["output"]["user"], **user);
                assert_eq!(execution["output"]["rated"]["itemId"], **item);
            }
            there += count;
        }
        assert_eq!(ratings.len(), there, "{}: ratings that nobody sent", self.user);
        assert!(executions.is_empty(), "executions that nobody started: {executions:?}");
        there
    }

    /// The user's ratings by item.
    fn ratings(&self, server: &Server) -> BTreeMap<String, f64> {
        let mut ratings = BTreeMap::new();
        let mut path = format!("/users/{}/ratings?n=1000", self.user);
        loop {
            let page = get(server, &path).json();
            for rating in page["ratings"].as_array().unwrap() {
                let item = rating["itemId"].as_str().unwrap().to_owned();
                ratings.insert(item, rating["rating"].as_f64().unwrap());
            }
            let Some(next) = page["next"].as_str() else { return ratings };
            let next = next.replace(' ', "%20");
            path = format!("/users/{}/ratings?n=1000&after={next}", self.user);
        }
    }

    /// The handles of the user's executions by item.
    fn executions(&self, server: &Server) -> BTreeMap<String, BTreeSet<String>> {
        let mut executions = BTreeMap::<_, BTreeSet<_>>::new();
        let mut path = format!("/executions?user={}&n=1000", self.user);
        loop {
            let page = get(server, &path).json();
            for execution in page["executions"].as_array().unwrap() {
                let item = execution["input"]["movieID"].as_str().unwrap().to_owned();
                let handle = execution["executionArn"].as_str().unwrap().to_owned();
                executions.entry(item).or_default().insert(handle);
            }
            let Some(next) = page["nextToken"].as_str() else { return executions };
            path = format!("/executions?user={}&n=1000&nextToken={next}", self.user);
        }
    }
}
