//! How the ratings are distributed: over items, users, values and time.

use akin_schemas::RatingFigures;

use crate::counting::{counted, thousands};
use crate::report::html::Html;
use crate::report::plot::{Bar, bars, short, tail};
use crate::report::value_counts::quantiles;
use crate::report::view::View;

/// Different values that have a bar each.
const VALUES: usize = 20;
/// Bars that time is divided into, at most.
const PERIODS: i64 = 100;

/// Writes the section.
pub fn section(html: &mut Html, view: &View) {
    let about =
        "Where the ratings come from, and what they say: similarities can be no better than these.";
    html.section("Ratings", about, |html| {
        html.grid(|html| {
            popularity(html, view);
            match &view.observed.ratings {
                Some(figures) => {
                    activity(html, figures);
                    values(html, figures);
                    months(html, figures);
                }
                None => html.card("Users, values and months", |html| {
                    html.paragraph(
                        "soft",
                        "These are counted while a version is computed, and were not kept for this one.",
                    );
                }),
            }
        });
    });
}

fn popularity(html: &mut Html, view: &View) {
    let mut counts: Vec<(u64, u64)> = view
        .tables
        .present()
        .filter(|(_, item)| item.ratings > 0)
        .map(|(_, i)| (i.ratings, 1))
        .collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let names: Vec<_> = view.most_rated.iter().take(3).map(|item| view.title(*item)).collect();
    let meaning = format!(
        "Items by how many users rated them, the most rated at the left; both axes grow tenfold a step. The most rated \
         tenth has {:.0} % of the ratings. On top: {}.",
        100.0 * share_of_first_tenth(&counts),
        names.join(", ")
    );
    let plot = tail(
        &places(&counts),
        "items, the most rated first",
        "ratings",
        "How many ratings items have",
    );
    html.figure("Popularity of items", &meaning, &plot);
}

fn activity(html: &mut Html, figures: &RatingFigures) {
    let counts: Vec<(u64, u64)> = figures.activity.iter().rev().copied().collect();
    let [median] = quantiles(&figures.activity, [0.5]).unwrap_or_default();
    let most = counts.first().map_or(0, |(ratings, _)| *ratings);
    let meaning = format!(
        "Users by how many ratings they gave, the busiest at the left; both axes grow tenfold a step. Half of the users \
         gave {} or fewer, the busiest {}.",
        counted(median, "rating"),
        thousands(most)
    );
    let plot = tail(
        &places(&counts),
        "users, the busiest first",
        "ratings",
        "How many ratings users gave",
    );
    html.figure("Activity of users", &meaning, &plot);
}

fn values(html: &mut Html, figures: &RatingFigures) {
    let values = &figures.values;
    let total: u64 = values.iter().map(|(_, count)| count).sum();
    let sum: f64 = values.iter().map(|(value, count)| f64::from(*value) * *count as f64).sum();
    let mean = sum / total.max(1) as f64;
    let (meaning, shown) = match &values[..] {
        [] => ("There are no ratings.".to_owned(), Vec::new()),
        [(value, _)] => (
            format!("Every rating is {value}: they say who rated what, and nothing more."),
            vec![Bar { label: value.to_string(), value: total as f64 }],
        ),
        values if values.len() <= VALUES => {
            let bar = |(value, count): &(f32, u64)| Bar {
                label: value.to_string(),
                value: *count as f64,
            };
            (
                format!("How often each value was given; the mean is {mean:.2}."),
                values.iter().map(bar).collect(),
            )
        }
        values => {
            let meaning = "How often values were given, from the one that stands below a bar up to the next; the mean is";
            (format!("{meaning} {mean:.2}."), binned(values))
        }
    };
    let plot = bars(&shown, "value of the rating", "ratings", "How often each value was given");
    html.figure("Values", &meaning, &plot);
}

/// Bars of equal width for many values.
fn binned(values: &[(f32, u64)]) -> Vec<Bar> {
    let ends = values.first().zip(values.last()).map(|(a, b)| (f64::from(a.0), f64::from(b.0)));
    let (low, high) = ends.unwrap_or((0.0, 1.0));
    let width = (high - low) / VALUES as f64;
    let mut counts = [0_u64; VALUES];
    for (value, count) in values {
        let at = ((f64::from(*value) - low) / width) as usize;
        counts[at.min(VALUES - 1)] += count;
    }
    let bar = |(at, count): (usize, u64)| Bar {
        label: short(low + at as f64 * width),
        value: count as f64,
    };
    counts.into_iter().enumerate().map(bar).collect()
}

fn months(html: &mut Html, figures: &RatingFigures) {
    let months = &figures.months;
    let Some((first, last)) = months.first().zip(months.last()).map(|(a, b)| (a.0, b.0)) else {
        return;
    };
    let named =
        |month: i64| format!("{}-{:02}", 1970 + month.div_euclid(12), month.rem_euclid(12) + 1);
    if first == last {
        return html.card("Months", |html| {
            let all = format!("All ratings are of {}", named(first));
            let why = "where that is no surprise they have no times of their own, and neither a half-life nor a split by \
                       time means anything";
            html.paragraph("soft", &format!("{all}: {why}."));
        });
    }
    let units = [(1, "month"), (3, "quarter"), (12, "year"), (120, "decade")];
    let fits = |unit: &&(i64, &str)| (last - first) / unit.0 < PERIODS;
    let (unit, name) = units.iter().find(fits).copied().unwrap_or((1_200, "century"));
    // Whole years, decades and centuries begin where calendars have them begin.
    let begin = |month: i64| (month + 1970 * 12).div_euclid(unit) * unit - 1970 * 12;
    let mut shown: Vec<Bar> = (0..=(begin(last) - begin(first)) / unit)
        .map(|at| begin(first) + at * unit)
        .map(|month| {
            let label =
                if unit < 12 { named(month) } else { (1970 + month.div_euclid(12)).to_string() };
            Bar { label, value: 0.0 }
        })
        .collect();
    for (month, count) in months {
        shown[((begin(*month) - begin(first)) / unit) as usize].value += *count as f64;
    }
    let meaning = format!(
        "When ratings were given, by {name}, from {} to {}: gaps and bursts show what a source lost or imported.",
        named(first),
        named(last)
    );
    html.figure("Months", &meaning, &bars(&shown, "", "ratings", "When ratings were given"));
}

/// Points of a tail, some twenty for each power of ten: places from 1 on, and how much there is at each. The counts are in
/// descending order, each with how many have it.
fn places(counts: &[(u64, u64)]) -> Vec<(f64, f64)> {
    let total: u64 = counts.iter().map(|(_, many)| many).sum();
    let (mut points, mut next) = (Vec::new(), 1_u64);
    let (mut through, mut counts) = (0, counts.iter());
    let mut value = 0;
    for step in 1.. {
        if next > total {
            break;
        }
        while through < next {
            let Some((count, many)) = counts.next() else { break };
            (value, through) = (*count, through + many);
        }
        points.push((next as f64, value.max(1) as f64));
        let further = 10f64.powf(f64::from(step) / 20.0).round() as u64;
        next = match next == total {
            true => total + 1,
            false => further.max(next + 1).min(total),
        };
    }
    points
}

/// The share that the greatest tenth has, one at least.
fn share_of_first_tenth(counts: &[(u64, u64)]) -> f64 {
    let total: u64 = counts.iter().map(|(count, many)| count * many).sum();
    let tenth = counts.len().div_ceil(10);
    let first: u64 = counts.iter().take(tenth).map(|(count, many)| count * many).sum();
    first as f64 / total.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_has_its_first_and_last_place_and_few_between() {
        assert_eq!(places(&[]), []);
        assert_eq!(places(&[(7, 1)]), [(1.0, 7.0)]);
        assert_eq!(places(&[(7, 1), (2, 2)]), [(1.0, 7.0), (2.0, 2.0), (3.0, 2.0)]);
        let many: Vec<(u64, u64)> = (1..=100_000).rev().map(|count| (count, 1)).collect();
        let points = places(&many);
        assert!(points.len() < 110, "{}", points.len());
        assert_eq!(points.first().zip(points.last()), Some((&(1.0, 1e5), &(1e5, 1.0))));
        assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1));
    }

    #[test]
    fn a_tenth_is_one_item_at_least() {
        assert!((share_of_first_tenth(&[(3, 1), (1, 1)]) - 0.75).abs() < 1e-12);
        assert!(share_of_first_tenth(&[]).abs() < 1e-12);
    }

    #[test]
    fn many_values_fall_into_bars_of_equal_width() {
        let values: Vec<(f32, u64)> = (0..=100).map(|at| (at as f32, 2)).collect();
        let bars = binned(&values);
        assert_eq!(bars.len(), VALUES);
        assert_eq!(bars[1].label, "5");
        assert_eq!(bars.iter().map(|bar| bar.value).sum::<f64>(), 202.0);
        assert_eq!((bars[0].value, bars[VALUES - 1].value), (10.0, 12.0));
    }
}
