//! Recommendations and neighbours as clients read them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::version::VersionName;

/// A rated item that speaks for a recommendation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Because<'a> {
    /// The rated item.
    pub item_id: Cow<'a, str>,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Cow<'a, str>>,
    /// The user's rating of it.
    pub rating: f32,
    /// Its share of the score.
    pub contribution: f32,
}

/// Where a recommendation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RecommendationSource {
    /// Neighbours of what the profile has.
    Neighbours,
    /// What many rate, where the profile said nothing.
    Popular,
}

/// One recommended item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation<'a> {
    /// The item.
    pub item_id: Cow<'a, str>,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Cow<'a, str>>,
    /// The sum of all contributions; 0 for popular items.
    pub score: f32,
    /// Where it comes from.
    pub source: RecommendationSource,
    /// The rated items that contributed most, greatest first.
    pub because: Vec<Because<'a>>,
}

/// The item that an execution's rating was for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatedItem<'a> {
    /// The item.
    pub item_id: Cow<'a, str>,
    /// Whether the current version knows it. An unknown item counts from the next batch run on.
    pub known: bool,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Cow<'a, str>>,
}

/// The output of a succeeded execution: the recommendations after the fold-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoldIn<'a> {
    /// The version that the rating was folded in against.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The user.
    pub user: Cow<'a, str>,
    /// The rated item.
    pub rated: RatedItem<'a>,
    /// The genres asked for or excluded that no item of the version has: mistyped, perhaps. Absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_genres: Vec<Cow<'a, str>>,
    /// Best first.
    pub recommendations: Vec<Recommendation<'a>>,
}

impl FoldIn<'_> {
    /// Its JSON has no more bytes than this, and mostly far fewer.
    pub fn longest_json(&self) -> usize {
        // A character that JSON writes as an escape has six bytes instead of one.
        self.json_bytes(6)
    }

    /// Its JSON has about as many bytes, unless many characters of its texts are written as escapes.
    pub fn usual_json(&self) -> usize {
        self.json_bytes(1)
    }

    /// No fewer than its JSON has, where each byte of a text takes so many.
    fn json_bytes(&self, of_a_byte: usize) -> usize {
        /// More than what stands around an item's texts, with numbers.
        const AROUND: usize = 128;
        let texts = |id: &str, title: &Option<Cow<'_, str>>| {
            AROUND + of_a_byte * (id.len() + title.as_ref().map_or(0, |title| title.len()))
        };
        let Self { version, user, rated, unknown_genres, recommendations } = self;
        let found =
            recommendations.iter().map(|Recommendation { item_id, title, because, .. }| {
                let because = because.iter().map(|because| texts(&because.item_id, &because.title));
                texts(item_id, title) + because.sum::<usize>()
            });
        AROUND
            + of_a_byte * (version.as_str().len() + user.len())
            + texts(&rated.item_id, &rated.title)
            + unknown_genres.iter().map(|genre| texts(genre, &None)).sum::<usize>()
            + found.sum::<usize>()
    }
}

/// The body of `GET /users/{id}/recommendations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recommendations<'a> {
    /// The version that answered.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The user.
    pub user: Cow<'a, str>,
    /// Whether any rating of the user is known.
    pub known: bool,
    /// The genres asked for or excluded that no item of the version has: mistyped, perhaps.
    pub unknown_genres: Vec<String>,
    /// Best first.
    pub recommendations: Vec<Recommendation<'a>>,
}

/// The body that answers `POST /recommendations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScoredRatings<'a> {
    /// The version that answered.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The rated items that the version does not know; they counted nothing.
    pub unknown_items: Vec<String>,
    /// The genres asked for or excluded that no item of the version has: mistyped, perhaps.
    pub unknown_genres: Vec<String>,
    /// Best first.
    pub recommendations: Vec<Recommendation<'a>>,
}

/// One rating of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRating {
    /// The item.
    pub item_id: String,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether the current version knows the item.
    pub known: bool,
    /// The rating.
    pub rating: f32,
    /// When it was given.
    pub rated_at: DateTime<Utc>,
}

/// The body of `GET /users/{id}/ratings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRatings {
    /// The version that answered; ratings accepted since are in the list too.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The user.
    pub user: String,
    /// In the bytewise order of item ids.
    pub ratings: Vec<UserRating>,
    /// What to send as `after` to get the next part; absent when this was the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The body of `GET /items/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemDetails {
    /// The version that answered. Ratings accepted since count from the next batch run on.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The item.
    pub item_id: String,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its genres, in the catalogue's order; empty when it gives none.
    pub genres: Vec<String>,
    /// Users who rated it.
    pub rating_count: u32,
    /// Their mean rating; absent without ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating_mean: Option<f64>,
    /// When it was first rated; absent without ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_rated_at: Option<DateTime<Utc>>,
    /// When it was last rated; absent without ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_rated_at: Option<DateTime<Utc>>,
}

/// The body of `GET /items`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundItems {
    /// The version that answered.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The most often rated first.
    pub items: Vec<FoundItem>,
}

/// An item that was searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundItem {
    /// The item.
    pub item_id: String,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its genres, in the catalogue's order; empty when it gives none.
    pub genres: Vec<String>,
    /// Users who rated it.
    pub rating_count: u32,
    /// Their mean rating; absent without ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating_mean: Option<f64>,
}

/// The body of `GET /genres`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Genres {
    /// The version that answered.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// In the bytewise order of their names.
    pub genres: Vec<GenreCount>,
}

/// A genre of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenreCount {
    /// As the catalogue spells it.
    pub name: String,
    /// Items that have it.
    pub item_count: u32,
}

/// One neighbour of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Neighbour {
    /// The neighbour.
    pub item_id: String,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// 1 for the most similar.
    pub rank: u32,
    /// The similarity, above 0: what is rated by those who dislike the item is no neighbour here.
    pub score: f32,
    /// Users who rated both.
    pub co_count: u32,
}

/// The body of `GET /items/{id}/neighbours`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemNeighbours {
    /// The version that answered.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// The item and its neighbours.
    #[serde(flatten)]
    pub item: NeighboursOfItem,
}

/// An item with its neighbours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NeighboursOfItem {
    /// The item.
    pub item_id: String,
    /// Its title, when the catalogue has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Best first.
    pub neighbours: Vec<Neighbour>,
}

/// The body that answers `POST /items/neighbours`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NeighboursOfItems {
    /// The version that answered.
    #[schema(value_type = String, example = "v20261123T204500Z-x7k2")]
    pub version: VersionName,
    /// In the order of the request.
    pub items: Vec<NeighboursOfItem>,
    /// The items that the version does not know.
    pub unknown_items: Vec<String>,
}
