//! What things cost. A benchmark prints and judges nothing: on a machine that does something else as well, the
//! ratios still hold, but no number is good enough to fail by.

pub(crate) mod attribute;
pub(crate) mod compile;
mod counted;
pub(crate) mod load;
pub(crate) mod request;
pub(crate) mod slow;

/// The middle one, which noise of a moment does not move.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
