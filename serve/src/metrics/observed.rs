//! What is looked at when somebody asks, rather than counted all the time.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;

use crate::snapshot::Snapshot;

/// The state of the server at one moment.
pub struct Observed {
    /// Whether requests should be sent here.
    pub is_ready: bool,
    /// Whether the ledger takes nothing after its disk failed or its file was removed.
    pub is_ledger_failed: bool,
    /// Records of the ledger that this process has found damaged.
    pub damaged_records: u64,
    /// What the ledger's files take; none when the system does not tell.
    pub ledger_bytes: Option<u64>,
    /// Ratings that wait for the disk.
    pub waiting: usize,
    /// Executions that run, or have ended and are not yet written.
    pub in_work: usize,
    /// Entries that are not yet in the store; none when the ledger cannot be read.
    pub unflushed: Option<u64>,
    /// The version that serves.
    pub snapshot: Option<Arc<Snapshot>>,
    /// When a run last ended well, where the store tells.
    pub last_run_at: Option<DateTime<Utc>>,
    /// Times that a version did not load.
    pub load_failures: u64,
    /// Whether a newer version does not load.
    pub is_version_refused: bool,
    /// Whether the store could not be listed at the last look.
    pub is_store_unreachable: bool,
    /// When the server started, in microseconds since 1970.
    pub started_at: i64,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("is_ready", &self.is_ready).finish_non_exhaustive()
    }
}

impl Collector for Observed {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut lines = Lines(encoder);
        lines.switch("akin_ready", "1 when requests should be sent here", self.is_ready)?;
        let failed =
            "1 after the disk failed or the file was removed: nothing is accepted until a restart";
        lines.switch("akin_ledger_failed", failed, self.is_ledger_failed)?;
        let damaged = "Records of the ledger found damaged since the start: the log names each, and says what follows";
        lines.gauge("akin_ledger_damaged_records", damaged, self.damaged_records as f64)?;
        if let Some(bytes) = self.ledger_bytes {
            let help = "What the ledger's files take on disk";
            lines.gauge("akin_ledger_file_bytes", help, bytes as f64)?;
        }
        let waiting = "Ratings that wait for the disk";
        lines.gauge("akin_queue_ratings", waiting, self.waiting as f64)?;
        let in_work = "Executions that run, or have ended and are not yet on disk";
        lines.gauge("akin_executions_in_work", in_work, self.in_work as f64)?;
        if let Some(unflushed) = self.unflushed {
            let help = "Accepted entries that are not yet in the store";
            lines.gauge("akin_unflushed_entries", help, unflushed as f64)?;
        }
        if let Some(snapshot) = &self.snapshot {
            lines.version(snapshot)?;
        }
        if let Some(at) = self.last_run_at {
            let help = "When a run last ended well, whether it published or found nothing new";
            lines.gauge("akin_last_run_timestamp_seconds", help, seconds(at))?;
        }
        let failures = "Times that a version did not load; each try counts";
        let metric = ConstCounter::new(self.load_failures);
        lines.metric("akin_version_load_failures", failures, &metric)?;
        let refused = "1 while a newer version does not load and an older one serves";
        lines.switch("akin_version_refused", refused, self.is_version_refused)?;
        let unreachable = "1 when the store could not be listed at the last look";
        lines.switch("akin_store_unreachable", unreachable, self.is_store_unreachable)?;
        let started = "When the server started";
        let seconds = self.started_at as f64 / 1e6;
        lines.gauge("process_start_time_seconds", started, seconds)?;
        if let Some(bytes) = resident_bytes() {
            lines.gauge("process_resident_memory_bytes", "Memory in use", bytes as f64)?;
        }
        Ok(())
    }
}

struct Lines<'a>(DescriptorEncoder<'a>);

impl Lines<'_> {
    fn metric(&mut self, name: &str, help: &str, metric: &dyn EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.metric(name, help, &ConstGauge::new(value))
    }

    fn switch(&mut self, name: &str, help: &str, is_on: bool) -> fmt::Result {
        self.gauge(name, help, f64::from(u8::from(is_on)))
    }

    /// Times rather than ages: whoever asks knows what time it is.
    fn version(&mut self, snapshot: &Snapshot) -> fmt::Result {
        let manifest = &snapshot.manifest;
        let info = Info::new(vec![("version", manifest.version.to_string())]);
        self.metric("akin_version", "The version that serves", &info)?;
        let sequence = "Number of the publication that serves";
        self.gauge("akin_version_sequence", sequence, manifest.sequence as f64)?;
        let started = "When the run that published the serving version started";
        let at = seconds(manifest.started_at);
        self.gauge("akin_version_started_timestamp_seconds", started, at)?;
        let loaded = "When this server loaded it";
        self.gauge("akin_version_loaded_timestamp_seconds", loaded, seconds(snapshot.loaded_at))?;
        let users = "Users whose ratings the serving version has";
        self.gauge("akin_version_users", users, snapshot.user_count() as f64)?;
        let prepared =
            "Those of them for whom candidates are kept, or too few ratings known to need any";
        let count = snapshot.users_with_candidates();
        self.gauge("akin_version_users_prepared", prepared, count as f64)
    }
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1e3
}

/// Where Linux says it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
