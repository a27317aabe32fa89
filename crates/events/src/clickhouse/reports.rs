//! Reports: what is counted over the events and sessions of a project. Each module turns a
//! question of `paneld_analytics` into SQL and reads the rows that its answer is made of.

mod activity;
mod charts;
mod dimensions;
mod flow;
mod funnel;
mod metrics;
mod pages;
mod session_counts;

use super::sql::Sql;

/// A sum that no number holds is as good as the largest.
fn sum_of_revenue(column: &str) -> String {
    format!("toUInt64(least(sum(toUInt128({column})), 18446744073709551615))")
}

/// The moment of the next row in a window, in milliseconds; null where there is none.
fn next_millis(window: &str) -> String {
    format!(
        "leadInFrame(toNullable(toUnixTimestamp64Milli(e.created_at))) OVER ({window}
            ORDER BY e.created_at, e.id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
    )
}

/// A bucket as a place in a list.
fn place(bucket: Sql) -> Sql {
    Sql::new("toUInt64(").add(bucket).push(")")
}
