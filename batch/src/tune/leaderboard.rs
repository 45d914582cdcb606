//! What was tried, best first: a table to read and a Parquet file to query.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use akin_recommender::evaluation::Metric;
use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::operate::table::{Align, Table};

use super::search::{Trial, shown_options};
use super::space::config;

/// One trial among the others, the best being 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its place.
    pub rank: usize,
    /// When it was tried, from 1.
    pub trial: usize,
    /// The measure.
    pub measure: String,
    /// What decides, and its confidence interval.
    pub ndcg: f64,
    ndcg_low: f64,
    ndcg_high: f64,
    recall: f64,
    coverage: f64,
    fit_seconds: f64,
    /// What `run --config` takes.
    pub config: Map<String, Value>,
    /// The options beside the measure, as on a command line.
    #[serde(skip)]
    others: String,
}

/// All trials, which come best first.
pub fn entries(trials: &[Trial]) -> Vec<Entry> {
    let entry = |(trial, rank): (&Trial, usize)| {
        let of = |metric| number(trial, metric, |mean| mean.mean);
        let mut others = trial.candidate.clone();
        others.remove("measure");
        Entry {
            rank,
            trial: trial.number,
            measure: trial.quality.name.clone(),
            ndcg: of(Metric::Ndcg),
            ndcg_low: number(trial, Metric::Ndcg, |mean| mean.low),
            ndcg_high: number(trial, Metric::Ndcg, |mean| mean.high),
            recall: of(Metric::Recall),
            coverage: trial.quality.at.first().map_or(0.0, |at| at.coverage),
            fit_seconds: trial.quality.fit_seconds.unwrap_or(0.0),
            config: config(&trial.candidate),
            others: shown_options(&others),
        }
    };
    trials.iter().zip(1..).map(entry).collect()
}

/// The first rows as a table. `of best` is the share of the best one's NDCG.
pub fn table(entries: &[Entry], rows: usize) -> Table {
    let mut table = Table::new(&[
        ("rank", Align::Right),
        ("measure", Align::Left),
        ("ndcg", Align::Right),
        ("from", Align::Right),
        ("to", Align::Right),
        ("of best", Align::Right),
        ("recall", Align::Right),
        ("coverage", Align::Right),
        ("fit s", Align::Right),
        ("other options of run", Align::Left),
    ]);
    let best = entries.first().map_or(0.0, |best| best.ndcg).max(f64::MIN_POSITIVE);
    for entry in entries.iter().take(rows) {
        let [ndcg, low, high, recall, coverage] =
            [entry.ndcg, entry.ndcg_low, entry.ndcg_high, entry.recall, entry.coverage]
                .map(|number| format!("{number:.4}"));
        table.row([
            entry.rank.to_string(),
            entry.measure.clone(),
            ndcg,
            low,
            high,
            format!("{:.1} %", entry.ndcg / best * 100.0),
            recall,
            coverage,
            format!("{:.2}", entry.fit_seconds),
            entry.others.clone(),
        ]);
    }
    table
}

fn number(trial: &Trial, metric: Metric, of: impl Fn(&crate::evaluate::Mean) -> f64) -> f64 {
    let at = trial.quality.at.first();
    at.and_then(|at| at.metrics.get(metric.name())).map_or(0.0, of)
}

/// Writes all trials: `rank, trial, n, ndcg, ndcg_low, ndcg_high`, the other metrics, `coverage, novelty, fit_seconds,
/// rank_seconds, measure, config`; `config` is what `run --config` takes.
///
/// # Errors
/// When the file cannot be written.
pub fn write(trials: &[Trial], path: &Path) -> Result<(), Failure> {
    let batch = batch_of(trials).map_err(Failure::internal)?;
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| Failure::Output {
        path: path.display().to_string(),
        problem: error.to_string(),
    };
    let file = File::create(path).map_err(|error| failed(error.into()))?;
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), None).map_err(|error| failed(error.into()))?;
    writer.write(&batch).map_err(|error| failed(error.into()))?;
    writer.close().map(|_| ()).map_err(|error| failed(error.into()))
}

fn batch_of(trials: &[Trial]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let at = |trial: &Trial| trial.quality.at.first().cloned();
    let ints = |of: &dyn Fn(usize, &Trial) -> usize| -> ArrayRef {
        let values = trials.iter().enumerate().map(|(at, trial)| of(at, trial) as i32);
        Arc::new(Int32Array::from_iter_values(values))
    };
    let floats = |of: &dyn Fn(&Trial) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(trials.iter().map(of)))
    };
    let texts = |of: &dyn Fn(&Trial) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(trials.iter().map(of)))
    };
    let mut columns = vec![
        ("rank", ints(&|at, _| at + 1)),
        ("trial", ints(&|_, trial| trial.number)),
        ("n", ints(&|_, trial| at(trial).map_or(0, |at| at.n))),
    ];
    for metric in Metric::ALL {
        columns.push((metric.name(), floats(&|trial| number(trial, metric, |mean| mean.mean))));
    }
    columns.extend([
        ("ndcg_low", floats(&|trial| number(trial, Metric::Ndcg, |mean| mean.low))),
        ("ndcg_high", floats(&|trial| number(trial, Metric::Ndcg, |mean| mean.high))),
        ("coverage", floats(&|trial| at(trial).map_or(0.0, |at| at.coverage))),
        ("novelty", floats(&|trial| at(trial).map_or(0.0, |at| at.novelty))),
        ("fit_seconds", floats(&|trial| trial.quality.fit_seconds.unwrap_or(0.0))),
        ("rank_seconds", floats(&|trial| trial.quality.rank_seconds)),
        ("measure", texts(&|trial| trial.quality.name.clone())),
        ("config", texts(&|trial| serde_json::Value::Object(config(&trial.candidate)).to_string())),
    ]);
    RecordBatch::try_from_iter(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Mean, Quality, QualityAt};
    use crate::tune::space::Candidate;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    fn trial(number: usize, ndcg: f64) -> Trial {
        let mean = Mean { mean: ndcg, low: ndcg - 0.1, high: ndcg + 0.1 };
        let at = QualityAt {
            n: 10,
            metrics: Metric::ALL.iter().map(|metric| (metric.name(), mean)).collect(),
            coverage: 0.5,
            novelty: 2.0,
            intra_list_diversity: None,
            intra_list_users: 0,
        };
        let quality = Quality {
            name: "lift".to_owned(),
            fit_seconds: Some(1.5),
            rank_seconds: 0.5,
            at: vec![at],
        };
        let candidate =
            Candidate::from([("measure", "lift".to_owned()), ("top-k", "50".to_owned())]);
        Trial { number, candidate, quality }
    }

    #[test]
    fn the_file_and_the_table_hold_what_was_tried() -> Result<(), Box<dyn std::error::Error>> {
        let trials = [trial(2, 0.4), trial(1, 0.3)];
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("leaderboard.parquet");
        write(&trials, &path)?;
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?.build()?;
        let batch = reader.next().ok_or("empty")??;
        assert_eq!(batch, batch_of(&trials)?);
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| name.to_owned());
        let ndcg = column("ndcg_low")?.as_any().downcast_ref::<Float64Array>().ok_or("floats")?;
        assert!((ndcg.value(1) - 0.2).abs() < 1e-12);
        let config = column("config")?.as_any().downcast_ref::<StringArray>().ok_or("texts")?;
        assert_eq!(config.value(0), r#"{"measure":"lift","top-k":50}"#);
        let entries = entries(&trials);
        let table = table(&entries, 2).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "rank  measure    ndcg    from      to  of best  recall  coverage  fit s  other options of run",
                "   1  lift     0.4000  0.3000  0.5000  100.0 %  0.4000    0.5000   1.50  --top-k 50",
                "   2  lift     0.3000  0.2000  0.4000   75.0 %  0.3000    0.5000   1.50  --top-k 50",
            ]
        );
        let json = serde_json::to_value(&entries)?;
        assert_eq!((&json[1]["rank"], &json[1]["trial"]), (&2.into(), &1.into()));
        assert_eq!(json[0]["config"], serde_json::json!({"measure": "lift", "top-k": 50}));
        let missing = write(&trials, &folder.path().join("no/such"));
        assert!(missing.is_err_and(|error| error.to_string().contains("check --out")));
        Ok(())
    }
}
