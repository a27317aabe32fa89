//! The same, day by day, so that days that were counted before need not be counted again.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use duckdb::Connection;
use paneld_analytics::{Dimension, DimensionRequest, SessionCounts};

use super::values::{counted_sessions, values};
use crate::{
    CountedSessions, Scope,
    duckdb::{
        counted::{Days, Moment, Part, Parts},
        fault::Fault,
        sql::{Conditions, Dialect, Sql},
    },
};

/// In all days together there are so many values at most: more are better counted at once.
const MOST_VALUES: usize = 20_000;

/// The sessions of a day by their values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DimensionPart {
    Values(Vec<CountedSessions>),
    /// There are too many of them.
    Many,
}

impl Part for DimensionPart {
    fn bytes(&self) -> u64 {
        let values = match self {
            Self::Values(values) => values.iter(),
            Self::Many => [].iter(),
        };
        let bytes = |value: &CountedSessions| {
            size_of::<CountedSessions>() + value.prefix.len() + value.name.len()
        };
        values.map(bytes).sum::<usize>() as u64
    }
}

/// Counts all sessions of the window; `None` when that is better done at once.
pub(super) fn count(
    connection: &Connection,
    known: &Parts<DimensionPart, Dimension>,
    began: Moment,
    scope: &Scope,
    request: &DimensionRequest,
) -> Result<Option<Vec<CountedSessions>>, Fault> {
    let (project, dimension) = (scope.key, request.dimension);
    let count = |days: &Days| count_days(connection, scope, request, days);
    let parts = known.by_days(project, request.window, dimension, began, count)?;
    let values = parts.as_deref().and_then(sum);
    Ok(values.map(|values| request.paging.part_of(in_order(values))))
}

fn count_days(
    connection: &Connection,
    scope: &Scope,
    request: &DimensionRequest,
    days: &Days,
) -> Result<Vec<DimensionPart>, Fault> {
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: days.window(),
        filters: &[],
    };
    let rows = values(request)
        .push(", ")
        .add(days.place_of("s.created_at"))
        .push(" AS day FROM sessions s WHERE ")
        .add(conditions.sessions())
        .push(" GROUP BY prefix, value, day LIMIT ")
        .add(Sql::count(MOST_VALUES as u64 + 1))
        .query(connection, |row| {
            Ok((row.get::<_, usize>(8)?, counted_sessions(row)?))
        })?;
    let places = 0..days.count();
    if rows.len() > MOST_VALUES {
        return Ok(places.map(|_| DimensionPart::Many).collect());
    }
    let mut counted = places.map(|_| Vec::new()).collect::<Vec<_>>();
    for (day, value) in rows {
        counted[day].push(value);
    }
    Ok(counted.into_iter().map(DimensionPart::Values).collect())
}

/// The values of all days together; `None` when they are too many.
fn sum(days: &[Arc<DimensionPart>]) -> Option<Vec<CountedSessions>> {
    let mut sums = HashMap::<(&str, &str), SessionCounts>::new();
    for day in days {
        let DimensionPart::Values(values) = &**day else {
            return None;
        };
        for value in values {
            let sum = sums.entry((&value.prefix, &value.name)).or_default();
            *sum = *sum + value.counts;
        }
    }
    let sums = sums
        .into_iter()
        .map(|((prefix, name), counts)| CountedSessions {
            prefix: prefix.to_owned(),
            name: name.to_owned(),
            counts,
        });
    Some(sums.collect())
}

/// Most sessions first.
fn in_order(mut values: Vec<CountedSessions>) -> Vec<CountedSessions> {
    values.sort_unstable_by(|a, b| {
        let order = |value: &CountedSessions| {
            let SessionCounts {
                sessions,
                screen_views,
                ..
            } = value.counts;
            Reverse((sessions, screen_views))
        };
        let texts = (&a.name, &a.prefix).cmp(&(&b.name, &b.prefix));
        order(a).cmp(&order(b)).then(texts)
    });
    values
}
