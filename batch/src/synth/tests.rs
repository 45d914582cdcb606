//! What the files hold, seen from outside.

use std::collections::HashSet;
use std::error::Error;
use std::fs::File;

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

type Outcome = Result<(), Box<dyn Error>>;
/// User, item, stars, time.
type Rating = (u32, u32, f32, i64);
/// Item, title, genres.
type Movie = (u32, String, String);

fn options(users: u32, items: u32, ratings: u64, out: &Path) -> SynthOptions {
    let out = out.join("made").join("up");
    SynthOptions { users, items, ratings, seed: 42, out, format: SynthFormat::Csv }
}

struct Made {
    folder: TempDir,
    summary: SynthSummary,
}

fn make(change: impl FnOnce(&mut SynthOptions)) -> Result<Made, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut options = options(300, 120, 6_000, folder.path());
    change(&mut options);
    let summary = generate(&options)?;
    Ok(Made { folder, summary })
}

impl Made {
    fn bytes(&self) -> std::io::Result<[Vec<u8>; 2]> {
        Ok([std::fs::read(&self.summary.ratings_file)?, std::fs::read(&self.summary.movies_file)?])
    }

    fn ratings(&self) -> csv::Result<Vec<Rating>> {
        csv::Reader::from_path(&self.summary.ratings_file)?.deserialize().collect()
    }

    fn movies(&self) -> csv::Result<Vec<Movie>> {
        csv::Reader::from_path(&self.summary.movies_file)?.deserialize().collect()
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() -> Outcome {
    for format in SynthFormat::ALL {
        let first = make(|o| o.format = format)?.bytes()?;
        assert_eq!(first, make(|o| o.format = format)?.bytes()?);
        let [ratings, movies] = make(|o| (o.format, o.seed) = (format, 43))?.bytes()?;
        assert_ne!(first[0], ratings);
        assert_ne!(first[1], movies);
    }
    Ok(())
}

#[test]
fn what_a_seed_gives_stays_what_it_was() -> Outcome {
    let made = make(|o| (o.users, o.items, o.ratings) = (2, 4, 4))?;
    let [ratings, movies] = made.bytes()?.map(String::from_utf8);
    let expected = [
        "movieId,title,genres",
        "1,The Dizzy In-Law (1988),Comedy",
        "2,The Homecoming and the Shore (2004),Drama",
        "3,The Season of Santa Fe (1970),Drama",
        "4,A Market in Glasgow (2012),Documentary|War",
    ];
    assert_eq!(movies?.split_terminator('\n').collect::<Vec<_>>(), expected);
    let expected = [
        "userId,movieId,rating,timestamp",
        "1,1,3.5,940295114",
        "1,3,4.0,940295148",
        "2,2,4.5,1238285741",
        "2,3,4.5,1238285736",
    ];
    assert_eq!(ratings?.split_terminator('\n').collect::<Vec<_>>(), expected);
    // And of more of them a hash (FNV-1a), for what only shows in the large.
    let hash = |bytes: Vec<u8>| {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
    };
    let expected = [0xab80_c740_1042_d84e, 0x43a6_a503_e79c_390c];
    assert_eq!(make(|_| ())?.bytes()?.map(hash), expected);
    Ok(())
}

#[test]
fn a_few_items_hold_most_of_the_ratings() -> Outcome {
    let made = make(|o| (o.users, o.items, o.ratings) = (1_000, 1_000, 40_000))?;
    let mut counts = [0u64; 1_000];
    made.ratings()?.iter().for_each(|rating| counts[rating.1 as usize - 1] += 1);
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let head: u64 = counts[..100].iter().sum();
    assert!(head > 20_000, "{head}");
    assert!(head < 36_000, "a tail is left: {head}");
    Ok(())
}

const USERS: usize = 2_000;

/// For each item what each user gave it, less the user's mean.
fn centred(ratings: &[Rating], items: usize) -> Vec<Vec<Option<f64>>> {
    let mut columns = vec![vec![None; USERS]; items];
    for of_user in ratings.chunk_by(|a, b| a.0 == b.0) {
        let stars = of_user.iter().map(|rating| f64::from(rating.2));
        let mean = stars.clone().sum::<f64>() / of_user.len() as f64;
        for (rating, stars) in of_user.iter().zip(stars) {
            columns[rating.1 as usize - 1][rating.0 as usize - 1] = Some(stars - mean);
        }
    }
    columns
}

/// How often two items are rated by the same user, against chance, and how alike: their cosine.
fn relate(a: &[Option<f64>], b: &[Option<f64>]) -> [f64; 2] {
    let both: Vec<(f64, f64)> = a.iter().zip(b).filter_map(|(&x, &y)| x.zip(y)).collect();
    let count = |column: &[Option<f64>]| column.iter().flatten().count() as f64;
    let lift = both.len() as f64 * USERS as f64 / (count(a) * count(b));
    let sum = |of: fn(&(f64, f64)) -> f64| both.iter().map(of).sum::<f64>();
    let norms = sum(|(x, _)| x * x) * sum(|(_, y)| y * y);
    [lift, sum(|(x, y)| x * y) / norms.sqrt().max(1e-9)]
}

#[test]
fn items_of_a_genre_are_rated_by_the_same_people_and_alike() -> Outcome {
    let made = make(|o| (o.users, o.items, o.ratings) = (USERS as u32, 1_000, 60_000))?;
    let columns = centred(&made.ratings()?, 1_000);
    let movies = made.movies()?;
    let common = |a: usize, b: usize| movies[a].2.split('|').any(|g| movies[b].2.contains(g));
    let often = |item: &usize| columns[*item].iter().flatten().count() >= 150;
    let known: Vec<usize> = (0..1_000).filter(often).collect();
    // The pairs without and with a common genre: their number and the sums of lifts and cosines.
    let mut sums = [[0.0; 3]; 2];
    for (n, &a) in known.iter().enumerate() {
        for &b in &known[n + 1..] {
            let [lift, cosine] = relate(&columns[a], &columns[b]);
            let sum = &mut sums[usize::from(common(a, b))];
            sum.iter_mut().zip([1.0, lift, cosine]).for_each(|(sum, x)| *sum += x);
        }
    }
    let [[pairs, lift, cosine], [common_pairs, common_lift, common_cosine]] = sums;
    assert!(pairs > 1_000.0 && common_pairs > 500.0, "{sums:?}");
    assert!(common_lift / common_pairs > 1.2 * lift / pairs, "{sums:?}");
    assert!(common_cosine / common_pairs > cosine / pairs + 0.04, "{sums:?}");
    Ok(())
}

#[test]
fn titles_are_unique_and_some_need_quoting() -> Outcome {
    let made = make(|o| o.items = 5_000)?;
    let movies = made.movies()?;
    let titles: HashSet<&str> = movies.iter().map(|movie| movie.1.as_str()).collect();
    assert_eq!(titles.len(), 5_000);
    assert!(movies.iter().map(|movie| movie.0).eq(1..=5_000));
    for needle in [",", "\"", "é"] {
        assert!(titles.iter().any(|title| title.contains(needle)), "{needle}");
    }
    assert!(movies.iter().any(|movie| movie.2.split('|').count() == 3));
    Ok(())
}

#[test]
fn nothing_is_rated_before_its_year() -> Outcome {
    // Half of all pairs: some users run out of what they could have seen.
    for (users, items, ratings) in [(300, 300, 9_000), (20, 60, 600)] {
        let made = make(|o| (o.users, o.items, o.ratings) = (users, items, ratings))?;
        let movies = made.movies()?;
        for (_, item, _, at) in made.ratings()? {
            let title = &movies[item as usize - 1].1;
            let year = title[title.len() - 5..title.len() - 1].parse()?;
            assert!(at >= catalogue::january_first(year), "{title} at {at}");
        }
    }
    Ok(())
}

#[test]
fn ratings_come_in_sessions_over_years() -> Outcome {
    let mut ratings = make(|o| o.ratings = 15_000)?.ratings()?;
    ratings.sort_unstable_by_key(|rating| (rating.0, rating.3));
    let gaps = ratings.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let gaps: Vec<i64> = gaps.map(|pair| pair[1].3 - pair[0].3).collect();
    let short = gaps.iter().filter(|&&gap| gap < 60).count();
    let long = gaps.iter().filter(|&&gap| gap > 7 * 86_400).count();
    assert!(short > gaps.len() * 8 / 10, "{short}");
    assert!(long > 300, "{long}");
    let years: HashSet<i64> = ratings.iter().map(|rating| rating.3 / 31_557_600).collect();
    assert!(years.len() > 15, "{years:?}");
    Ok(())
}

fn read_parquet(path: &Path) -> Result<Vec<Rating>, Box<dyn Error>> {
    let mut ratings = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()? {
        let batch = batch?;
        let column = |name| batch.column_by_name(name).ok_or(format!("no column {name}"));
        let (users, items) = (column("user_id")?.as_string::<i32>(), column("item_id")?);
        let (stars, times) =
            (column("rating")?.as_primitive::<Float32Type>(), column("timestamp")?);
        for row in 0..batch.num_rows() {
            let user = users.value(row).parse()?;
            let item = items.as_string::<i32>().value(row).parse()?;
            let at = times.as_primitive::<Int64Type>().value(row);
            ratings.push((user, item, stars.value(row), at));
        }
    }
    Ok(ratings)
}

#[test]
fn both_formats_hold_the_same_ratings() -> Outcome {
    // More than one batch of rows.
    let grow = |o: &mut SynthOptions| (o.users, o.items, o.ratings) = (1_000, 200, 40_000);
    let text = make(grow)?;
    let columns = make(|o| {
        grow(o);
        o.format = SynthFormat::Parquet;
    })?;
    assert_eq!(text.ratings()?, read_parquet(&columns.summary.ratings_file)?);
    assert_eq!(text.movies()?, columns.movies()?);
    Ok(())
}

#[test]
fn existing_files_are_not_overwritten() -> Outcome {
    let folder = tempfile::tempdir()?;
    let options = options(10, 10, 20, folder.path());
    std::fs::create_dir_all(&options.out)?;
    for name in ["ratings.csv", "ratings.parquet", "movies.csv"] {
        let path = options.out.join(name);
        std::fs::write(&path, "mine")?;
        let message = generate(&options).map_err(|error| error.to_string());
        let remedy = "already exists: remove it, or write to another folder";
        assert_eq!(message, Err(format!("{} {remedy}", path.display())));
        assert_eq!(std::fs::read(&path)?, b"mine");
        assert_eq!(std::fs::read_dir(&options.out)?.count(), 1);
        std::fs::remove_file(&path)?;
    }
    generate(&options)?;
    assert_eq!(std::fs::read_dir(&options.out)?.count(), 2);
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_made_is_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("made");
    std::fs::write(&file, "")?;
    let error = generate(&options(10, 10, 20, folder.path())).err().map(|e| e.to_string());
    let expected = format!("cannot write {}: ", file.join("up").display());
    assert!(error.as_ref().is_some_and(|error| error.starts_with(&expected)), "{error:?}");
    Ok(())
}

#[test]
fn numbers_that_do_not_fit_together_are_refused() {
    let message = |users, items, ratings| {
        let nowhere = Path::new("/nowhere/at/all");
        generate(&options(users, items, ratings, nowhere)).err().map(|error| error.to_string())
    };
    let nothing = |name: &str| Some(format!("the number of {name} must be at least 1"));
    assert_eq!(message(0, 1, 1), nothing("users"));
    assert_eq!(message(1, 0, 1), nothing("items"));
    assert_eq!(message(1, 1, 0), nothing("ratings"));
    assert_eq!(
        message(3, 3, 6).as_deref(),
        Some(
            "3 users and 3 items have room for at most 5 ratings, not 6: \
             ask for fewer ratings, more users or more items"
        )
    );
}

fn check_shape(users: u32, items: u32, ratings: u64, seed: u64) -> Outcome {
    let made = make(|o| (o.users, o.items, o.ratings, o.seed) = (users, items, ratings, seed))?;
    let rows = made.ratings()?;
    let count = |set: HashSet<u32>| set.len() as u32;
    let pairs: HashSet<(u32, u32)> = rows.iter().map(|row| (row.0, row.1)).collect();
    assert_eq!((rows.len() as u64, pairs.len() as u64), (ratings, ratings));
    assert_eq!(made.summary.ratings, ratings);
    assert_eq!(made.summary.rating_users, count(pairs.iter().map(|pair| pair.0).collect()));
    assert_eq!(made.summary.rated_items, count(pairs.iter().map(|pair| pair.1).collect()));
    assert!(ratings < users.into() || made.summary.rating_users == users);
    let (from, to) = (catalogue::january_first(1996), catalogue::january_first(2016));
    for &(user, item, stars, at) in &rows {
        assert!((1..=users).contains(&user) && (1..=items).contains(&item), "{user} {item}");
        assert!((0.5..=5.0).contains(&stars) && (stars * 2.0).fract() == 0.0, "{stars}");
        assert!((from..to + 86_400).contains(&at), "{at}");
    }
    assert!(rows.is_sorted_by_key(|row| (row.0, row.1)));
    assert_eq!(made.movies()?.len(), items as usize);
    // Nothing but the two files is left.
    assert_eq!(std::fs::read_dir(made.folder.path().join("made").join("up"))?.count(), 2);
    Ok(())
}

#[test]
fn the_smallest_data_are_right_too() -> Outcome {
    check_shape(1, 1, 1, 0)?;
    check_shape(1, 400, 200, 0)?;
    check_shape(400, 1, 200, 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_size_gives_exactly_what_was_asked_for(
        users in 1..40u32, items in 1..40u32, part in 0..=1_000u64, seed in any::<u64>(),
    ) {
        let ratings = (activity::limit(users, items) * part / 1_000).max(1);
        check_shape(users, items, ratings, seed).map_err(|e| TestCaseError::fail(e.to_string()))?;
    }
}
