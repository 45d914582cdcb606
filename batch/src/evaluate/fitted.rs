//! A model, fitted to the ratings that an experiment learns from.

use std::time::Instant;

use akin_recommender::rating_weight::RatingWeight;
use akin_recommender::scoring::{Model, ModelError};
use akin_recommender::similarity::{FitSize, Measure, Neighbours, co_count_bytes, fit};

use crate::failure::Failure;
use crate::run::{MeasureOptions, check_cost};

use super::experiment::Experiment;

/// A fitted model.
#[derive(Debug)]
pub struct Fitted {
    /// How similarities were computed.
    pub measure: Measure,
    /// What ratings count in profiles.
    pub weight: RatingWeight,
    /// What serves.
    pub model: Model,
    /// How long the similarities took.
    pub seconds: f64,
}

impl Fitted {
    /// Fits on the current rayon pool, in at most `max_memory` bytes. `on_row` is called once an item.
    ///
    /// # Errors
    /// When the options contradict each other, the fit would not fit in memory, or a regression does not succeed.
    pub fn new(
        experiment: &Experiment,
        similarity: &MeasureOptions,
        max_memory: u64,
        on_row: &(dyn Fn() + Sync),
    ) -> Result<Self, Failure> {
        let measure = similarity.measure()?;
        let selection = similarity.selection();
        let size = FitSize {
            ratings: experiment.size.train_ratings,
            users: experiment.size.train_users,
            items: experiment.size.train_items,
            co_counts: co_count_bytes(experiment.rating_counts.clone()),
            threads: rayon::current_num_threads() as u64,
        };
        check_cost(&measure, selection, size, 0, max_memory)?;
        let began = Instant::now();
        let neighbours = fit(&experiment.matrix, &measure, selection, on_row)?;
        let seconds = began.elapsed().as_secs_f64();
        let weight = similarity.profile_weight(&experiment.matrix);
        let model = Model::new(neighbours, &experiment.rating_counts).map_err(Failure::internal)?;
        Ok(Self { measure, weight, model: model.weighing(weight), seconds })
    }
}

/// The model that recommends what is popular.
///
/// # Errors
/// Never: an experiment's counts are of its items.
pub fn popularity(experiment: &Experiment) -> Result<Model, ModelError> {
    let nobody = vec![Vec::new(); experiment.matrix.item_count()];
    Model::new(Neighbours::from_rows(nobody), &experiment.rating_counts)
}
