//! How a command ends when it fails: one exit code and one line.

use std::error::Error;

use akin_recommender::similarity::EaseError;
use akin_schemas::{ObjectKey, VersionName};
use akin_store::{CommitError, ErrorKind, OpenError, StoreError};
use thiserror::Error;

use crate::counting::counted;
use crate::evaluate::Nothing;
use crate::ingest::IngestError;
use crate::synth::SynthError;

/// The exit codes, as documented for schedulers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A defect of this program.
    Internal = 1,
    /// Wrong arguments.
    Usage = 2,
    /// Input that cannot be used.
    BadInput = 3,
    /// Another run published first.
    Superseded = 4,
    /// The store, or the folder to write to, failed.
    Store = 5,
    /// Quality fell too far.
    Guarded = 6,
    /// The run would not fit in memory.
    Memory = 7,
    /// The store did not say whether the version was published.
    Unknown = 8,
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// Arguments that contradict each other or the store.
    #[error("{0}")]
    Usage(String),
    /// Input that cannot be used, or is too large.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Made-up ratings could not be written.
    #[error(transparent)]
    Synth(#[from] SynthError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something in the store is damaged.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A ledger segment is damaged. Leaving it out would lose accepted ratings.
    #[error(
        "the ledger segment {key} is damaged ({problem}); restore it, or run with --since-last, which reads a ledger's \
         last segments only, or with --without-ledger, which leaves out what servers accepted"
    )]
    Segment {
        /// The segment's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A version's files are gone or damaged.
    #[error("{advice}")]
    Version {
        /// What follows from it, and what to do.
        advice: &'static str,
        /// What is wrong.
        source: OpenError,
    },
    /// A publication names files that a clean-up deleted at the same time.
    #[error(
        "version {version} names {key}, which was deleted while it was published: servers refuse it and keep to the \
         one before; roll back to a version that akin-batch versions shows as whole, or publish anew with akin-batch run"
    )]
    DeletedMeanwhile {
        /// The version.
        version: VersionName,
        /// One of the files.
        key: ObjectKey,
    },
    /// A clean-up does not know what is needed.
    #[error(
        "nothing was deleted: the manifest of number {sequence}, one of the newest {keep}, cannot be read, so that what \
         it needs is unknown; akin-batch check says what is wrong with it"
    )]
    KeptManifest {
        /// Its number.
        sequence: u64,
        /// How many are kept.
        keep: u64,
    },
    /// A check found damage.
    #[error(
        "{}; restore the files from a copy of the store, or publish anew with akin-batch run; \
         until then servers keep to the newest version that is whole",
        counted(*.0, "finding")
    )]
    Check(usize),
    /// The newest manifest is damaged, and an older one may not stand for it unless the operator says so.
    #[error(
        "the newest manifest is damaged: {damage}; nothing was published, because {older}, which is the newest that can \
         be read, may not know of ratings and erasures; restore the manifest from a copy of the store (akin-batch check \
         says what else is damaged), or add --past-damage to go on from {older}"
    )]
    NewestDamaged {
        /// The damaged manifests, newest first, and what is wrong with each.
        damage: String,
        /// What there is before them.
        older: String,
    },
    /// The current version cannot be continued. Starting from an older one could lose ratings.
    #[error("the current version cannot be continued: {problem}; {remedy}")]
    Base {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// What an earlier stage of the run left in the store is gone or damaged.
    #[error(
        "the run's intermediate results cannot be used: {0}; nothing was published; start the run anew, under another name"
    )]
    Work(String),
    /// Nothing, or nobody knows what, was published.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The computation would not fit.
    #[error(
        "the computation needs about {needed} MiB of memory where {limit} MiB are allowed; \
         raise --max-memory, lower --top-k, or give fewer ratings"
    )]
    Memory {
        /// The estimate.
        needed: u64,
        /// What may be used.
        limit: u64,
    },
    /// What is found of held-out ratings has fallen too far.
    #[error(
        "refused by the guard: NDCG@10 on held-out ratings is {now:.4} where version {version} has {before:.4}, and a \
         fall of {share} % is allowed; nothing was published; look at the input and the options, or raise --guard"
    )]
    Guard {
        /// This run's.
        now: f64,
        /// The current version's.
        before: f64,
        /// The current version.
        version: VersionName,
        /// The fall that is allowed, in percent.
        share: f64,
    },
    /// A result could not be written.
    #[error("{path}: could not be written ({problem}); check --out")]
    Output {
        /// The file or folder.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A split that leaves nothing to find, or to learn from.
    #[error("{nothing}; {remedy}", nothing = .0, remedy = .0.remedy())]
    Nothing(Nothing),
    /// The regression on all items would not fit.
    #[error(
        "the regression on {items} items needs about {needed} MiB of memory where {limit} MiB are allowed; \
         raise --max-memory, or choose --measure sparse-ease, which needs no square of the items"
    )]
    DenseMemory {
        /// The estimate.
        needed: u64,
        /// What may be used.
        limit: u64,
        /// Items, rated or not.
        items: u64,
    },
    /// The regression did not succeed.
    #[error(transparent)]
    Ease(#[from] EaseError),
    /// A result could not be printed.
    #[error("standard output: could not be written ({0}); what the command did besides stands")]
    Print(#[source] std::io::Error),
    /// A defect of this program.
    #[error("internal error: {0}; {REPORT}")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
    /// The same, found by a thread that could not go on.
    #[error("internal error: {0}; {REPORT}")]
    Panicked(String),
}

/// What to do about a defect.
const REPORT: &str = "this is a defect of akin-batch: please report it to Akin's issue tracker, with what the same command says under AKIN_LOG=debug";

impl Failure {
    /// Wraps what no input should be able to cause.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The exit code that a scheduler sees.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Ease(_) => Exit::Usage,
            Self::Ingest(error) if error.is_too_large() => Exit::Memory,
            Self::Ingest(_) | Self::Nothing(_) => Exit::BadInput,
            Self::Synth(SynthError::Write { .. }) => Exit::Store,
            Self::Synth(_) => Exit::Usage,
            Self::Store(_)
            | Self::Open(_)
            | Self::Segment { .. }
            | Self::Base { .. }
            | Self::NewestDamaged { .. }
            | Self::Version { .. }
            | Self::Work(_)
            | Self::DeletedMeanwhile { .. }
            | Self::KeptManifest { .. }
            | Self::Check(_) => Exit::Store,
            Self::Commit(CommitError::Superseded { .. } | CommitError::TooOld { .. }) => {
                Exit::Superseded
            }
            Self::Commit(CommitError::Unknown { .. }) => Exit::Unknown,
            Self::Commit(CommitError::Store(_)) => Exit::Store,
            Self::Commit(CommitError::Manifest(_)) | Self::Internal(_) | Self::Panicked(_) => {
                Exit::Internal
            }
            Self::Memory { .. } | Self::DenseMemory { .. } => Exit::Memory,
            Self::Guard { .. } => Exit::Guarded,
            Self::Output { .. } | Self::Print(_) => Exit::Store,
        }
    }

    /// What is wrong with something that the store should have, in the words of `of_problem`; or the store's own error,
    /// when another try may help. What is missing will not come back.
    pub fn of_opening(error: OpenError, of_problem: impl FnOnce(String) -> Self) -> Self {
        match error {
            OpenError::Store(error) if error.kind() != ErrorKind::NotFound => Self::Store(error),
            other => of_problem(chain(&other)),
        }
    }

    /// The same about an intermediate result.
    pub fn of_work(error: OpenError) -> Self {
        Self::of_opening(error, Self::Work)
    }

    /// The error and what caused it, in one line.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and what caused it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        next = cause.source();
    }
    line
}
