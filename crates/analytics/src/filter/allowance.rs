//! How much all filters of one question may ask for together. It is looked at before anything is
//! read that takes long: patterns are compiled here, and again by the event store.

use serde_json::Value;

use paneld_domain::Problem;

use super::{Filter, Operator};
/// What is left of it.
#[derive(Debug)]
pub(crate) struct Allowance {
    filters: usize,
    patterns: usize,
    pattern_bytes: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            filters: Filter::MOST,
            patterns: Filter::MOST_PATTERNS,
            pattern_bytes: Filter::MOST_PATTERN_BYTES,
        }
    }
}

impl Allowance {
    /// Takes what a filter needs, before it is read.
    ///
    /// # Errors
    /// When that is more than is left.
    pub(super) fn take(&mut self, filter: &Value) -> Result<(), Problem> {
        let filters = self.filters.checked_sub(1).ok_or_else(|| {
            let message = format!("must be one of at most {} filters in all", Filter::MOST);
            Problem::at([], message)
        })?;
        let patterns = patterns_of(filter);
        let bytes = patterns.iter().map(|pattern| pattern.len()).sum();
        let left = self.patterns.checked_sub(patterns.len());
        let left = left.zip(self.pattern_bytes.checked_sub(bytes));
        let (patterns, pattern_bytes) = left.ok_or_else(|| {
            let message = format!(
                "must be at most {} regular expressions of {} bytes together, in all filters",
                Filter::MOST_PATTERNS,
                Filter::MOST_PATTERN_BYTES
            );
            Problem::at(["value".into()], message)
        })?;
        *self = Self {
            filters,
            patterns,
            pattern_bytes,
        };
        Ok(())
    }
}

/// The texts that would be read as regular expressions.
fn patterns_of(filter: &Value) -> Vec<&str> {
    let is_regex = filter.get("operator").and_then(Value::as_str) == Some(Operator::Regex.name());
    let values = filter.get("value").and_then(Value::as_array);
    let values = values.filter(|_| is_regex).into_iter().flatten();
    // What is no text is short.
    values
        .map(|value| value.as_str().unwrap_or_default())
        .collect()
}
