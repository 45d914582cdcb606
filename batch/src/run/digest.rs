//! What identifies the input of a run, for `--if-changed`.

use std::collections::BTreeMap;

use akin_schemas::{Checksum, Checksumming, Measure, RatingRange};

use crate::failure::Failure;
use crate::ingest::Ratings;

use super::base;

/// The digest of everything that decides what a run publishes: the ratings and tombstones that stand, the catalogue with
/// what is kept of earlier ones, how far the ledgers are contained, the range, the measure, and the program.
///
/// The numbers of entries within their origin are left out: a file that is given again changes them and nothing else.
/// Texts come with their lengths and lists with their counts, so that no two inputs look the same.
///
/// # Errors
/// When the measure has no JSON form, which no input should be able to cause.
pub fn input_digest(
    ratings: &Ratings,
    watermark: &BTreeMap<String, u64>,
    (range, drops_items): (RatingRange, bool),
    measure: &Measure,
) -> Result<Checksum, Failure> {
    let mut digest = Checksumming::default();
    digest.text(concat!("akin-batch ", env!("CARGO_PKG_VERSION")));
    digest.text(&serde_json::to_string(&(range, measure)).map_err(Failure::internal)?);
    // What is dropped is dropped for later runs, too, even where this one publishes the same.
    if drops_items {
        digest.text("drop-items");
    }
    let ledgers = base::ledgers(watermark);
    digest.text(&serde_json::to_string(&ledgers).map_err(Failure::internal)?);
    digest.texts(ratings.users.iter().map(String::as_str));
    digest.texts(ratings.items.iter().map(String::as_str));
    digest.texts(ratings.origins.iter().map(|origin| origin.as_str()));
    for (at, _) in ratings.items.iter().enumerate() {
        // An item without a row in the catalogue is published like one whose row is empty.
        let described = ratings.catalogue.items.get(at).and_then(Option::as_ref);
        digest.text(described.map_or("", |item| &item.title));
        digest.texts(described.into_iter().flat_map(|item| item.genres.iter().map(String::as_str)));
    }
    for row in ratings.rows.iter() {
        let rating = row.rating().map_or(u32::MAX, f32::to_bits);
        let mut bytes = [0; 30];
        bytes[..4].copy_from_slice(&row.user.to_le_bytes());
        bytes[4..8].copy_from_slice(&row.item.to_le_bytes());
        bytes[8..12].copy_from_slice(&rating.to_le_bytes());
        bytes[12..14].copy_from_slice(&row.origin.to_le_bytes());
        bytes[14..22].copy_from_slice(&row.rated_at.to_le_bytes());
        bytes[22..].copy_from_slice(&row.order_micros.to_le_bytes());
        digest.bytes(&bytes);
    }
    Ok(digest.finish())
}
