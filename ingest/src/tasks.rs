//! Files of ratings as tasks that several threads share: lots of a text's records, and row groups of Parquet.

use std::sync::Arc;

use super::IngestOptions;
use super::blocks::Blocks;
use super::collector::Collector;
use super::columnar::{self, Columnar, Group, Settings};
use super::error::IngestError;
use super::in_order::in_order;
use super::placed::Placed;
use super::progress::Progress;
use super::rules::Rules;
use super::source::{self, Format, Input, InputFile, Opened};
use super::taking::{Given, RecordOutlet, Taking};
use super::text::{Lot, Lots};

/// The most bytes of packed rows with which a task may be ahead of those before it.
const MOST_AHEAD: u64 = 32 << 20;

/// Reads all inputs into the collector, in their order.
///
/// # Errors
/// The first in the order of the inputs and of what they hold.
pub(super) fn read(
    options: &IngestOptions,
    inputs: &[Input],
    collector: &mut Collector,
    progress: &dyn Progress,
) -> Result<(), IngestError> {
    let threads = options.threads.max(1);
    collector.reading(|sharing, intake| {
        let settings = Settings {
            reading: &options.reading,
            rules: Rules::new(options.range, options.now),
            room: sharing.room,
            threads,
            progress,
        };
        let names: Vec<String> = inputs.iter().map(Input::name).collect();
        let files = inputs.iter().zip(&names);
        let mut tasks = Tasks { options, progress, threads, files, open: None, is_over: false };
        let take = |given| match given {
            Given::File(file) => {
                intake.begin_file(file);
                Ok(())
            }
            Given::Records(portion) => intake.take(portion, sharing.room),
            Given::End { path, claimed } => {
                columnar::check_rows(&path, intake.rows_of_file(), claimed)
            }
        };
        let most_ahead = MOST_AHEAD.min(sharing.room.left() / 16);
        in_order(
            (threads, most_ahead),
            || tasks.next(),
            || Taking::new(sharing),
            |taking, task: Result<Task<'_>, IngestError>, outlet| {
                taking.begin();
                task?.read(&settings, taking, outlet)
            },
            take,
        )
    })
}

/// One of the things that are done at once.
enum Task<'a> {
    Begin(InputFile),
    Lot(Lot<'a>),
    Group(Group<Placed>),
    RemoteGroup(Group<Blocks>),
    End { path: String, claimed: u64 },
}

impl Task<'_> {
    fn read(
        self,
        settings: &Settings<'_>,
        taking: &mut Taking<'_, '_>,
        outlet: &mut RecordOutlet<'_>,
    ) -> Result<(), IngestError> {
        // Nothing follows that could be broken off.
        match self {
            Self::Begin(file) => drop(outlet.give(Given::File(file), 0)),
            Self::End { path, claimed } => drop(outlet.give(Given::End { path, claimed }, 0)),
            Self::Lot(lot) => lot.read(&settings.rules, taking, outlet)?,
            Self::Group(group) => group.read(settings, taking, outlet)?,
            Self::RemoteGroup(group) => group.read(settings, taking, outlet)?,
        }
        Ok(())
    }
}

/// Opens one file after the other, and hands out what is to be done.
struct Tasks<'a, Files> {
    options: &'a IngestOptions,
    progress: &'a dyn Progress,
    threads: usize,
    files: Files,
    open: Option<Open<'a>>,
    is_over: bool,
}

/// A file of which there is more to do.
enum Open<'a> {
    Text(Box<Lots<'a>>),
    Parquet(Groups<Placed>),
    Remote(Groups<Blocks>),
}

/// The row groups of a file, and the next of them.
pub(super) struct Groups<R> {
    path: String,
    file: Arc<Columnar<R, 4>>,
    bytes: u64,
    next: usize,
    rows_before: u64,
}

impl<'a, Files: Iterator<Item = (&'a Input, &'a String)>> Tasks<'a, Files> {
    /// The next one; behind an error there is none.
    fn next(&mut self) -> Option<Result<Task<'a>, IngestError>> {
        if self.is_over {
            return None;
        }
        let next = self.try_next();
        self.is_over = !matches!(next, Ok(Some(_)));
        next.transpose()
    }

    fn try_next(&mut self) -> Result<Option<Task<'a>>, IngestError> {
        loop {
            let task = match &mut self.open {
                None => match self.files.next() {
                    None => return Ok(None),
                    Some((input, name)) => self.begin(input, name)?,
                },
                Some(Open::Text(lots)) => lots.next()?.map(Task::Lot),
                Some(Open::Parquet(groups)) => match groups.next() {
                    Some(group) => Some(Task::Group(group)),
                    None => return Ok(Some(self.end())),
                },
                Some(Open::Remote(groups)) => match groups.next() {
                    Some(group) => Some(Task::RemoteGroup(group)),
                    None => return Ok(Some(self.end())),
                },
            };
            match task {
                Some(task) => return Ok(Some(task)),
                None => self.open = None,
            }
        }
    }

    /// Opens a file; none where it is passed over.
    fn begin(&mut self, input: &Input, name: &'a str) -> Result<Option<Task<'a>>, IngestError> {
        let reading = &self.options.reading;
        let Some(opened) = source::open(input, self.threads, self.progress)? else {
            return Ok(None);
        };
        let (format, open) = match opened {
            Opened::Text { format, stream } => {
                (format, Open::Text(Box::new(Lots::begin(name, stream, reading)?)))
            }
            Opened::Parquet(file) => {
                let bytes = parquet::file::reader::Length::len(&file);
                let file = columnar::open(name, file, reading)?;
                (Format::Parquet, Open::Parquet(Groups::new(name, file, bytes)))
            }
            Opened::ParquetObject(file) => {
                let bytes = parquet::file::reader::Length::len(&file);
                let file = columnar::open(name, file, reading)?;
                (Format::Parquet, Open::Remote(Groups::new(name, file, bytes)))
            }
        };
        self.open = Some(open);
        Ok(Some(Task::Begin(InputFile::new(name.to_owned(), format))))
    }

    /// Ends a file of Parquet.
    fn end(&mut self) -> Task<'a> {
        let (path, claimed) = match self.open.take() {
            Some(Open::Parquet(groups)) => (groups.path, groups.file.total),
            Some(Open::Remote(groups)) => (groups.path, groups.file.total),
            Some(Open::Text(_)) | None => (String::new(), 0),
        };
        Task::End { path, claimed }
    }
}

impl<R: Clone + parquet::file::reader::ChunkReader + 'static> Groups<R> {
    pub(super) fn new(path: &str, file: Columnar<R, 4>, bytes: u64) -> Self {
        Self { path: path.to_owned(), file: Arc::new(file), bytes, next: 0, rows_before: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Group<R>> {
        let (group, rows_before) = (self.next, self.rows_before);
        if group == self.file.groups() {
            return None;
        }
        self.next += 1;
        self.rows_before += self.file.rows_of(group);
        let (path, file) = (self.path.clone(), self.file.clone());
        Some(Group { path, file, group, rows_before, bytes: self.bytes })
    }
}
