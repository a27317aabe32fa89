//! What was seen, page by page: `contract/insights.md` §7.3, §7.6 and §7.7.

use duckdb::Connection;
use paneld_analytics::{
    PageAddress, PageCounts, PagesRequest, Paging, PerformanceRequest, SessionCounts, SessionEdge,
    Window,
};

use super::dimensions::{COUNTS, session_counts};
use crate::{
    Scope,
    conditions::Conditions,
    error::Fault,
    sql::{Sql, in_window, of_project},
};

/// Sessions that began or ended with the same page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedEdge {
    /// The page; both texts are empty where it is not known.
    pub page: PageAddress,
    /// What there is of them.
    pub counts: SessionCounts,
}

/// The pages that were seen, those with most sessions first.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: &PagesRequest,
) -> Result<Vec<PageCounts>, Fault> {
    let conditions = Conditions {
        scope,
        window: request.window,
        filters: &request.filters,
    };
    let seen = viewed(&conditions)
        .push(", seen AS (")
        .add(Sql::new(SEEN))
        .push(" GROUP BY origin, path), ")
        .add(entries(&conditions))
        .push(
            " SELECT seen.*, coalesce(entered.entries, 0), coalesce(entered.bounces, 0), 0::UBIGINT
            FROM seen LEFT JOIN entered USING (origin, path)",
        );
    let snapshot = connection.unchecked_transaction()?;
    in_order(seen, request.paging).query(&snapshot, page_counts)
}

/// The thousand pages with most sessions among those that are looked for.
pub(super) fn performance(
    connection: &Connection,
    scope: &Scope,
    request: &PerformanceRequest,
) -> Result<Vec<PageCounts>, Fault> {
    let conditions = Conditions {
        scope,
        window: request.window,
        filters: &[],
    };
    let mut seen = viewed(&conditions)
        .push(", bounced AS (SELECT s.id AS session FROM sessions s WHERE s.is_bounce AND ")
        .add(of_project("s", scope.key))
        .push("), seen AS (")
        .add(Sql::new(SEEN))
        .push(" GROUP BY origin, path")
        .push(
            "), left_at_once AS (
                SELECT origin, path, count(DISTINCT session) AS bounces FROM views
                WHERE session IN (SELECT session FROM bounced) GROUP BY origin, path
            )
            SELECT seen.*, 0::UBIGINT, 0::UBIGINT, coalesce(left_at_once.bounces, 0)
            FROM seen LEFT JOIN left_at_once USING (origin, path)",
        );
    if let Some(search) = &request.search {
        let texts = ["seen.path", "seen.origin", "seen.title"];
        let found = texts.map(|text| {
            Sql::new(&format!("contains({text}, "))
                .add(Sql::text(search))
                .push(")")
        });
        seen = seen.push(" WHERE ").add(Sql::any(found));
    }
    let snapshot = connection.unchecked_transaction()?;
    in_order(seen, Paging::default()).query(&snapshot, page_counts)
}

/// The pages with which sessions began or ended, those with most sessions first.
pub(super) fn edges(
    connection: &Connection,
    scope: &Scope,
    window: Window,
    edge: SessionEdge,
) -> Result<Vec<CountedEdge>, Fault> {
    let edge = edge.name();
    Sql::new(&format!(
        "SELECT s.{edge}_origin AS origin, s.{edge}_path AS path, {COUNTS} FROM sessions s WHERE "
    ))
    .add(of_project("s", scope.key))
    .push(" AND ")
    .add(in_window("s", window))
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

/// `views`: the screen views that match, and how long it took until the session's next one.
fn viewed(conditions: &Conditions<'_>) -> Sql {
    Sql::new(
        "WITH views AS (
            SELECT e.origin, e.path, e.created_at, e.revenue, nullif(e.session_id, '') AS session,
                coalesce(e.properties['__title'], '') AS title,
                CASE WHEN e.session_id <> '' THEN epoch_ms(lead(e.created_at) OVER (
                    PARTITION BY e.session_id ORDER BY e.created_at, e.id
                )) - epoch_ms(e.created_at) END AS gap, ",
    )
    .add(conditions.events_match())
    .push(" AS wanted FROM events e WHERE e.name = 'screen_view' AND ")
    .add(conditions.events_happened())
    .push(" QUALIFY wanted AND e.path <> '')")
}

/// The columns that come first in what [`page_counts`] reads.
const SEEN: &str = "SELECT origin, path,
        coalesce(arg_max(title, created_at) FILTER (title <> ''), '') AS title,
        count(DISTINCT session) AS sessions, count(*) AS views,
        coalesce(sum(gap), 0)::UBIGINT AS time_sum, count(gap) AS time_count,
        least(sum(revenue), 18446744073709551615)::UBIGINT AS revenue
    FROM views";

/// `entered`: the sessions that began with a page, and how many of them bounced.
fn entries(conditions: &Conditions<'_>) -> Sql {
    Sql::new(
        "entered AS (SELECT s.entry_origin AS origin, s.entry_path AS path, count(*) AS entries,
            count(*) FILTER (s.is_bounce) AS bounces FROM sessions s WHERE ",
    )
    .add(conditions.began())
    .push(" AND ")
    .add(conditions.session_matches())
    .push(" GROUP BY ALL)")
}

fn in_order(seen: Sql, paging: Paging) -> Sql {
    seen.push(" ORDER BY seen.sessions DESC, seen.views DESC, seen.origin, seen.path LIMIT ")
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
