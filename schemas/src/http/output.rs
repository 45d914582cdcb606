//! What succeeded executions gave, as it is kept: most outputs are never asked for, so they are written as JSON when they
//! are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::json_text::JsonText;
use super::recommendation::{Because, FoldIn, RatedItem, Recommendation, RecommendationSource};

/// Ten recommendations take some 1,000 bytes.
const USUAL_BYTES: usize = 2048;

/// What a succeeded execution gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// As JSON.
    Text(JsonText),
    /// Packed.
    FoldIn(PackedFoldIn),
}

/// An output cannot be packed, unpacked or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an output that makes no sense: {0}")]
pub struct OutputError(String);

impl OutputError {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl Output {
    /// As clients read it.
    ///
    /// # Errors
    /// When it has no form in JSON.
    pub fn json(&self) -> Result<JsonText, OutputError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::FoldIn(packed) => packed.json(),
        }
    }

    /// What it takes of memory at most, about, in bytes: with its JSON, when somebody has asked for that.
    pub fn bytes(&self) -> usize {
        /// Of JSON, where packed it is one.
        const JSON: usize = 3;
        match self {
            Self::Text(text) => text.as_str().len(),
            Self::FoldIn(packed) => (1 + JSON) * packed.as_bytes().len(),
        }
    }

    /// What its JSON takes, about, in bytes.
    pub fn json_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.as_str().len(),
            Self::FoldIn(packed) => packed.unpack().map_or(0, |fold_in| fold_in.usual_json()),
        }
    }
}

impl From<JsonText> for Output {
    fn from(text: JsonText) -> Self {
        Self::Text(text)
    }
}

/// A [`FoldIn`] that names each item once, in a third of its JSON's bytes: an item speaks for several others. A clone shares
/// the bytes. They are postcard's, of the fields of [`Packed`] in their order, which is part of the ledger's format. The
/// unknown genres follow as a list of texts, when there are any.
#[derive(Clone)]
pub struct PackedFoldIn(Arc<Kept>);

struct Kept {
    bytes: Box<[u8]>,
    /// Written once: who polls for the same output again finds it.
    json: OnceLock<JsonText>,
}

impl PartialEq for PackedFoldIn {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for PackedFoldIn {}

#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    version: &'a str,
    user: &'a str,
    /// Ids and titles. Items below are positions here.
    #[serde(borrow)]
    items: Vec<(&'a str, Option<&'a str>)>,
    rated: u32,
    known: bool,
    recommendations: Vec<PackedRecommendation>,
    /// Item, rating and contribution: those of the first recommendation, then those of the next.
    because: Vec<(u32, f32, f32)>,
}

#[derive(Serialize, Deserialize)]
struct PackedRecommendation {
    item: u32,
    score: f32,
    is_popular: bool,
    /// How many reasons it has.
    because: u32,
}

/// Hands out positions, the same for the same item.
struct Items<'a> {
    items: Vec<(&'a str, Option<&'a str>)>,
    positions: HashMap<&'a str, u32, RandomState>,
}

impl<'a> Items<'a> {
    fn position(&mut self, id: &'a str, title: Option<&'a str>) -> u32 {
        *self.positions.entry(id).or_insert_with(|| {
            self.items.push((id, title));
            self.items.len() as u32 - 1
        })
    }
}

impl PackedFoldIn {
    /// Packs an output. An item has the same title wherever it is named.
    ///
    /// # Errors
    /// Never for what [`PackedFoldIn::unpack`] gives.
    pub fn pack(fold_in: &FoldIn<'_>) -> Result<Self, OutputError> {
        let FoldIn { version, user, rated, unknown_genres, recommendations } = fold_in;
        // Mostly there are three reasons each, and one of them is new.
        let most = 1 + 2 * recommendations.len();
        let mut items = Items {
            items: Vec::with_capacity(most),
            positions: HashMap::with_capacity_and_hasher(most, RandomState::default()),
        };
        let mut reasons = Vec::with_capacity(3 * recommendations.len());
        let rated_item = items.position(&rated.item_id, rated.title.as_deref());
        let mut packed = Vec::with_capacity(recommendations.len());
        for Recommendation { item_id, title, score, source, because } in recommendations {
            let item = items.position(item_id, title.as_deref());
            for Because { item_id, title, rating, contribution } in because {
                reasons.push((items.position(item_id, title.as_deref()), *rating, *contribution));
            }
            packed.push(PackedRecommendation {
                item,
                score: *score,
                is_popular: *source == RecommendationSource::Popular,
                because: because.len() as u32,
            });
        }
        let packed = Packed {
            version: version.as_str(),
            user,
            items: items.items,
            rated: rated_item,
            known: rated.known,
            recommendations: packed,
            because: reasons,
        };
        let room = Vec::with_capacity(USUAL_BYTES);
        let mut bytes = postcard::to_extend(&packed, room).map_err(OutputError::of)?;
        if !unknown_genres.is_empty() {
            bytes = postcard::to_extend(unknown_genres, bytes).map_err(OutputError::of)?;
        }
        Ok(Self::keep(&bytes))
    }

    fn keep(bytes: &[u8]) -> Self {
        Self(Arc::new(Kept { bytes: bytes.into(), json: OnceLock::new() }))
    }

    /// From the bytes of one that was packed before.
    ///
    /// # Errors
    /// When they are no such thing.
    pub fn parse(bytes: &[u8]) -> Result<Self, OutputError> {
        let packed = Self::keep(bytes);
        packed.unpack()?;
        Ok(packed)
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    fn json(&self) -> Result<JsonText, OutputError> {
        if let Some(json) = self.0.json.get() {
            return Ok(json.clone());
        }
        let json = JsonText::of(&self.unpack()?).map_err(OutputError::of)?;
        Ok(self.0.json.get_or_init(|| json).clone())
    }

    /// What was packed.
    ///
    /// # Errors
    /// Never for what was packed or parsed.
    pub fn unpack(&self) -> Result<FoldIn<'_>, OutputError> {
        let (packed, rest) = postcard::take_from_bytes(self.as_bytes()).map_err(OutputError::of)?;
        let unknown_genres = match rest {
            [] => Vec::new(),
            rest => {
                let (genres, rest) =
                    postcard::take_from_bytes::<Vec<&str>>(rest).map_err(OutputError::of)?;
                if genres.is_empty() || !rest.is_empty() {
                    return Err(OutputError("bytes after its end".to_owned()));
                }
                genres.into_iter().map(Cow::Borrowed).collect()
            }
        };
        let Packed { version, user, items, rated, known, recommendations, because } = packed;
        let named = |position: u32| {
            let found = items.get(position as usize).copied();
            let (id, title) =
                found.ok_or_else(|| OutputError("an item without a name".to_owned()))?;
            Ok((Cow::Borrowed(id), title.map(Cow::Borrowed)))
        };
        let mut reasons = because.into_iter().map(|(item, rating, contribution)| {
            let (item_id, title) = named(item)?;
            Ok(Because { item_id, title, rating, contribution })
        });
        let recommendation = |found: PackedRecommendation| {
            let (item_id, title) = named(found.item)?;
            let because = reasons.by_ref().take(found.because as usize);
            let because = because.collect::<Result<Vec<_>, OutputError>>()?;
            if because.len() != found.because as usize {
                return Err(OutputError("reasons missing".to_owned()));
            }
            Ok(Recommendation {
                item_id,
                title,
                score: found.score,
                source: if found.is_popular {
                    RecommendationSource::Popular
                } else {
                    RecommendationSource::Neighbours
                },
                because,
            })
        };
        let (item_id, title) = named(rated)?;
        let recommendations = recommendations.into_iter().map(recommendation);
        let recommendations = recommendations.collect::<Result<_, OutputError>>()?;
        if reasons.next().is_some() {
            return Err(OutputError("reasons of nothing".to_owned()));
        }
        Ok(FoldIn {
            version: version.parse().map_err(OutputError::of)?,
            user: user.into(),
            rated: RatedItem { item_id, known, title },
            unknown_genres,
            recommendations,
        })
    }
}

impl fmt::Debug for PackedFoldIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedFoldIn({:?})", self.unpack())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn fold_in() -> FoldIn<'static> {
        let because = |item: &'static str, contribution| Because {
            item_id: item.into(),
            title: (item != "3").then(|| format!("title of {item}, é\n").into()),
            rating: 4.5,
            contribution,
        };
        let recommendation = |item: &'static str, source, because| Recommendation {
            item_id: item.into(),
            title: None,
            score: 0.1,
            source,
            because,
        };
        let because = vec![because("2", -0.0), because("3", f32::MIN_POSITIVE), because("1", 3.0)];
        FoldIn {
            version: "v20261123T204500Z-x7k2".parse().unwrap(),
            user: "abby \"é\"".into(),
            rated: RatedItem {
                item_id: "1".into(),
                known: true,
                title: Some("title of 1, é\n".into()),
            },
            unknown_genres: Vec::new(),
            recommendations: vec![
                recommendation("4", RecommendationSource::Neighbours, because.clone()),
                recommendation("5", RecommendationSource::Neighbours, because[1..].to_vec()),
                recommendation("6", RecommendationSource::Popular, Vec::new()),
            ],
        }
    }

    #[test]
    fn what_was_packed_is_unpacked_and_written_as_if_it_never_was() {
        let fold_in = fold_in();
        let packed = PackedFoldIn::pack(&fold_in).unwrap();
        assert_eq!(packed.unpack().as_ref(), Ok(&fold_in));
        let (output, text) = (Output::FoldIn(packed.clone()), JsonText::of(&fold_in).unwrap());
        assert_eq!(output.json().as_ref(), Ok(&text));
        // Once: the second time it is the same text in memory.
        let [first, second] = [(); 2].map(|()| output.json().unwrap());
        assert!(std::ptr::eq(first.as_str(), second.as_str()));
        assert_eq!(Output::from(text.clone()).json().as_ref(), Ok(&text));
        let (packed_length, length) = (packed.as_bytes().len(), text.as_str().len());
        assert!(packed_length * 3 < length, "{packed_length} {length}");
        assert!(
            (length * 3 / 4..length * 2).contains(&output.bytes()),
            "{} {length}",
            output.bytes()
        );
        // Names come once.
        let again = vec![fold_in.recommendations[0].clone(); 20];
        let more = PackedFoldIn::pack(&FoldIn {
            recommendations: [&fold_in.recommendations[..], &again].concat(),
            ..fold_in.clone()
        });
        let more = more.unwrap().as_bytes().len() - packed.as_bytes().len();
        assert!(more < 20 * 40, "{more}");
        let length = text.as_str().len();
        assert!((length..length * 3).contains(&output.json_bytes()));
        let escaped = FoldIn { user: "\u{1}".repeat(9_000).into(), ..fold_in.clone() };
        let length = JsonText::of(&escaped).unwrap().as_str().len();
        assert!((length..length + 9_000).contains(&escaped.longest_json()));
        assert_eq!(PackedFoldIn::parse(packed.as_bytes()), Ok(packed));
    }

    #[test]
    fn unknown_genres_are_kept_and_take_nothing_where_there_are_none() {
        let without = PackedFoldIn::pack(&fold_in()).unwrap();
        let genres = vec!["Nonsense".into(), "é\n".into(), "".into()];
        let with = FoldIn { unknown_genres: genres, ..fold_in() };
        let packed = PackedFoldIn::pack(&with).unwrap();
        assert_eq!(packed.unpack().as_ref(), Ok(&with));
        let genres = b"\x03\x08Nonsense\x03\xc3\xa9\n\x00";
        assert_eq!(packed.as_bytes(), [without.as_bytes(), genres].concat());
        let json = Output::FoldIn(packed).json().unwrap();
        assert!(json.as_str().contains(r#""unknownGenres":["Nonsense","é\n",""],"#), "{json:?}");
        assert!(json.as_str().len() <= with.longest_json());
        assert!(!Output::FoldIn(without).json().unwrap().as_str().contains("unknownGenres"));
    }

    #[test]
    fn a_cut_a_tail_and_an_item_without_a_name_are_errors() {
        let packed = PackedFoldIn::pack(&fold_in()).unwrap();
        let bytes = packed.as_bytes();
        for length in 0..bytes.len() {
            assert!(PackedFoldIn::parse(&bytes[..length]).is_err(), "{length}");
        }
        for tail in [&b"\x01"[..], b"\x01\x02a", b"\x01\x01\xff", b"\x01\x01a\x00"] {
            assert!(PackedFoldIn::parse(&[bytes, tail].concat()).is_err(), "{tail:?}");
        }
        assert!(PackedFoldIn::parse(&[bytes, &[0]].concat()).is_err());
        let no_items = Packed {
            version: "v20261123T204500Z-x7k2",
            user: "abby",
            items: Vec::new(),
            rated: 0,
            known: true,
            recommendations: Vec::new(),
            because: Vec::new(),
        };
        let error = PackedFoldIn::parse(&postcard::to_allocvec(&no_items).unwrap()).unwrap_err();
        assert!(error.to_string().contains("without a name"), "{error}");
        let mut reasons =
            Packed { items: vec![("1", None)], because: vec![(0, 1.0, 1.0)], ..no_items };
        for (because, expected) in [(2, "reasons missing"), (0, "reasons of nothing"), (1, "")] {
            let found = PackedRecommendation { item: 0, score: 1.0, is_popular: false, because };
            reasons.recommendations = vec![found];
            let parsed = PackedFoldIn::parse(&postcard::to_allocvec(&reasons).unwrap());
            let error = parsed.map_or_else(|error| error.to_string(), |_| String::new());
            let said = error.strip_prefix("an output that makes no sense: ").unwrap_or(&error);
            assert_eq!(said, expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_are_they_are_refused_or_unpacked(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = PackedFoldIn::pack(&fold_in()).unwrap().as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(packed) = PackedFoldIn::parse(&bytes) {
                prop_assert!(packed.unpack().is_ok());
            }
        }
    }
}
