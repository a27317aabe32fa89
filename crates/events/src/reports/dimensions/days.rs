//! The same, day by day, so that days that were counted before need not be counted again.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use duckdb::Connection;
use paneld_analytics::{DimensionRequest, SessionCounts, Window};

use super::{CountedSessions, counted_sessions, values};
use crate::{
    Scope,
    conditions::Conditions,
    counted::{Counted, Moment, Part},
    error::Fault,
    sql::Sql,
};

/// In all days together there are so many values at most: more are better counted at once.
const MOST_VALUES: usize = 20_000;

/// So many days are counted one by one.
const MOST_DAYS: usize = 400;

const DAY: TimeDelta = TimeDelta::hours(24);

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
    counted: &Counted,
    began: Moment,
    scope: &Scope,
    request: &DimensionRequest,
) -> Result<Option<Vec<CountedSessions>>, Fault> {
    let days = days(request.window).take(MOST_DAYS + 1).collect::<Vec<_>>();
    if days.len() > MOST_DAYS {
        return Ok(None);
    }
    let (parts, project) = (&counted.dimensions, scope.key);
    let known = days
        .iter()
        .map(|day| parts.find(project, *day, request.dimension));
    let mut known = known.collect::<Vec<_>>();
    let unknown = known.iter().enumerate().filter(|(_, part)| part.is_none());
    let mut unknown = unknown.map(|(place, _)| place);
    if let Some(first) = unknown.next() {
        let last = unknown.next_back().unwrap_or(first);
        let new = count_days(connection, scope, request, &days[first..=last])?;
        for (place, part) in (first..).zip(new) {
            let part = Arc::new(part);
            parts.remember(project, days[place], request.dimension, &part, began);
            known[place] = Some(part);
        }
    }
    Ok(sum(known.iter().flatten()).map(|values| page(values, request)))
}

/// The window in days from its start on, whatever the clock did.
fn days(window: Window) -> impl Iterator<Item = Window> {
    let starts = std::iter::successors(Some(window.start), |start| start.checked_add_signed(DAY));
    let starts = starts.take_while(move |start| *start < window.end);
    starts.map(move |start| Window {
        start,
        end: window.end.min(start + DAY),
    })
}

/// Counts days that follow one another.
fn count_days(
    connection: &Connection,
    scope: &Scope,
    request: &DimensionRequest,
    days: &[Window],
) -> Result<Vec<DimensionPart>, Fault> {
    let mut counted = vec![Vec::new(); days.len()];
    let ([first, ..], [.., last]) = (days, days) else {
        return Ok(Vec::new());
    };
    let window = Window {
        start: first.start,
        end: last.end,
    };
    let conditions = Conditions {
        scope,
        window,
        filters: &[],
    };
    let day = Sql::new("(epoch_ms(s.created_at) - ")
        .add(Sql::number(window.start.timestamp_millis()))
        .push(") // ")
        .add(Sql::number(DAY.num_milliseconds()));
    let rows = values(request)
        .push(", ")
        .add(day)
        .push(" AS day FROM sessions s WHERE ")
        .add(conditions.sessions())
        .push(" GROUP BY prefix, value, day LIMIT ")
        .add(Sql::count(MOST_VALUES as u64 + 1))
        .query(connection, |row| {
            Ok((row.get::<_, usize>(8)?, counted_sessions(row)?))
        })?;
    if rows.len() > MOST_VALUES {
        return Ok(days.iter().map(|_| DimensionPart::Many).collect());
    }
    for (day, value) in rows {
        counted[day].push(value);
    }
    Ok(counted.into_iter().map(DimensionPart::Values).collect())
}

/// The values of all days together; `None` when they are too many.
fn sum<'a>(days: impl Iterator<Item = &'a Arc<DimensionPart>>) -> Option<Vec<CountedSessions>> {
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

/// Those that are wanted, in their order.
fn page(mut values: Vec<CountedSessions>, request: &DimensionRequest) -> Vec<CountedSessions> {
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
    let offset = usize::try_from(request.paging.offset).unwrap_or(usize::MAX);
    let values = values.into_iter().skip(offset);
    values.take(request.paging.limit as usize).collect()
}
