//! Made-up ratings: data of any size to try Akin with, shaped like those of a film site.
//!
//! Popularity has a long tail, activity is log-normal, and a hidden taste for genres decides both
//! what a user comes across and how it is rated, so that there are similarities to find. Each user
//! is made from the seed and their own number alone and written at once: memory holds the items and
//! one number a user, never the ratings. The same options give the same bytes on any machine.

mod activity;
mod alias;
mod catalogue;
mod chance;
mod genre;
mod history;
mod output;
#[cfg(test)]
mod tests;
mod title;

use std::path::{Path, PathBuf};

use thiserror::Error;

use catalogue::Catalogue;
use history::Histories;
use output::{Cause, Draft, RatingWriter};

/// The file of the items' titles and genres.
const MOVIES: &str = "movies.csv";

/// What the ratings are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum SynthFormat {
    /// `ratings.csv` as MovieLens has it: userId, movieId, rating, timestamp.
    #[default]
    Csv,
    /// `ratings.parquet`: user_id, item_id, rating, timestamp.
    Parquet,
}

impl SynthFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Parquet];

    /// The name of the file of ratings.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "ratings.csv",
            Self::Parquet => "ratings.parquet",
        }
    }
}

/// What to make up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthOptions {
    /// How many users there are. With fewer ratings than users some have none.
    pub users: u32,
    /// How many items there are. Some may have no rating.
    pub items: u32,
    /// How many ratings, exactly: at most half of all pairs of a user and an item.
    pub ratings: u64,
    /// Other seeds give other data.
    pub seed: u64,
    /// The folder to write to; created if need be.
    pub out: PathBuf,
    /// The format of the ratings.
    pub format: SynthFormat,
}

/// What was made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthSummary {
    /// Ratings written.
    pub ratings: u64,
    /// Users that have ratings.
    pub rating_users: u32,
    /// Items that have ratings.
    pub rated_items: u32,
    /// The file of the ratings.
    pub ratings_file: PathBuf,
    /// The file of the titles.
    pub movies_file: PathBuf,
}

/// Why nothing was made up.
#[derive(Debug, Error)]
pub enum SynthError {
    /// A number is 0.
    #[error("the number of {0} must be at least 1")]
    Nothing(&'static str),
    /// More ratings than half of all pairs.
    #[error(
        "{users} users and {items} items have room for at most {limit} ratings, not {ratings}: \
         ask for fewer ratings, more users or more items"
    )]
    TooManyRatings {
        /// Ratings asked for.
        ratings: u64,
        /// Users asked for.
        users: u32,
        /// Items asked for.
        items: u32,
        /// The most ratings they can have.
        limit: u64,
    },
    /// A file is there already.
    #[error("{} already exists: remove it, or write to another folder", .0.display())]
    Exists(PathBuf),
    /// Another process is writing the same file.
    #[error(
        "another run is writing {}: wait until it is done, or write to another folder",
        .0.display()
    )]
    Busy(PathBuf),
    /// A file or folder cannot be written.
    #[error("cannot write {}: {cause}", .path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: Cause,
    },
}

impl SynthError {
    fn write(path: &Path, cause: Cause) -> Self {
        Self::Write { path: path.to_owned(), cause }
    }
}

/// Makes ratings and titles up and writes them to a folder.
///
/// # Errors
/// When the numbers don't fit together, a file of the same name is there, or the disk fails. Then
/// neither file is there, unless the disk failed between giving the first its name and the second.
pub fn generate(options: &SynthOptions) -> Result<SynthSummary, SynthError> {
    check(options)?;
    let folder = &options.out;
    std::fs::create_dir_all(folder).map_err(|cause| SynthError::write(folder, cause.into()))?;
    // Ratings in the other format count too: a reader of the folder would take both.
    for name in SynthFormat::ALL.map(SynthFormat::file_name).into_iter().chain([MOVIES]) {
        output::refuse_existing(&folder.join(name))?;
    }
    let movies = Draft::create(folder, MOVIES)?;
    let ratings = Draft::create(folder, options.format.file_name())?;
    let catalogue = write_movies(options, &movies).map_err(|cause| movies.failed(cause))?;
    let (rating_users, rated_items) =
        write_ratings(options, catalogue, &ratings).map_err(|cause| ratings.failed(cause))?;
    Ok(SynthSummary {
        ratings: options.ratings,
        rating_users,
        rated_items,
        movies_file: movies.publish()?,
        ratings_file: ratings.publish()?,
    })
}

fn check(options: &SynthOptions) -> Result<(), SynthError> {
    let &SynthOptions { users, items, ratings, .. } = options;
    let numbers = [("users", users.into()), ("items", items.into()), ("ratings", ratings)];
    if let Some((name, _)) = numbers.into_iter().find(|&(_, number)| number == 0) {
        return Err(SynthError::Nothing(name));
    }
    let limit = activity::limit(users, items);
    if ratings > limit {
        return Err(SynthError::TooManyRatings { ratings, users, items, limit });
    }
    Ok(())
}

fn write_movies(options: &SynthOptions, draft: &Draft) -> Result<Catalogue, Cause> {
    let mut writer = output::csv_writer(&draft.file, &["movieId", "title", "genres"])?;
    let mut number = 0;
    let catalogue = Catalogue::new(options.items, options.seed, |item, title| {
        number += 1;
        writer.serialize((number, title, item.genres.names()))
    })?;
    writer.flush()?;
    Ok(catalogue)
}

/// Returns the numbers of users and items that have ratings.
fn write_ratings(
    options: &SynthOptions,
    catalogue: Catalogue,
    draft: &Draft,
) -> Result<(u32, u32), Cause> {
    let counts = activity::activities(options.users, options.items, options.ratings, options.seed);
    let mut writer = RatingWriter::new(&draft.file, options.format)?;
    let mut histories = Histories::new(catalogue, options.seed);
    let mut rows = Vec::new();
    let mut rating_users = 0;
    for (user, &count) in (1..).zip(&counts).filter(|&(_, &count)| count > 0) {
        histories.of_user(user, count, &mut rows);
        for row in &rows {
            writer.push(user, row)?;
        }
        rating_users += 1;
    }
    writer.finish()?;
    Ok((rating_users, histories.rated_items()))
}
