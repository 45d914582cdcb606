//! What a run reports at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use akin_schemas::{Manifest, ObjectKey, VersionName};
use serde::Serialize;

use crate::counting::thousands;
use crate::memory;
use crate::report::StageCost;

use super::from_servers::FromServers;
use super::taken_in::TakenIn;

/// Measures the stages of a run.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    lap_began: Instant,
    laps: Vec<StageCost>,
}

impl Stopwatch {
    /// Starts the run and its first stage.
    pub fn start() -> Self {
        let now = Instant::now();
        Self { began: now, lap_began: now, laps: Vec::new() }
    }

    /// Ends a stage and starts the next.
    pub fn lap(&mut self, stage: &'static str) {
        let now = Instant::now();
        let seconds = (now - self.lap_began).as_secs_f64();
        self.laps.push(StageCost { stage, seconds, peak_bytes: memory::peak_bytes() });
        self.lap_began = now;
    }

    /// What the stages took so far, in their order.
    pub fn costs(&self) -> Vec<StageCost> {
        self.laps.clone()
    }
}

/// The summary of a run; its JSON form is one object.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Whether there is a new version; if not, the version is the current one.
    published: bool,
    version: VersionName,
    sequence: u64,
    store: String,
    ratings_read: u64,
    ratings_rejected: u64,
    rejected_by_reason: BTreeMap<String, u64>,
    ratings: u64,
    from_servers: FromServers,
    users: u64,
    items: u64,
    /// Items that have a title.
    titles: u64,
    /// The same in the version before; none where there is none.
    titles_before: Option<u64>,
    pairs: u64,
    measure: String,
    /// What a person should look at.
    warnings: Vec<String>,
    /// Why there are no figures although they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmeasured: Option<String>,
    /// Where its report is, if it has one.
    report: Option<ObjectKey>,
    /// Why there is none although one was to be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreported: Option<String>,
    seconds: f64,
    seconds_by_stage: BTreeMap<&'static str, f64>,
    peak_memory_bytes: Option<u64>,
    program: &'static str,
    #[serde(skip)]
    stages: Vec<StageCost>,
}

impl Summary {
    /// Sums up a run that published `manifest`.
    pub(super) fn new(
        manifest: &Manifest,
        taken: &TakenIn,
        store: String,
        watch: Stopwatch,
    ) -> Self {
        Self::of(true, manifest, taken, store, watch)
    }

    /// Sums up a run that found its input to be that of the current version.
    pub(super) fn unchanged(
        current: &Manifest,
        taken: &TakenIn,
        store: String,
        watch: Stopwatch,
    ) -> Self {
        Self::of(false, current, taken, store, watch)
    }

    /// Says why nothing was measured, where that is so.
    pub fn unmeasured(self, why: Option<String>) -> Self {
        Self { unmeasured: why, ..self }
    }

    /// Says where the report is, or why it could not be written; nothing of a report that was not asked for.
    pub fn reported(self, outcome: Option<Result<ObjectKey, String>>) -> Self {
        match outcome {
            Some(Err(why)) => Self { unreported: Some(why), ..self },
            outcome => Self { report: outcome.and_then(Result::ok), ..self },
        }
    }

    fn of(
        published: bool,
        manifest: &Manifest,
        taken: &TakenIn,
        store: String,
        watch: Stopwatch,
    ) -> Self {
        let TakenIn { ratings, titles, warnings, .. } = taken;
        let reasons = ratings.rejects.counts().iter();
        Self {
            published,
            version: manifest.version.clone(),
            sequence: manifest.sequence,
            store,
            ratings_read: ratings.read,
            ratings_rejected: ratings.rejects.total(),
            rejected_by_reason: reasons.map(|(reason, n)| (reason.to_string(), *n)).collect(),
            ratings: manifest.counts.ratings,
            from_servers: taken.facts.from_servers,
            users: manifest.counts.users,
            items: manifest.counts.items,
            titles: titles.now,
            titles_before: titles.before,
            pairs: manifest.counts.pairs,
            measure: manifest.measure.name.clone(),
            warnings: warnings.clone(),
            unmeasured: None,
            report: None,
            unreported: None,
            seconds: watch.began.elapsed().as_secs_f64(),
            seconds_by_stage: watch.laps.iter().map(|lap| (lap.stage, lap.seconds)).collect(),
            peak_memory_bytes: memory::peak_bytes(),
            program: concat!("akin-batch ", env!("CARGO_PKG_VERSION")),
            stages: watch.laps,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, sequence, store, .. } = self;
        if self.published {
            writeln!(f, "published {version} as number {sequence} in {store}")?;
        } else {
            writeln!(
                f,
                "unchanged: nothing published; {version}, number {sequence} in {store}, stays current"
            )?;
        }
        let rejected = match self.ratings_rejected {
            0 => String::new(),
            n => format!(", {} rejected", thousands(n)),
        };
        writeln!(f, "  ratings read  {}{rejected}", thousands(self.ratings_read))?;
        for (reason, count) in &self.rejected_by_reason {
            writeln!(f, "                  {reason}: {}", thousands(*count))?;
        }
        writeln!(f, "  ratings kept  {}", thousands(self.ratings))?;
        let FromServers { ratings, new } = self.from_servers;
        writeln!(f, "  from servers  {} ({} new)", thousands(ratings), thousands(new))?;
        let before = self.titles_before.filter(|before| *before != self.titles);
        let before =
            before.map_or_else(String::new, |count| format!(" (before {})", thousands(count)));
        for (name, count, more) in [
            ("users", self.users, ""),
            ("items", self.items, ""),
            ("titles", self.titles, before.as_str()),
            ("pairs", self.pairs, ""),
        ] {
            writeln!(f, "  {name:<13} {}{more}", thousands(count))?;
        }
        writeln!(f, "  measure       {}", self.measure)?;
        if let Some(why) = &self.unmeasured {
            writeln!(f, "  figures       none: {why}")?;
        }
        let stages = self.stages.iter();
        let stages: Vec<String> =
            stages.map(|lap| format!("{} {:.2} s", lap.stage, lap.seconds)).collect();
        writeln!(f, "  time          {:.2} s: {}", self.seconds, stages.join(", "))?;
        if let Some(peak) = self.peak_memory_bytes {
            writeln!(f, "  peak memory   {} MiB", peak >> 20)?;
        }
        match (&self.report, &self.unreported) {
            (Some(key), _) => writeln!(f, "  report        {store}/{key}")?,
            (None, Some(why)) => writeln!(f, "  report        none: {why}")?,
            (None, None) => {}
        }
        write!(f, "  program       {}", self.program)?;
        for warning in &self.warnings {
            write!(f, "\n  warning       {warning}")?;
        }
        Ok(())
    }
}
