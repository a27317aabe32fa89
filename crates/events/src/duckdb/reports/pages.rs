//! What was seen, page by page: `docs/contract/insights.md` §7.3, §7.6 and §7.7.

mod days;
mod seen;

use duckdb::Connection;
use paneld_analytics::{
    EdgesRequest, PageAddress, PageCounts, PagesRequest, Paging, PerformanceRequest,
};

pub(crate) use self::days::PagesPart;
use self::seen::{Seen, seen};
use super::session_counts::{COUNTS, session_counts};
use crate::{
    CountedEdge, Scope,
    duckdb::{
        counted::Parts,
        fault::Fault,
        sql::{Conditions, Dialect, Sql, of_project},
    },
};

/// The pages that were seen, those with most sessions first.
pub(super) fn count(
    connection: &Connection,
    known: &Parts<PagesPart, ()>,
    scope: &Scope,
    request: &PagesRequest,
) -> Result<Vec<PageCounts>, Fault> {
    let began = known.now();
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: request.window,
        filters: &request.filters,
    };
    let snapshot = connection.unchecked_transaction()?;
    if request.filters.is_empty()
        && let Some(pages) = days::count(&snapshot, known, began, &conditions, request.paging)?
    {
        return Ok(pages);
    }
    let pages = seen(&snapshot, &conditions)?
        .sql
        .push(", ")
        .add(entries(&conditions))
        .push(" SELECT ")
        .push(SEEN)
        .push(
            ", coalesce(entered.entries, 0), coalesce(entered.bounces, 0), 0::UBIGINT
            FROM seen LEFT JOIN entered USING (page)",
        );
    in_order(pages, request.paging).query(&snapshot, page_counts)
}

/// The thousand pages with most sessions among those that are looked for.
pub(super) fn performance(
    connection: &Connection,
    scope: &Scope,
    request: &PerformanceRequest,
) -> Result<Vec<PageCounts>, Fault> {
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: request.window,
        filters: &[],
    };
    let snapshot = connection.unchecked_transaction()?;
    let Seen { sql, lone_views } = seen(&snapshot, &conditions)?;
    // Who left at once saw one page once.
    let mut pages = sql
        .push(", left_at_once AS (SELECT p.untitled AS page, count(*) AS bounces FROM ")
        .add(lone_views)
        .push(" JOIN sessions s ON s.id = v.session AND s.is_bounce AND ")
        .add(of_project("s", scope.key))
        .push(" JOIN pages p ON p.number = v.page AND ")
        .add(of_project("p", scope.key))
        .push(" GROUP BY p.untitled) SELECT ")
        .push(SEEN)
        .push(
            ", 0::UBIGINT, 0::UBIGINT, coalesce(left_at_once.bounces, 0)
            FROM seen LEFT JOIN left_at_once USING (page)",
        );
    if let Some(search) = &request.search {
        let texts = ["seen.path", "seen.origin", "seen.title"];
        let found = texts.map(|text| {
            Sql::new(&format!("contains({text}, "))
                .add(Sql::text(search))
                .push(")")
        });
        pages = pages.push(" WHERE ").add(Sql::any(found));
    }
    in_order(pages, Paging::default()).query(&snapshot, page_counts)
}

/// The pages with which sessions began or ended, those with most sessions first.
pub(super) fn edges(
    connection: &Connection,
    scope: &Scope,
    request: &EdgesRequest,
) -> Result<Vec<CountedEdge>, Fault> {
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: request.window,
        filters: &request.filters,
    };
    let edge = request.edge.name();
    Sql::new(&format!(
        "SELECT s.{edge}_origin AS origin, s.{edge}_path AS path, {COUNTS} FROM sessions s WHERE "
    ))
    .add(conditions.sessions())
    .push(&format!(
        " GROUP BY origin, path ORDER BY session_count DESC, view_count DESC, origin, path
        LIMIT {}",
        Paging::MOST
    ))
    .query(connection, |row| {
        Ok(CountedEdge {
            page: PageAddress {
                origin: row.get(0)?,
                path: row.get(1)?,
            },
            counts: session_counts(row, 2)?,
        })
    })
}

/// The columns that come first in what [`page_counts`] reads.
const SEEN: &str = "seen.origin, seen.path, seen.title, seen.sessions, seen.views, seen.time_sum,
    seen.time_count, seen.revenue";

/// `entered`: the sessions that began with a page, and how many of them bounced.
fn entries(conditions: &Conditions<'_>) -> Sql {
    Sql::new(
        "entered AS (SELECT s.entry_page AS page, count(*) AS entries,
            count(*) FILTER (s.is_bounce) AS bounces FROM sessions s WHERE ",
    )
    .add(conditions.began())
    .push(" AND ")
    .add(conditions.session_matches())
    .push(" GROUP BY s.entry_page)")
}

fn in_order(pages: Sql, paging: Paging) -> Sql {
    pages
        .push(" ORDER BY seen.sessions DESC, seen.views DESC, seen.origin, seen.path LIMIT ")
        .add(Sql::count(paging.limit.into()))
        .push(" OFFSET ")
        .add(Sql::count(paging.offset))
}

fn page_counts(row: &duckdb::Row<'_>) -> duckdb::Result<PageCounts> {
    Ok(PageCounts {
        page: PageAddress {
            origin: row.get(0)?,
            path: row.get(1)?,
        },
        title: row.get(2)?,
        sessions: row.get(3)?,
        views: row.get(4)?,
        time_sum_ms: row.get(5)?,
        time_count: row.get(6)?,
        revenue: row.get(7)?,
        entries: row.get(8)?,
        entry_bounces: row.get(9)?,
        bounces: row.get(10)?,
    })
}
