//! The lines of the report.

use std::time::Duration;

/// A line about a rate, beside what it is compared with and what it should come to.
#[expect(clippy::print_stdout, reason = "a benchmark prints")]
pub(crate) fn line(what: &str, rate: f64, floor: Option<f64>, ratio: Option<f64>, aim: &str) {
    let floor = floor.map_or("-".to_owned(), |floor| format!("{floor:.0}"));
    let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    println!("{what:<58} {rate:>9.0} {floor:>9} {ratio:>6}  {aim}");
}

pub(crate) fn heading() {
    text(&format!("{:<58} {:>9} {:>9} {:>6}  aim", "what", "events/s", "floor/s", "ratio"));
}

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
pub(crate) fn text(text: &str) {
    println!("{text}");
}

/// The middle one, which noise of a moment does not move.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::as_conversions, reason = "a count that a benchmark prints rounded")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

pub(crate) fn rate(count: usize, time: Duration) -> f64 {
    number(count) / time.as_secs_f64()
}
