//! The fold-in: from an accepted rating to the output of its execution.

use std::borrow::Cow;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use akin_recommender::profile::Profile;
use akin_recommender::scoring::{self, Before, Request, Scorer, Selection, Source};
use akin_schemas::ItemId;
use akin_schemas::http::step_functions::LONGEST_DATA;
use akin_schemas::http::{
    Because, FoldIn, JsonText, Options, Output, PackedFoldIn, RatedItem, Recommendation,
    RecommendationSource,
};
use chrono::Utc;
use crossbeam_channel::{Receiver, Sender};
use tracing::error;

use crate::giving_way::Patience;
use crate::ledger::{Accepted, ExecutionRecord, Finished, GroupCommit, Ledger, Outcome};
use crate::metrics::ScoringMetrics;
use crate::snapshot::{Filter, Live, Snapshot};

/// The rated items that a recommendation names as its reasons.
const REASONS: usize = 3;

/// Recommends to a user with these entries in the ledger, and says whether any rating of the user is known. `count` is
/// how many, where the options do not say.
pub fn recommend<'a>(
    snapshot: &'a Snapshot,
    scorer: &mut Scorer,
    user: &str,
    ledger: &Profile<ItemId>,
    options: &Options,
    count: usize,
) -> (bool, Vec<Recommendation<'a>>) {
    let found = snapshot.ratings(user, ledger);
    let known = !found.ratings.is_empty() || ledger.ratings().next().is_some();
    (known, recommend_after(snapshot, scorer, found.before(), &found.ratings, options, count))
}

/// Recommends to whoever gave these ratings, each item once, sorted by number.
pub fn recommend_for<'a>(
    snapshot: &'a Snapshot,
    scorer: &mut Scorer,
    ratings: &[(u32, f32)],
    options: &Options,
    count: usize,
) -> Vec<Recommendation<'a>> {
    recommend_after(snapshot, scorer, None, ratings, options, count)
}

fn recommend_after<'a>(
    snapshot: &'a Snapshot,
    scorer: &mut Scorer,
    before: Option<Before<'_>>,
    ratings: &[(u32, f32)],
    options: &Options,
    count: usize,
) -> Vec<Recommendation<'a>> {
    let filter = Filter::new(snapshot, options);
    let is_allowed = filter.as_ref().map(|filter| |item| filter.allows(item));
    let selection = Selection {
        is_allowed: is_allowed.as_ref().map(|allowed| allowed as &dyn Fn(u32) -> bool),
        min_support: options.min_support.unwrap_or(0),
        diversity: options.diversity.unwrap_or(0.0) as f32,
    };
    let count = options.n.map_or(count, usize::from);
    let offset = usize::from(options.offset.unwrap_or(0));
    let request = Request { offset, count, reasons: REASONS };
    let found = scorer.recommend_after(&snapshot.model, before, ratings, request, &selection);
    let reasons = found.iter().flat_map(|found| &found.because).map(|reason| reason.item);
    snapshot.fetch_names(found.iter().map(|found| found.item).chain(reasons));
    found.into_iter().map(|recommendation| in_words(snapshot, recommendation)).collect()
}

fn in_words(snapshot: &Snapshot, found: scoring::Recommendation) -> Recommendation<'_> {
    let because = |reason: scoring::Reason| Because {
        item_id: (*snapshot.item(reason.item).id).into(),
        title: snapshot.title(reason.item).map(Cow::from),
        rating: reason.rating,
        contribution: reason.contribution,
    };
    Recommendation {
        item_id: (*snapshot.item(found.item).id).into(),
        title: snapshot.title(found.item).map(Cow::from),
        score: found.score,
        source: match found.source {
            Source::Neighbours => RecommendationSource::Neighbours,
            Source::Popular => RecommendationSource::Popular,
        },
        because: found.because.into_iter().map(because).collect(),
    }
}

/// How the execution of an accepted rating ends; an error says why there is no list.
fn outcome(
    live: &Live,
    ledger: &dyn Ledger,
    scorer: &mut Scorer,
    accepted: &Accepted,
    count: usize,
) -> Result<Outcome, String> {
    let ExecutionRecord { user, item, input, .. } = &*accepted.record;
    // In this order: what the ledger has let go of by now is in whatever version serves after.
    let entries = accepted.entries(ledger).map_err(|error| {
        error!(%error, %user, "the user's entries cannot be read");
        "the user's ratings cannot be read from the ledger; the rating is kept"
    })?;
    let snapshot = live.current().ok_or("no version is loaded")?;
    let number = snapshot.number(item);
    let options = Options::of_input(input);
    let (_, recommendations) = recommend(&snapshot, scorer, user, entries, &options, count);
    let fold_in = FoldIn {
        version: snapshot.manifest.version.clone(),
        user: user.as_str().into(),
        rated: RatedItem {
            item_id: item.as_str().into(),
            known: number.is_some(),
            title: number.and_then(|number| snapshot.title(number)).map(Cow::from),
        },
        unknown_genres: snapshot.unknown_genres(&options).into_iter().map(Cow::from).collect(),
        recommendations,
    };
    ended(&fold_in)
}

/// An output, unless it is longer than Step Functions allows: clients rely on what they are told.
fn ended(fold_in: &FoldIn<'_>) -> Result<Outcome, String> {
    let length = match fold_in.longest_json() {
        // Mostly nobody need write it to know.
        length if length <= LONGEST_DATA => length,
        _ => JsonText::of(fold_in).map_err(|error| error.to_string())?.as_str().len(),
    };
    if length <= LONGEST_DATA {
        let packed = PackedFoldIn::pack(fold_in).map_err(|error| error.to_string())?;
        return Ok(Outcome::Succeeded(Output::FoldIn(packed)));
    }
    Ok(Outcome::Failed {
        error: "States.DataLimitExceeded".to_owned(),
        cause: format!(
            "the output would have {length} bytes, of which {LONGEST_DATA} are allowed; ask for fewer \
             recommendations, or for GET /users/{{id}}/recommendations; the rating is kept"
        ),
    })
}

/// Threads that score what was accepted, each with accumulators of its own.
pub struct ScoringPool {
    queue: Sender<Accepted>,
    threads: Vec<JoinHandle<()>>,
}

impl ScoringPool {
    /// Starts `threads` threads. Outcomes go to what `commit` yields, once it yields something.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        threads: usize,
        count: usize,
        live: &Arc<Live>,
        ledger: &Arc<dyn Ledger>,
        commit: &Arc<OnceLock<Arc<GroupCommit>>>,
        metrics: &ScoringMetrics,
    ) -> io::Result<Self> {
        // When scoring is slower than accepting, this fills, then the ledger's queue does, then clients are refused.
        let (queue, work) = crossbeam_channel::bounded(1024);
        let threads = (0..threads).map(|number| {
            let (work, live, commit) = (work.clone(), live.clone(), commit.clone());
            let (ledger, metrics) = (ledger.clone(), metrics.clone());
            let score = move |scorer: &mut Scorer, accepted: &Accepted| {
                outcome(&live, ledger.as_ref(), scorer, accepted, count)
            };
            let run = move || score_all(&work, score, &commit, &metrics);
            thread::Builder::new().name(format!("score-{number}")).spawn(run)
        });
        Ok(Self { queue, threads: threads.collect::<io::Result<_>>()? })
    }

    /// Where accepted ratings go in. Blocks when too many wait.
    pub fn queue(&self) -> Sender<Accepted> {
        self.queue.clone()
    }

    /// Waits until all that went in is scored. Every clone of the queue must be gone.
    pub fn join(self) {
        drop(self.queue);
        for thread in self.threads {
            if thread.join().is_err() {
                error!("a scoring thread had died");
            }
        }
    }
}

fn score_all(
    work: &Receiver<Accepted>,
    score: impl Fn(&mut Scorer, &Accepted) -> Result<Outcome, String>,
    commit: &OnceLock<Arc<GroupCommit>>,
    metrics: &ScoringMetrics,
) {
    Patience::Some.begin();
    let mut scorer = Scorer::default();
    for accepted in work {
        let began = Instant::now();
        let scored = catch_unwind(AssertUnwindSafe(|| score(&mut scorer, &accepted)));
        metrics.scored(began, &mut scorer);
        let outcome = match scored {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(cause)) => Outcome::Failed { error: "Unavailable".to_owned(), cause },
            Err(_) => {
                // What the panic left behind is not used again.
                scorer = Scorer::default();
                let ExecutionRecord { user, item, .. } = &*accepted.record;
                error!(%user, %item, "scoring panicked");
                let cause = "the recommendations could not be computed; the rating is kept";
                Outcome::Failed { error: "InternalError".to_owned(), cause: cause.to_owned() }
            }
        };
        let id = accepted.execution;
        let finished = Finished { id, outcome, stopped_at: Utc::now().timestamp_micros() };
        if let Err(error) = commit.wait().finish(&finished) {
            error!(%error, execution = %id, "an outcome could not be noted");
        }
    }
}

#[cfg(test)]
mod tests;
