//! How similarities are computed: the options, and what the manifest says of them.

use akin_recommender::similarity::{Adjustments, Cut, Measure, MeasureError, Preset, Selection};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::failure::Failure;

/// Options of the similarity.
#[derive(Debug, Clone, Args)]
pub struct MeasureOptions {
    /// How similarities are computed.
    #[arg(long, default_value_t = Preset::Cosine, value_parser = preset(), value_name = "NAME")]
    pub measure: Preset,
    /// How many neighbours an item keeps at most.
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
    /// H: a similarity that rests on C users is multiplied by C / (C + H) [default: 0].
    #[arg(long, value_name = "H")]
    pub shrinkage: Option<f64>,
    /// S: a similarity that rests on C users, fewer than S, is multiplied by C / S [default: 0].
    #[arg(long, value_name = "S")]
    pub significance: Option<u32>,
    /// Leave out pairs that fewer users rated [default: 1].
    #[arg(long, value_name = "N")]
    pub min_co_count: Option<u32>,
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
    /// The measure.
    ///
    /// # Errors
    /// When the options contradict each other.
    pub fn measure(&self) -> Result<Measure, Failure> {
        let changes = Adjustments {
            target_exponent: self.target_exponent,
            source_exponent: self.source_exponent,
            user_exponent: self.user_exponent,
            shrinkage: self.shrinkage,
            significance: self.significance,
            min_co_count: self.min_co_count,
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

    /// What the manifest says of it.
    pub fn manifest(&self, measure: &Measure) -> akin_schemas::Measure {
        let parameters = measure.parameters().into_iter();
        akin_schemas::Measure {
            name: measure.preset().to_string(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value)).collect(),
            cut: match self.cut {
                CutSide::Target => akin_schemas::Cut::Target,
                CutSide::Source => akin_schemas::Cut::Source,
            },
            top_k: self.top_k,
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
        ])?;
        let manifest = options.manifest(&options.measure()?);
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
        let refused = parse(&["--measure=jaccard", "--target-exponent=1"])?.measure();
        assert!(matches!(refused, Err(Failure::Usage(text)) if text.contains("target-exponent")));
        Ok(())
    }
}
