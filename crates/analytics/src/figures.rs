//! Figures made of counts: rates, means, and how they are rounded. Every report rounds alike.

/// 0 of nothing.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

/// To two decimals.
pub(crate) fn round_to_cents(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// How many of a hundred, to two decimals.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    round_to_cents(100.0 * ratio(part, whole))
}

/// A mean of milliseconds in seconds. The mean is rounded to hundredths of milliseconds.
pub(crate) fn mean_seconds(sum_ms: u64, count: u64) -> f64 {
    round_to_cents(ratio(sum_ms, count)) / 1_000.0
}
