#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use akin_schemas::stage::{
    EvaluateRequest, Evaluated, IngestRequest, Ingested, PublishRequest, Shard, Similarities,
    SimilaritiesRequest,
};
use akin_schemas::{Checksum, Manifest, ObjectKey, PartEntry};
use akin_store::{FolderStore, Store, read_manifest};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{evaluate, ingest, publish, similarities};
use crate::failure::{Exit, Failure};
use crate::synth::{SynthFormat, SynthOptions, generate};

/// A folder with made-up ratings and a store.
struct Place {
    folder: tempfile::TempDir,
    store: FolderStore,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("made");
        let format = SynthFormat::Csv;
        generate(&SynthOptions { users: 60, items: 40, ratings: 900, seed: 7, out, format })
            .unwrap();
        let store = FolderStore::open(folder.path().join("store").to_str().unwrap()).unwrap();
        Self { folder, store }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn request(&self, run: &str, shards: u32, more: &Value) -> IngestRequest {
        let mut options = json!({
            "ratings": [self.path("made/ratings.csv")],
            "items": self.path("made/movies.csv"),
        });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let options: BTreeMap<String, Value> = serde_json::from_value(options).unwrap();
        IngestRequest { run: run.parse().unwrap(), store: self.path("store"), options, shards }
    }

    fn ingest(&self, request: &IngestRequest) -> Result<Ingested, Failure> {
        ingest::ingest(&self.store, request, Utc::now())
    }

    fn shard(&self, ingest: &Ingested, shard: Shard) -> Result<Similarities, Failure> {
        let request = SimilaritiesRequest { ingest: ingest.clone(), shard: Some(shard) };
        similarities::similarities(&self.store, &request, None)
    }

    fn evaluate(&self, ingest: &Ingested) -> Result<Evaluated, Failure> {
        evaluate::evaluate(&self.store, &EvaluateRequest { ingest: ingest.clone() })
    }

    /// All stages, up to what is to be published.
    fn prepared(&self, request: &IngestRequest) -> PublishRequest {
        let ingest = self.ingest(request).unwrap();
        let shards = ingest.shards.iter();
        let similarities = shards.map(|&shard| self.shard(&ingest, shard).unwrap()).collect();
        let evaluate = Some(self.evaluate(&ingest).unwrap());
        PublishRequest { ingest, similarities, evaluate }
    }

    fn publish(&self, request: &PublishRequest) -> Result<u64, Failure> {
        publish::publish(&self.store, request).map(|published| published.sequence)
    }

    fn manifest(&self, sequence: u64) -> Manifest {
        read_manifest(&self.store, sequence).unwrap()
    }

    /// What `akin-batch run` publishes with the same options.
    fn run(&self, request: &IngestRequest) -> Manifest {
        let options = ingest::options(&request.store, &request.options).unwrap();
        crate::run::run_on(&self.store, &options, Utc::now()).unwrap();
        let newest = akin_store::published_sequences(&self.store, None).unwrap();
        self.manifest(*newest.last().unwrap())
    }

    fn objects(&self) -> Vec<(ObjectKey, Checksum)> {
        let folders = ["work/", "manifests/", "neighbours/", "items/", "profiles/", "rejects/"];
        let listed = folders.iter().flat_map(|folder| self.store.list(folder, None).unwrap());
        listed.map(|o| (o.key.clone(), Checksum::of(&self.store.get(&o.key).unwrap()))).collect()
    }
}

/// What identifies the files of a version, whatever the version's name.
fn files(manifest: &Manifest) -> Vec<(u64, u64, Checksum)> {
    let of = |entries: &[PartEntry]| -> Vec<_> {
        entries.iter().map(|part| (part.bytes, part.rows, part.sha256)).collect()
    };
    let parts = &manifest.parts;
    [of(&parts.neighbours), of(&parts.items), of(&parts.profiles)].concat()
}

#[test]
fn any_number_of_shards_publishes_the_bytes_of_a_run() {
    let place = Place::new();
    for more in [
        json!({"top-k": 7}),
        json!({"measure": "pearson", "shrinkage": 3}),
        json!({"measure": "ease"}),
        json!({"measure": "cosine"}),
        json!({"cut": "source", "top-k": 3}),
        json!({"half-life": 100, "evaluate": true}),
    ] {
        let whole = place.run(&place.request("unused", 1, &more));
        assert!(whole.counts.pairs > 50, "{more}");
        for shards in [1, 2, 3, 7] {
            let name = format!("run-{}-{shards}", whole.sequence);
            let request = place.prepared(&place.request(&name, shards, &more));
            let divided = place.manifest(place.publish(&request).unwrap());
            assert_eq!(files(&divided), files(&whole), "{more} {shards}");
            assert_ne!(divided.version, whole.version);
            let alike = Manifest {
                sequence: whole.sequence,
                version: whole.version.clone(),
                write_id: whole.write_id.clone(),
                started_at: whole.started_at,
                parts: whole.parts.clone(),
                ..divided
            };
            assert_eq!(alike, whole, "{more} {shards}");
        }
    }
}

#[test]
fn a_stage_that_is_repeated_gives_the_same_and_does_nothing() {
    let place = Place::new();
    let request = place.request("twice", 3, &json!({"evaluate": true}));
    let first = place.prepared(&request);
    assert_eq!(place.publish(&first).unwrap(), 1);
    let objects = place.objects();
    assert_eq!(place.prepared(&request), first);
    assert_eq!(place.publish(&first).unwrap(), 1);
    assert_eq!(place.objects(), objects);
    // Nor does it when others have published since.
    place.run(&request);
    assert_eq!(place.publish(&first).unwrap(), 1);
}

#[test]
fn a_stage_that_was_killed_is_run_again_whatever_it_left() {
    let place = Place::new();
    let request = place.request("killed", 2, &json!({}));
    let first = place.prepared(&request);
    let documents = ["ingest", "similarities-1-of-2", "evaluate"];
    // What a stage gives is created last: an attempt that was killed leaves everything but that, or less.
    for document in documents {
        let key = format!("work/killed/{document}.json");
        place.store.delete(&key.try_into().unwrap()).unwrap();
    }
    assert_eq!(place.prepared(&request), first);
    for object in place.store.list("work/killed/", None).unwrap() {
        let name = object.key.as_str();
        if !name.ends_with("begun.json") {
            place.store.delete(&object.key).unwrap();
        }
    }
    assert_eq!(place.prepared(&request), first);
    // A publication that was killed before its commit.
    assert_eq!(place.publish(&first).unwrap(), 1);
    place.store.delete(&ObjectKey::manifest(1)).unwrap();
    place
        .store
        .delete(
            &place.objects().iter().find(|(key, _)| key.as_str().starts_with("items/")).unwrap().0,
        )
        .unwrap();
    assert_eq!(place.publish(&first).unwrap(), 1);
}

#[test]
fn input_that_changed_after_a_broken_attempt_is_not_in_its_way() {
    let place = Place::new();
    let request = place.request("changing", 1, &json!({}));
    let first = place.ingest(&request).unwrap();
    place.store.delete(&"work/changing/ingest.json".to_owned().try_into().unwrap()).unwrap();
    let path = place.path("made/ratings.csv");
    let more = std::fs::read_to_string(&path).unwrap() + "new,1,5,100\n";
    std::fs::write(&path, more).unwrap();
    let second = place.ingest(&request).unwrap();
    assert_eq!((second.sequence, &second.version), (first.sequence, &first.version));
    assert_eq!(second.ratings, first.ratings + 1);
    place.publish(&place.prepared(&request)).unwrap();
    assert_eq!(place.manifest(1).counts.ratings, second.ratings);
}

#[test]
fn a_run_loses_against_whoever_published_after_its_number_was_fixed() {
    let place = Place::new();
    let request = place.request("late", 1, &json!({}));
    let prepared = place.prepared(&request);
    place.run(&request);
    let failure = place.publish(&prepared).unwrap_err();
    assert_eq!(failure.exit(), Exit::Superseded, "{}", failure.chain());
}

#[test]
fn a_run_that_is_too_old_does_not_publish() {
    let place = Place::new();
    let request = place.request("old", 1, &json!({}));
    let yesterday: DateTime<Utc> = Utc::now() - TimeDelta::hours(25);
    ingest::ingest(&place.store, &request, yesterday).unwrap();
    let failure = place.publish(&place.prepared(&request)).unwrap_err();
    assert_eq!(failure.exit(), Exit::Superseded, "{}", failure.chain());
}

#[test]
fn what_is_dated_ahead_is_judged_by_the_time_of_the_run() {
    let place = Place::new();
    let later: DateTime<Utc> = Utc::now() + TimeDelta::days(3);
    let path = place.path("ahead.csv");
    let (first, second) = (later.timestamp() - 1_000_000_000, later.timestamp());
    let lines = format!("userId,movieId,rating,timestamp\n1,a,4,{first}\n1,b,5,{second}\n");
    std::fs::write(&path, lines).unwrap();
    let more = json!({"ratings": [path], "max-reject-share": 1});
    for (number, (moment, rejected)) in (1..).zip([(Utc::now(), 1), (later, 0)]) {
        let request = place.request(&format!("run-{number}"), 1, &more);
        let ingested = ingest::ingest(&place.store, &request, moment).unwrap();
        assert_eq!((ingested.ratings_rejected, ingested.ratings), (rejected, 2 - rejected));
        let options = ingest::options(&request.store, &request.options).unwrap();
        let summary = crate::run::run_on(&place.store, &options, moment).unwrap();
        assert_eq!(serde_json::to_value(&summary).unwrap()["ratings_rejected"], rejected);
        assert_eq!(place.manifest(number).counts.ratings, 2 - rejected);
    }
}

#[test]
fn unchanged_input_ends_a_run_in_its_first_stage() {
    let place = Place::new();
    let more = json!({"if-changed": true});
    let first = place.prepared(&place.request("one", 1, &more));
    assert!(first.ingest.changed);
    place.publish(&first).unwrap();
    let second = place.ingest(&place.request("two", 1, &more)).unwrap();
    assert!(!second.changed && second.details.is_none() && second.shards.is_empty());
    assert_eq!((second.sequence, &second.version), (1, &first.ingest.version));
    let failure = place.evaluate(&second).unwrap_err();
    assert!(failure.chain().contains("nothing changed"), "{}", failure.chain());
}

#[test]
fn what_the_guard_refuses_is_told_with_its_figures_and_never_published() {
    let place = Place::new();
    let guarded = |run| place.request(run, 1, &json!({"guard": 0.05}));
    let first = place.prepared(&guarded("sound"));
    assert!(first.evaluate.as_ref().unwrap().passed);
    place.publish(&first).unwrap();
    // Who rated what is mixed up.
    let path = place.path("made/ratings.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    let mut mixed = lines.next().unwrap().to_owned() + "\n";
    for (at, line) in lines.enumerate() {
        // Twice multiplied and folded: multiples alone would be a pattern that is easily found.
        let odd = 6_364_136_223_846_793_005_u64;
        let twice = (at as u64).wrapping_mul(odd);
        let item = ((twice ^ (twice >> 29)).wrapping_mul(odd) >> 33) % 40 + 1;
        let user = line.split(',').next().unwrap();
        mixed += &format!("{user},{item},3,100\n");
    }
    std::fs::write(&path, mixed).unwrap();
    let second = place.prepared(&guarded("spoilt"));
    let judged = second.evaluate.as_ref().unwrap();
    let compared = judged.comparison.as_ref().unwrap();
    assert!(!judged.passed && compared.now < compared.before * 0.95, "{judged:?}");
    let failure = place.publish(&second).unwrap_err();
    assert_eq!(failure.exit(), Exit::Guarded, "{}", failure.chain());
    let unjudged = PublishRequest { evaluate: None, ..second };
    let failure = place.publish(&unjudged).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage, "{}", failure.chain());
}

#[test]
fn what_is_damaged_or_does_not_belong_together_is_refused() {
    let place = Place::new();
    let request = place.request("one", 2, &json!({}));
    let prepared = place.prepared(&request);
    let other = place.prepared(&place.request("two", 3, &json!({})));
    let refused = |similarities: Vec<Similarities>, expected: &str| {
        let request = PublishRequest { similarities, ..prepared.clone() };
        let failure = place.publish(&request).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.chain().contains(expected), "{}", failure.chain());
    };
    let both = &prepared.similarities;
    refused(Vec::new(), "[]");
    refused(vec![both[0].clone()], "[1/2]");
    refused(vec![both[0].clone(), both[0].clone()], "[1/2, 1/2]");
    refused(vec![both[0].clone(), other.similarities[1].clone()], "run two");
    // Another request under the same name.
    let failure = place.ingest(&place.request("one", 3, &json!({}))).unwrap_err();
    assert!(failure.chain().contains("choose another name"), "{}", failure.chain());
    for (options, expected) in [
        (json!({"mesure": "lift"}), "\"mesure\" is no option of run"),
        (json!({"json": true}), "\"json\" is no option of a stage"),
        (json!({"no-report": true}), "\"no-report\" is no option of a stage"),
        (json!({"top-k": "many"}), "--top-k"),
    ] {
        let failure = place.ingest(&place.request("three", 1, &options)).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.chain().contains(expected), "{}", failure.chain());
    }

    for file in std::fs::read_dir(Path::new(&place.path("store/work/one"))).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    for failure in [
        place.ingest(&request).map(|_| ()).unwrap_err(),
        place.shard(&prepared.ingest, "1/5".parse().unwrap()).map(|_| ()).unwrap_err(),
        place.publish(&prepared).map(|_| ()).unwrap_err(),
    ] {
        assert!(
            failure.chain().contains("intermediate results cannot be used"),
            "{}",
            failure.chain()
        );
    }
}
