//! What was seen day by day, so that days that were counted before need not be counted again.

use std::{collections::HashMap, sync::Arc};

use duckdb::{Connection, Row};
use paneld_analytics::{PageAddress, PageCounts, Paging};

use super::seen::{self, COUNTED, Edge};
use crate::duckdb::{
    counted::{Days, Moment, Part, Parts},
    fault::Fault,
    sql::{Conditions, Dialect, Sql},
};

/// In all days together there are so many pages at most: more are better counted at once.
const MOST_PAGES: usize = 20_000;

/// What was seen in a day; `None`, when it has too many pages, or views whose places are not
/// known.
pub(crate) struct PagesPart(Option<DayPages>);

/// Pages by their numbers without titles.
#[derive(Default)]
struct DayPages {
    views: Vec<(u32, Views)>,
    times: Vec<(u32, Times)>,
    entries: Vec<(u32, Entries)>,
}

/// The views of a page.
#[derive(Clone)]
struct Views {
    page: PageAddress,
    /// The newest one, and when it was seen last, in milliseconds since 1970.
    title: String,
    titled_at: i64,
    views: u64,
    firsts: u64,
    revenue: u64,
}

/// How long a page was looked at, by the views that came next.
struct Times {
    sum_ms: u64,
    count: u64,
}

/// The sessions that began with a page.
struct Entries {
    entries: u64,
    bounces: u64,
}

impl Part for PagesPart {
    fn bytes(&self) -> u64 {
        let Some(DayPages {
            views,
            times,
            entries,
        }) = &self.0
        else {
            return 0;
        };
        let texts = |(_, views): &(u32, Views)| {
            views.page.origin.len() + views.page.path.len() + views.title.len()
        };
        let bytes = views.iter().map(texts).sum::<usize>()
            + size_of_val(views.as_slice())
            + size_of_val(times.as_slice())
            + size_of_val(entries.as_slice());
        bytes as u64
    }
}

/// The pages that were seen; `None` when they are better counted at once. The conditions have no
/// filters.
pub(super) fn count(
    connection: &Connection,
    known: &Parts<PagesPart, ()>,
    began: Moment,
    conditions: &Conditions<'_>,
    paging: Paging,
) -> Result<Option<Vec<PageCounts>>, Fault> {
    let (project, window) = (conditions.scope.key, conditions.window);
    let count = |days: &Days| count_days(connection, conditions, days);
    let days = known.by_days(project, window, (), began, count)?;
    let Some(mut pages) = days.as_deref().and_then(sum) else {
        return Ok(None);
    };
    // Days know nothing of each other, but the first view of a session is the first in all; so
    // only what began before the window is to be set right.
    let edge = Edge::of(connection, conditions)?;
    for (page, missing) in edge.missing(conditions).query(connection, |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?))
    })? {
        if let Some(page) = pages.get_mut(&page) {
            page.sessions = page.sessions.saturating_add_signed(missing);
        }
    }
    let before = edge.timed_before(conditions);
    for (page, before) in before.query(connection, |row| Ok((row.get(0)?, times(row, 1)?)))? {
        if let Some(page) = pages.get_mut::<u32>(&page) {
            page.time_sum_ms = page.time_sum_ms.saturating_sub(before.sum_ms);
            page.time_count = page.time_count.saturating_sub(before.count);
        }
    }
    // What changed meanwhile may be in the edges, but not in days that were counted before.
    if known.has_changed(began, project, window) {
        return Ok(None);
    }
    let pages = in_order(pages.into_values().collect());
    Ok(Some(paging.part_of(pages)))
}

fn count_days(
    connection: &Connection,
    conditions: &Conditions<'_>,
    days: &Days,
) -> Result<Vec<PagesPart>, Fault> {
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        window: days.window(),
        ..*conditions
    };
    let views = views_by_day(&conditions, days).query(connection, |row| {
        Ok((row.get(0)?, (row.get(1)?, views(row)?)))
    })?;
    let times = times_by_day(&conditions, days).query(connection, |row| {
        Ok((row.get(0)?, (row.get(1)?, times(row, 2)?)))
    })?;
    let entries = entries_by_day(&conditions, days).query(connection, |row| {
        Ok((row.get(0)?, (row.get(1)?, entries(row)?)))
    })?;
    let are_many = [views.len(), times.len(), entries.len()].iter().max() > Some(&MOST_PAGES);
    let day = || (!are_many).then(DayPages::default);
    let mut parts = (0..days.count()).map(|_| day()).collect::<Vec<_>>();
    for unplaced in unplaced_days(connection, &conditions, days)? {
        parts[unplaced] = None;
    }
    put(&mut parts, views, |day| &mut day.views);
    put(&mut parts, times, |day| &mut day.times);
    put(&mut parts, entries, |day| &mut day.entries);
    Ok(parts.into_iter().map(PagesPart).collect())
}

/// Puts rows to their days.
fn put<T>(
    days: &mut [Option<DayPages>],
    rows: Vec<(usize, (u32, T))>,
    place: fn(&mut DayPages) -> &mut Vec<(u32, T)>,
) {
    for (day, row) in rows {
        if let Some(day) = &mut days[day] {
            place(day).push(row);
        }
    }
}

fn views_by_day(conditions: &Conditions<'_>, days: &Days) -> Sql {
    Sql::new("WITH titled AS (SELECT ")
        .add(days.place_of("e.created_at"))
        .push(&format!(
            " AS day, e.page, {COUNTED}, count(*) FILTER (is_first_view) AS firsts
            FROM events e WHERE "
        ))
        .add(seen::views(conditions))
        .push(" GROUP BY day, e.page) ")
        .add(seen::with_all_titles(
            conditions,
            "titled.day, ",
            ", sum(firsts)::UBIGINT,
                coalesce(epoch_ms(max(seen_last) FILTER (p.title <> '')), 0)",
        ))
        .push(&at_most())
}

fn views(row: &Row<'_>) -> duckdb::Result<Views> {
    Ok(Views {
        page: PageAddress {
            origin: row.get(2)?,
            path: row.get(3)?,
        },
        title: row.get(4)?,
        views: row.get(5)?,
        revenue: row.get(6)?,
        firsts: row.get(7)?,
        titled_at: row.get(8)?,
    })
}

fn times_by_day(conditions: &Conditions<'_>, days: &Days) -> Sql {
    Sql::new("SELECT ")
        .add(days.place_of("e.created_at"))
        .push(
            " AS day, e.previous_page, sum(e.previous_duration)::UBIGINT, count(*)
            FROM events e WHERE ",
        )
        .add(conditions.events_happened())
        .push(" AND e.previous_page <> 0 GROUP BY day, e.previous_page")
        .push(&at_most())
}

/// Two columns, of which the first is at this place.
fn times(row: &Row<'_>, first: usize) -> duckdb::Result<Times> {
    Ok(Times {
        sum_ms: row.get(first)?,
        count: row.get(first + 1)?,
    })
}

fn entries_by_day(conditions: &Conditions<'_>, days: &Days) -> Sql {
    Sql::new("SELECT ")
        .add(days.place_of("s.created_at"))
        .push(
            " AS day, s.entry_page, count(*), count(*) FILTER (s.is_bounce)
            FROM sessions s WHERE ",
        )
        .add(conditions.began())
        .push(" GROUP BY day, s.entry_page")
        .push(&at_most())
}

fn entries(row: &Row<'_>) -> duckdb::Result<Entries> {
    Ok(Entries {
        entries: row.get(2)?,
        bounces: row.get(3)?,
    })
}

/// One more tells that there are too many.
fn at_most() -> String {
    format!(" LIMIT {}", MOST_PAGES + 1)
}

/// The days with views whose places are not known.
fn unplaced_days(
    connection: &Connection,
    conditions: &Conditions<'_>,
    days: &Days,
) -> Result<Vec<usize>, Fault> {
    Sql::new("SELECT DISTINCT ")
        .add(days.place_of("e.created_at"))
        .push(" FROM events e WHERE e.is_first_view IS NULL AND ")
        .add(conditions.events_happened())
        .query(connection, |row| row.get(0))
}

/// What there is of each page in all days together; `None` when a day does not know.
fn sum(days: &[Arc<PagesPart>]) -> Option<HashMap<u32, PageCounts>> {
    let mut pages = HashMap::<u32, (i64, PageCounts)>::new();
    for day in days {
        for (page, views) in &day.0.as_ref()?.views {
            let (titled_at, sum) = pages.entry(*page).or_insert_with(|| {
                let page = views.page.clone();
                let none = PageCounts {
                    page,
                    ..PageCounts::default()
                };
                (i64::MIN, none)
            });
            if !views.title.is_empty() && views.titled_at > *titled_at {
                *titled_at = views.titled_at;
                sum.title.clone_from(&views.title);
            }
            sum.sessions += views.firsts;
            sum.views += views.views;
            sum.revenue = sum.revenue.saturating_add(views.revenue);
        }
    }
    for day in days {
        let DayPages { times, entries, .. } = day.0.as_ref()?;
        for (page, times) in times {
            if let Some((_, sum)) = pages.get_mut(page) {
                sum.time_sum_ms += times.sum_ms;
                sum.time_count += times.count;
            }
        }
        for (page, entries) in entries {
            if let Some((_, sum)) = pages.get_mut(page) {
                sum.entries += entries.entries;
                sum.entry_bounces += entries.bounces;
            }
        }
    }
    let pages = pages.into_iter().map(|(page, (_, sum))| (page, sum));
    Some(pages.collect())
}

/// In the order of pages that are counted at once.
fn in_order(mut pages: Vec<PageCounts>) -> Vec<PageCounts> {
    pages.sort_unstable_by(|a, b| {
        let (most, texts) = ((b.sessions, b.views), (&a.page.origin, &a.page.path));
        let order = most.cmp(&(a.sessions, a.views));
        order.then_with(|| texts.cmp(&(&b.page.origin, &b.page.path)))
    });
    pages
}
