//! How long the ledger takes to make a batch durable, on the disk that holds the working folder.
//!
//! Each commit takes new ratings, by users and of items at random, and writes what came of as many before them.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use akin_schemas::http::{
    Because, FoldIn, Output, PackedFoldIn, RatedItem, Recommendation, RecommendationSource,
};
use akin_schemas::{ItemId, UserId};
use akin_serve::ledger::{
    Accepted, ExecutionId, Executions, Finished, GroupCommit, Ledger, Opening, Outcome, RedbLedger,
    Submission,
};
use akin_serve::metrics::CommitMetrics;
use divan::Bencher;
use divan::counter::ItemsCount;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

const USERS: u32 = 138_493;
const ITEMS: u32 = 26_744;

type Failure = Box<dyn std::error::Error>;

fn submissions(random: &mut StdRng, count: usize) -> Result<Vec<Submission>, Failure> {
    let one = |random: &mut StdRng| -> Result<Submission, Failure> {
        let user = UserId::try_from(random.random_range(1..=USERS).to_string())?;
        let item = ItemId::try_from(random.random_range(1..=ITEMS).to_string())?;
        let input = format!(r#"{{"movieID":"{item}","user":"{user}","rating":4}}"#);
        Ok(Submission { user, item, rating: Some(4.0), input })
    };
    (0..count).map(|_| one(random)).collect()
}

/// Ten recommendations with three reasons each, of which every other is one that was named before.
fn output() -> Result<Output, Failure> {
    let title = |item: u32| Some(format!("The title of item {item} (1999)").into());
    let because = |item: u32| Because {
        item_id: item.to_string().into(),
        title: title(item),
        rating: 4.5,
        contribution: item as f32 / 7.0,
    };
    let recommendation = |item: u32| Recommendation {
        item_id: item.to_string().into(),
        title: title(item),
        score: item as f32 / 3.0,
        source: RecommendationSource::Neighbours,
        because: (0..3).map(|reason| because(20_000 + item * 3 / 2 + reason)).collect(),
    };
    let fold_in = FoldIn {
        version: "v20261123T204500Z-x7k2".parse()?,
        user: USERS.to_string().into(),
        rated: RatedItem { item_id: "1".into(), known: true, title: title(1) },
        unknown_genres: Vec::new(),
        recommendations: (10..20).map(recommendation).collect(),
    };
    Ok(Output::FoldIn(PackedFoldIn::pack(&fold_in)?))
}

fn ended(ids: &[ExecutionId]) -> Result<Vec<Finished>, Failure> {
    let output = output()?;
    let outcome = || Outcome::Succeeded(output.clone());
    Ok(ids.iter().map(|&id| Finished { id, outcome: outcome(), stopped_at: 9 }).collect())
}

/// One transaction of so many ratings.
#[divan::bench(args = [1, 16, 64, 256], min_time = 2)]
fn one_commit(bencher: Bencher, ratings: usize) {
    let measure = || -> Result<(), Failure> {
        let folder = tempfile::tempdir_in(".")?;
        let ledger = RedbLedger::open(folder.path(), Opening::default())?;
        let mut random = StdRng::seed_from_u64(1);
        let mut before: Vec<ExecutionId> = Vec::new();
        // Executions sort by time: without it, they would lie scattered.
        let mut now = 0;
        bencher.counter(ItemsCount::new(ratings)).bench_local(|| -> Result<(), Failure> {
            now += 5_000;
            let submissions = submissions(&mut random, ratings)?;
            let accepted = ledger.accept(&submissions, &ended(&before)?, now)?;
            before = accepted.iter().map(|accepted| accepted.execution).collect();
            Ok(())
        });
        Ok(())
    };
    report(measure());
}

/// A rating each by so many threads at once, which the ledger's thread gathers. The figures are of one thread.
#[divan::bench(threads = [64], min_time = 2)]
fn gathered(bencher: Bencher) {
    let measure = || -> Result<(), Failure> {
        let folder = tempfile::tempdir_in(".")?;
        let ledger: Arc<dyn Ledger> =
            Arc::new(RedbLedger::open(folder.path(), Opening::default())?);
        let executions = Arc::new(Executions::new(ledger.clone()));
        let (sender, accepted) = mpsc::channel::<Vec<Accepted>>();
        let on_accepted = Box::new(move |batch| drop(sender.send(batch)));
        let metrics = CommitMetrics::default();
        let group = GroupCommit::start(ledger, executions, 10_000, metrics, on_accepted)?;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for batch in accepted {
                    let ids: Vec<_> = batch.iter().map(|accepted| accepted.execution).collect();
                    for finished in ended(&ids).into_iter().flatten() {
                        let _ = group.finish(&finished);
                    }
                }
            });
            let bencher = bencher.counter(ItemsCount::new(1u32)).with_inputs(one_rating);
            bencher.bench_values(|rating| group.submit(rating.ok()?).ok()?.blocking_recv().ok());
            group.close(Duration::from_secs(10));
        });
        Ok(())
    };
    report(measure());
}

fn one_rating() -> Result<Vec<Submission>, Failure> {
    submissions(&mut StdRng::seed_from_u64(rand::random()), 1)
}

fn report(measured: Result<(), Failure>) {
    if let Err(error) = measured {
        eprintln!("the ledger: {error}");
    }
}

fn main() {
    divan::main();
}
