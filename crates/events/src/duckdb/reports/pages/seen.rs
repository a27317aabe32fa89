//! What was seen of each page, in one of two ways that give the same.
//!
//! Views know their places in their sessions, so that counting the sessions that saw a page is
//! counting first views, and time on a page is a sum. Only sessions at the beginning of the window
//! have to be looked at: their first view of a page may lie before it. Where places are not known,
//! and where filters could tell two views of one page and session apart, views are sorted and
//! sessions are told apart instead.

use duckdb::Connection;
use paneld_analytics::{Column, Field, Filter};
use paneld_domain::Timestamp;

use crate::duckdb::{
    fault::Fault,
    sql::{Conditions, Rows, Sql, of_project},
    write::views::BESIDE_SESSION,
};

/// The columns of `seen`: the number of the page, its origin, path and title, sessions, views,
/// time until the next view of the session, over how many views, and revenue.
pub(super) struct Seen {
    /// `WITH …`, to be gone on with.
    pub(super) sql: Sql,
    /// Views `v` that may be the only ones of their sessions: a source with `page`, which is that
    /// with a title, and `session`.
    pub(super) lone_views: Sql,
}

/// What was seen of the pages that match.
pub(super) fn seen(connection: &Connection, conditions: &Conditions<'_>) -> Result<Seen, Fault> {
    let is_about_pages = conditions.filters.iter().all(is_about_page);
    if is_about_pages && !has_unplaced_views(connection, conditions)? {
        return placed(connection, conditions);
    }
    Ok(sorted(conditions))
}

/// Whether all views of a page fulfil it, or none.
fn is_about_page(filter: &Filter) -> bool {
    matches!(filter.field(), Field::Column(Column::Path | Column::Origin))
}

/// Whether there are views whose places are not known.
fn has_unplaced_views(connection: &Connection, conditions: &Conditions<'_>) -> Result<bool, Fault> {
    Sql::new("SELECT EXISTS (SELECT 1 FROM events e WHERE e.is_first_view IS NULL AND ")
        .add(conditions.events_happened())
        .push(")")
        .query_row(connection, |row| row.get(0))
}

/// What both ways count alike of the views of a page with one title.
pub(super) const COUNTED: &str =
    "count(*) AS views, sum(revenue) AS revenue, max(created_at) AS seen_last";

/// The same of a page with all its titles, from `titled`: told apart by columns before, if there
/// are any, and with more sums behind.
pub(super) fn with_all_titles(conditions: &Conditions<'_>, by: &str, more: &str) -> Sql {
    Sql::new(&format!(
        "SELECT {by}p.untitled AS page, p.origin, p.path,
            coalesce(arg_max(p.title, (seen_last, p.number)) FILTER (p.title <> ''), '') AS title,
            sum(views)::UBIGINT AS views,
            least(sum(revenue), 18446744073709551615)::UBIGINT AS revenue{more}
        FROM titled JOIN pages p ON p.number = titled.page AND "
    ))
    .add(of_project("p", conditions.scope.key))
    .push(&format!(" GROUP BY {by}p.untitled, p.origin, p.path"))
}

fn placed(connection: &Connection, conditions: &Conditions<'_>) -> Result<Seen, Fault> {
    let edge = Edge::of(connection, conditions)?;
    let views = views(conditions);
    let sql = Sql::new("WITH titled AS (SELECT e.page, ")
        .push(COUNTED)
        .push(", count(*) FILTER (is_first_view) AS firsts FROM events e WHERE ")
        .add(views.clone())
        .push(" GROUP BY e.page), counted AS (")
        .add(with_all_titles(
            conditions,
            "",
            ", sum(firsts)::BIGINT AS firsts",
        ))
        .push("), at_edge AS (")
        .add(edge.missing(conditions))
        .push(
            "), timed AS (
                SELECT previous_page AS page, sum(previous_duration) AS time_sum,
                    count(*) AS time_count
                FROM events e WHERE ",
        )
        .add(conditions.events_happened())
        .push(" AND e.previous_page <> 0 GROUP BY previous_page), timed_before AS (")
        .add(edge.timed_before(conditions))
        .push(
            "), seen AS (
                SELECT page, origin, path, title, firsts + coalesce(missing, 0) AS sessions, views,
                    (coalesce(time_sum, 0) - coalesce(time_before, 0))::UBIGINT AS time_sum,
                    coalesce(time_count, 0) - coalesce(count_before, 0) AS time_count, revenue
                FROM counted LEFT JOIN at_edge USING (page) LEFT JOIN timed USING (page)
                    LEFT JOIN timed_before USING (page)
            )",
        );
    let lone_views = Sql::new("(SELECT e.page, e.session_id AS session FROM events e WHERE ")
        .add(views)
        .push(" AND e.previous_page = 0 AND e.previous_duration = 0) v");
    Ok(Seen { sql, lone_views })
}

/// That the event `e` is a view that matches, of a page that is known.
pub(super) fn views(conditions: &Conditions<'_>) -> Sql {
    conditions
        .events_happened()
        .push(" AND e.page <> 0 AND ")
        .add(conditions.events_match())
}

/// Sessions that began before the window and go on in it.
pub(super) struct Edge {
    /// That the event `e` is one of theirs.
    theirs: Sql,
}

impl Edge {
    /// By page, how many of them saw it in the window for the first time before.
    pub(super) fn missing(&self, conditions: &Conditions<'_>) -> Sql {
        Sql::new(
            "SELECT p.untitled AS page,
                count(DISTINCT session_id) - count(*) FILTER (is_first_view) AS missing
            FROM (SELECT e.page, e.session_id, e.is_first_view FROM events e WHERE ",
        )
        .add(views(conditions))
        .push(" AND ")
        .add(self.theirs.clone())
        .push(") v JOIN pages p ON p.number = v.page AND ")
        .add(of_project("p", conditions.scope.key))
        .push(" GROUP BY p.untitled")
    }

    /// By page, the times that began before the window, and how many they are.
    pub(super) fn timed_before(&self, conditions: &Conditions<'_>) -> Sql {
        Sql::new(
            "SELECT previous_page AS page, sum(previous_duration)::UBIGINT AS time_before,
                count(*) AS count_before
            FROM events e WHERE ",
        )
        .add(conditions.events_happened())
        .push(" AND e.previous_page <> 0 AND e.previous_duration > epoch_ms(e.created_at) - ")
        .add(Sql::number(conditions.window.start.timestamp_millis()))
        .push(" AND ")
        .add(self.theirs.clone())
        .push(" GROUP BY previous_page")
    }

    pub(super) fn of(connection: &Connection, conditions: &Conditions<'_>) -> Result<Self, Fault> {
        let start = conditions.window.start;
        let reach_over = of_project("s", conditions.scope.key)
            .push(" AND s.created_at < ")
            .add(Sql::time(start + BESIDE_SESSION))
            .push(" AND s.ended_at >= ")
            .add(Sql::time(start - BESIDE_SESSION));
        // Until when their events are, so that only that time is looked at.
        let last = Sql::new("SELECT epoch_ms(max(s.ended_at)) FROM sessions s WHERE ")
            .add(reach_over.clone())
            .query_row(connection, |row| row.get::<_, Option<i64>>(0))?;
        let Some(last) = last.and_then(Timestamp::from_timestamp_millis) else {
            let theirs = Sql::new("FALSE");
            return Ok(Self { theirs });
        };
        let theirs = Sql::new("e.created_at <= ")
            .add(Sql::time(last + BESIDE_SESSION))
            .push(" AND e.session_id IN (SELECT s.id FROM sessions s WHERE ")
            .add(reach_over)
            .push(")");
        Ok(Self { theirs })
    }
}

fn sorted(conditions: &Conditions<'_>) -> Seen {
    let of_views = conditions.filters.iter();
    let of_views = of_views.filter(|filter| !is_about_page(filter));
    let of_views = of_views.map(|filter| conditions.matches(filter, Rows::Events));
    // What comes after a view is any other view of the session, whether it matches or not. So the
    // filters choose sessions first, and views only then.
    let sql = Sql::new(
        "WITH views AS (
            SELECT e.page, e.created_at, e.revenue, nullif(e.session_id, '') AS session,
                CASE WHEN e.session_id <> '' THEN epoch_ms(lead(e.created_at) OVER (
                    PARTITION BY e.session_id ORDER BY e.created_at, e.id
                )) - epoch_ms(e.created_at) END AS duration, ",
    )
    .add(conditions.events_match())
    .push(" AS is_wanted FROM events e WHERE e.name = 'screen_view' AND ")
    .add(conditions.events_happened())
    .push(
        " AND e.session_id IN (SELECT e.session_id FROM events e WHERE e.name = 'screen_view' AND ",
    )
    .add(conditions.events_happened())
    .push(" AND ")
    .add(Sql::all(of_views))
    .push(") QUALIFY is_wanted AND e.page <> 0), titled AS (SELECT page, ")
    .push(COUNTED)
    .push(" FROM views GROUP BY page), counted AS (")
    .add(with_all_titles(conditions, "", ""))
    .push(
        "), told_apart AS (
            SELECT p.untitled AS page, count(DISTINCT session) AS sessions,
                coalesce(sum(duration), 0)::UBIGINT AS time_sum, count(duration) AS time_count
            FROM views JOIN pages p ON p.number = views.page AND ",
    )
    .add(of_project("p", conditions.scope.key))
    .push(
        " GROUP BY p.untitled
        ), seen AS (
            SELECT page, origin, path, title, sessions, views, time_sum, time_count, revenue
            FROM counted JOIN told_apart USING (page)
        )",
    );
    Seen {
        sql,
        lone_views: Sql::new("views v"),
    }
}
