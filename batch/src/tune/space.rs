//! What is searched: options of `akin-batch run`, by name, and the values that they may take.

use std::collections::BTreeMap;

use akin_recommender::similarity::Preset;
use clap::Parser;
use rand::{Rng, RngExt};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::run::MeasureOptions;

/// Options by their names; what is missing has its default. A measure is always among them.
pub type Candidate = BTreeMap<&'static str, String>;

/// How often another draw is tried when one is no good.
const DRAWS: usize = 200;

/// Values in order, so that neighbours are alike.
const ORDERED: [(&str, &[&str]); 11] = [
    ("top-k", &["10", "20", "50", "100", "200", "500"]),
    ("target-exponent", &["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]),
    ("source-exponent", &["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]),
    ("user-exponent", &["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]),
    ("bm25-k1", &["0.3", "0.6", "1.2", "2", "5", "20", "100"]),
    ("bm25-b", &["0", "0.25", "0.5", "0.75", "1"]),
    ("shrinkage", &["0", "1", "3", "10", "30", "100", "300"]),
    ("significance", &["0", "5", "10", "20", "50", "100"]),
    ("lambda", &["10", "30", "100", "200", "300", "500", "700", "1000", "2000", "5000"]),
    ("dropout", &["0", "0.1", "0.2", "0.33", "0.5", "0.75"]),
    ("min-co-count", &["1", "2", "3", "5", "10"]),
];
const RULES: [&str; 5] = ["value", "binary", "minus-mean", "relative", "relative:3"];

/// All candidates.
#[derive(Debug)]
pub struct Space {
    values: Vec<(&'static str, Vec<String>)>,
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: MeasureOptions,
}

impl Space {
    /// Of these measures, for ratings with this mean, and with room for so many neighbours an item.
    pub fn new(measures: &[Preset], mean_rating: f64, most_neighbours: usize) -> Self {
        let owned =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut values: Vec<_> = ORDERED.map(|(name, texts)| (name, owned(texts))).into();
        let fits = |k: &String| k.parse().is_ok_and(|k: usize| k <= most_neighbours.max(10));
        values[0].1.retain(fits);
        let mut rules = owned(&RULES);
        rules.push(format!("at-least:{}", (mean_rating * 2.0).round() / 2.0));
        values.push(("rating-weight", rules.clone()));
        values.push(("profile-weight", rules));
        values.push(("cut", owned(&["target", "source"])));
        values.push(("measure", measures.iter().map(|preset| preset.name().to_owned()).collect()));
        Self { values }
    }

    /// Where a search begins: what `run` does without options, then every measure as it is.
    pub fn beginnings(&self) -> Vec<Candidate> {
        let default = MeasureOptions::DEFAULT_MEASURE.name();
        let (_, measures) = &self.values[self.values.len() - 1];
        let others = measures.iter().map(String::as_str).filter(|name| *name != default);
        let names = std::iter::once(default).chain(others);
        names.map(|name| Candidate::from([("measure", name.to_owned())])).collect()
    }

    /// Any candidate.
    pub fn drawn(&self, chance: &mut impl Rng) -> Option<Candidate> {
        (0..DRAWS).find_map(|_| {
            let mut candidate = Candidate::new();
            for (name, values) in &self.values {
                if *name == "measure" || chance.random_ratio(1, 3) {
                    candidate.insert(name, one_of(values, chance).clone());
                }
            }
            is_valid(&candidate).then_some(candidate)
        })
    }

    /// A candidate like another: one or two options are changed, an ordered one by a step.
    pub fn varied(&self, from: &Candidate, chance: &mut impl Rng) -> Option<Candidate> {
        (0..DRAWS).find_map(|_| {
            let mut candidate = from.clone();
            for _ in 0..chance.random_range(1..=2) {
                let (name, values) = one_of(&self.values, chance);
                let is_ordered = ORDERED.iter().any(|(ordered, _)| ordered == name);
                let at = candidate.get(name).and_then(|now| values.iter().position(|v| v == now));
                match at {
                    Some(_) if *name != "measure" && chance.random_ratio(1, 5) => {
                        candidate.remove(name);
                    }
                    Some(at) if is_ordered => {
                        let up = chance.random_bool(0.5);
                        let next = if up { at + 1 } else { at.wrapping_sub(1) };
                        if let Some(value) = values.get(next) {
                            candidate.insert(name, value.clone());
                        }
                    }
                    _ => {
                        candidate.insert(name, one_of(values, chance).clone());
                    }
                }
            }
            (candidate != *from && is_valid(&candidate)).then_some(candidate)
        })
    }
}

fn one_of<'a, T>(values: &'a [T], chance: &mut impl Rng) -> &'a T {
    &values[chance.random_range(0..values.len())]
}

/// Whether the measure has the options that the candidate sets.
fn is_valid(candidate: &Candidate) -> bool {
    options(candidate).and_then(|options| options.measure()).is_ok()
}

/// The options as if they stood on the command line.
///
/// # Errors
/// When one is no good.
pub fn options(candidate: &Candidate) -> Result<MeasureOptions, Failure> {
    let arguments = candidate.iter().map(|(name, value)| format!("--{name}={value}"));
    let line = Line::try_parse_from(std::iter::once("run".to_owned()).chain(arguments));
    line.map(|line| line.options).map_err(|error| Failure::Usage(error.to_string()))
}

/// The candidate as a file that `run --config` takes: numbers as numbers.
pub fn config(candidate: &Candidate) -> Map<String, Value> {
    let value = |text: &String| {
        serde_json::from_str::<serde_json::Number>(text)
            .map_or_else(|_| Value::String(text.clone()), Value::Number)
    };
    candidate.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn whatever_is_drawn_or_varied_is_accepted_by_run() {
        let space = Space::new(&Preset::ALL, 3.4, 1_000);
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..300 {
            let drawn = space.drawn(&mut chance);
            assert!(drawn.as_ref().is_some_and(is_valid), "{drawn:?}");
            let varied = drawn.as_ref().and_then(|drawn| space.varied(drawn, &mut chance));
            assert!(varied.as_ref().is_some_and(is_valid) && varied != drawn, "{varied:?}");
            names.extend(varied.iter().flatten().map(|(name, _)| *name));
        }
        assert_eq!(names.len(), space.values.len(), "{names:?}");
        assert!(space.values.iter().any(|(_, v)| v.contains(&"at-least:3.5".to_owned())));
        let small = Space::new(&Preset::ALL, 3.4, 60);
        assert_eq!(small.values[0].1, ["10", "20", "50"]);
    }

    #[test]
    fn the_search_begins_with_the_default_and_every_measure() {
        let beginnings = Space::new(&Preset::ALL, 3.0, 100).beginnings();
        assert_eq!(beginnings.len(), Preset::ALL.len());
        assert_eq!(beginnings[0]["measure"], MeasureOptions::DEFAULT_MEASURE.name());
        assert!(beginnings.iter().all(is_valid));
    }

    #[test]
    fn a_config_holds_numbers_as_numbers() {
        let candidate = Candidate::from([
            ("top-k", "50".to_owned()),
            ("rating-weight", "at-least:3".to_owned()),
        ]);
        let text = serde_json::to_string(&config(&candidate)).unwrap_or_default();
        assert_eq!(text, r#"{"rating-weight":"at-least:3","top-k":50}"#);
    }
}
