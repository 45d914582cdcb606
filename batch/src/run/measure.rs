//! How similarities are computed: the options, and what the manifest says of them.

use akin_recommender::rating_weight::{RatingWeight, WeightRule};
use akin_recommender::similarity::{
    Adjustments, Cut, Measure, MeasureError, Preset, RatingMatrix, Selection,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::failure::Failure;

/// Options of the similarity.
#[derive(Debug, Clone, Args)]
pub struct MeasureOptions {
    /// How similarities are computed.
    #[arg(long, default_value_t = Self::DEFAULT_MEASURE, value_parser = preset(), value_name = "NAME")]
    pub measure: Preset,
    /// How many neighbours an item keeps at most. With sparse EASE also of how many, the most similar ones, it is a sum.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    pub top_k: u32,
    /// Which side keeps its best neighbours: each item that may be recommended, or each rated item.
    #[arg(long, value_enum, default_value_t = CutSide::Target)]
    pub cut: CutSide,
    /// Exponent of the target's norm, cosine family only [default: the measure's].
    #[arg(long, value_name = "0..2")]
    pub target_exponent: Option<f64>,
    /// Exponent of the source's norm, cosine family only [default: the measure's].
    #[arg(long, value_name = "0..2")]
    pub source_exponent: Option<f64>,
    /// How much users with many ratings are held back, cosine family only [default: the measure's].
    #[arg(long, value_name = "0..2")]
    pub user_exponent: Option<f64>,
    /// BM25: how slowly a rating's weight is used up [default: 1.2].
    #[arg(long, value_name = "0..1000")]
    pub bm25_k1: Option<f64>,
    /// BM25: how much is made of an item having more ratings than others [default: 0.75].
    #[arg(long, value_name = "0..1")]
    pub bm25_b: Option<f64>,
    /// H: a similarity that rests on C users is multiplied by C / (C + H); not for EASE, sparse or
    /// not [default: 0].
    #[arg(long, value_name = "H")]
    pub shrinkage: Option<f64>,
    /// S: a similarity that rests on C users, fewer than S, is multiplied by C / S; not for EASE,
    /// sparse or not [default: 0].
    #[arg(long, value_name = "S")]
    pub significance: Option<u32>,
    /// Leave out pairs that fewer users rated; not for EASE, sparse or not [default: 1].
    #[arg(long, value_name = "N")]
    pub min_co_count: Option<u32>,
    /// EASE: what is added to every item's squared norm [default: 500; 300 for sparse EASE].
    #[arg(long, value_name = "0.001..1e9")]
    pub lambda: Option<f64>,
    /// EASE: the share of a profile that the regression has to do without [default: 0].
    #[arg(long, value_name = "0..0.99")]
    pub dropout: Option<f64>,
    /// Days after which a rating counts half as much when similarities are computed, from the newest rating backwards
    /// [default: it does not fade].
    #[arg(long, value_name = "DAYS")]
    pub half_life: Option<f64>,
    /// How many ratings of a user count at most when similarities are computed, the newest [default: all].
    #[arg(long, value_name = "N")]
    pub ratings_per_user: Option<u32>,
    /// What a rating counts when similarities are computed: value, binary, at-least:T, minus-mean, relative[:K]
    /// [default: value; binary for EASE and sparse EASE].
    #[arg(long, value_name = "RULE")]
    pub rating_weight: Option<WeightRule>,
    /// The same when a profile is folded in.
    #[arg(long, default_value_t = WeightRule::Relative(1.5), value_name = "RULE")]
    pub profile_weight: WeightRule,
}

/// Which side is cut, as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CutSide {
    /// Each item that may be recommended keeps the rated items that speak most for it.
    Target,
    /// Each rated item keeps the items that it speaks most for.
    Source,
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    let names = Preset::ALL.map(Preset::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Preset>())
}

impl MeasureOptions {
    /// What is computed when nobody says what.
    pub const DEFAULT_MEASURE: Preset = Preset::SparseEase;

    /// The measure.
    ///
    /// # Errors
    /// When the options contradict each other.
    pub fn measure(&self) -> Result<Measure, Failure> {
        let changes = Adjustments {
            target_exponent: self.target_exponent,
            source_exponent: self.source_exponent,
            user_exponent: self.user_exponent,
            bm25_k1: self.bm25_k1,
            bm25_b: self.bm25_b,
            shrinkage: self.shrinkage,
            significance: self.significance,
            min_co_count: self.min_co_count,
            lambda: self.lambda,
            dropout: self.dropout,
            rating_weight: self.rating_weight,
            half_life: self.half_life,
            ratings_per_user: self.ratings_per_user,
        };
        let usage = |error: MeasureError| Failure::Usage(error.to_string());
        Measure::new(self.measure).adjusted(&changes).map_err(usage)
    }

    /// Which similarities are kept.
    pub fn selection(&self) -> Selection {
        let cut = match self.cut {
            CutSide::Target => Cut::Target,
            CutSide::Source => Cut::Source,
        };
        Selection { cut, top_k: self.top_k as usize }
    }

    /// What ratings count when a profile is folded in, measured on the ratings that similarities are computed from.
    pub fn profile_weight(&self, matrix: &RatingMatrix) -> RatingWeight {
        RatingWeight::measured(self.profile_weight, matrix)
    }

    /// What the manifest would say of it, but for what is measured on the ratings: it identifies what was asked for.
    pub fn asked(&self, measure: &Measure) -> akin_schemas::Measure {
        let rule = self.profile_weight;
        self.manifest(measure, &RatingWeight { rule, mean: 0.0, deviation: 0.0 })
    }

    /// What the manifest says of it.
    pub fn manifest(&self, measure: &Measure, weight: &RatingWeight) -> akin_schemas::Measure {
        let parameters = measure.parameters().into_iter();
        akin_schemas::Measure {
            name: measure.preset().to_string(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value)).collect(),
            cut: match self.cut {
                CutSide::Target => akin_schemas::Cut::Target,
                CutSide::Source => akin_schemas::Cut::Source,
            },
            top_k: self.top_k,
            rating_weights: Some(akin_schemas::RatingWeights {
                similarities: measure.rating_weight().to_string(),
                profiles: weight.rule.to_string(),
                mean: weight.mean,
                deviation: weight.deviation,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: MeasureOptions,
    }

    fn parse(arguments: &[&str]) -> Result<MeasureOptions, clap::Error> {
        let arguments = std::iter::once(&"run").chain(arguments);
        Line::try_parse_from(arguments).map(|line| line.options)
    }

    #[test]
    fn the_manifest_says_what_was_asked_for() -> Result<(), Box<dyn std::error::Error>> {
        let options = parse(&[
            "--measure=rp3beta",
            "--cut=source",
            "--top-k=7",
            "--target-exponent=0.3",
            "--shrinkage=5",
            "--significance=4",
            "--min-co-count=2",
            "--rating-weight=at-least:3",
            "--profile-weight=minus-mean",
        ])?;
        let matrix = RatingMatrix::new(1, 2, [(0, 0, 1.0), (0, 1, 4.0)].into_iter())?;
        let measure = options.measure()?;
        let manifest = options.manifest(&measure, &options.profile_weight(&matrix));
        let weights = manifest.rating_weights.as_ref().ok_or("no weights")?;
        assert_eq!(
            (weights.similarities.as_str(), weights.profiles.as_str()),
            ("at-least:3", "minus-mean")
        );
        assert_eq!((weights.mean, weights.deviation), (2.5, 1.5));
        assert_eq!((manifest.name.as_str(), manifest.top_k), ("rp3beta", 7));
        assert_eq!(manifest.cut, akin_schemas::Cut::Source);
        let parameters: Vec<(&str, f64)> =
            manifest.parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let expected = [
            ("min-co-count", 2.0),
            ("shrinkage", 5.0),
            ("significance", 4.0),
            ("source-exponent", 1.0),
            ("target-exponent", 0.3),
            ("user-exponent", 1.0),
        ];
        assert_eq!(parameters, expected);
        Ok(())
    }

    #[test]
    fn options_that_make_no_sense_are_refused() -> Result<(), clap::Error> {
        assert!(parse(&["--measure=vibes"]).is_err());
        assert!(parse(&["--rating-weight=vibes"]).is_err());
        let refused = parse(&["--measure=jaccard", "--target-exponent=1"])?.measure();
        assert!(matches!(refused, Err(Failure::Usage(text)) if text.contains("target-exponent")));
        Ok(())
    }
}
