//! An independent model of Insights and Export: plain Rust that walks the stored rows and
//! computes every answer, without SQL and without the code of the product.

pub(crate) mod charts;
pub(crate) mod dimensions;
pub(crate) mod facts;
pub(crate) mod filter;
pub(crate) mod flow;
pub(crate) mod funnel;
pub(crate) mod lists;
pub(crate) mod metrics;
pub(crate) mod pages;
pub(crate) mod people;
pub(crate) mod profiles;
pub(crate) mod time;

/// Servers that tell what their visitors did send this as the name of their SDK, so that the
/// model can tell such events from those of the visitors.
pub(crate) const SERVER_SDK: &str = "golden-server";
/// Rows that are imported with the ids of sessions elsewhere have this as the name of their SDK.
pub(crate) const FOREIGN_SDK: &str = "golden-elsewhere";

/// To so many decimals, as reports are rounded.
pub(crate) fn round(number: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (number * factor).round() / factor
}

/// 0 of nothing.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// How many of a hundred, to two decimals.
pub(crate) fn percent(part: usize, whole: usize) -> f64 {
    round(100.0 * ratio(part as f64, whole as f64), 2)
}

/// The mean of milliseconds, in seconds: rounded to two decimals before it is divided.
pub(crate) fn mean_seconds(milliseconds: &[i64]) -> f64 {
    let sum = milliseconds.iter().sum::<i64>() as f64;
    round(ratio(sum, milliseconds.len() as f64), 2) / 1_000.0
}
