//! What was seen, page by page: `docs/contract/insights.md` §7.3, §7.6 and §7.7.

use clickhouse::Row;
use paneld_analytics::{
    Column, EdgesRequest, Field, Filter, PageAddress, PageCounts, PagesRequest, Paging,
    PerformanceRequest, Window,
};
use serde::Deserialize;

use super::{
    next_millis,
    session_counts::{Counted, counts, session_counts},
    sum_of_revenue,
};
use crate::{
    CountedEdge, EventsError, Scope,
    clickhouse::{
        sql::{Conditions, Dialect, Rows, Sql, of_project},
        store::ClickHouseStore,
    },
};

impl ClickHouseStore {
    pub(crate) async fn pages(
        &self,
        scope: Scope,
        request: PagesRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        let conditions = conditions(&scope, &request.filters, request.window);
        let pages = seen(&conditions, Sql::new("toUInt64(0)"))
            .push(", ")
            .add(entered(&conditions))
            .push(&format!(
                " SELECT {SEEN}, ifNull(entered.entries, 0) AS entries,
                    ifNull(entered.bounces, 0) AS entry_bounces
                FROM seen LEFT JOIN entered
                    ON entered.origin = seen.origin AND entered.path = seen.path"
            ));
        self.page_counts(in_order(pages, request.paging)).await
    }

    pub(crate) async fn page_performance(
        &self,
        scope: Scope,
        request: PerformanceRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        let conditions = conditions(&scope, &[], request.window);
        let sessions = Dialect::ClickHouse.table("sessions", "s");
        // Who left at once saw one page once.
        let bounces = Sql::new(&format!(
            "countIf(session IN (SELECT sipHash64(s.id) FROM {sessions} WHERE s.is_bounce AND "
        ))
        .add(of_project("s", scope.key))
        .push("))");
        let mut pages = seen(&conditions, bounces).push(&format!(
            " SELECT {SEEN}, toUInt64(0) AS entries, toUInt64(0) AS entry_bounces FROM seen"
        ));
        if let Some(search) = &request.search {
            let found = ["seen.path", "seen.origin", "seen.title"].map(|text| {
                Sql::new(&format!("position({text}, "))
                    .add(Sql::text(search))
                    .push(") > 0")
            });
            pages = pages.push(" WHERE ").add(Sql::any(found));
        }
        self.page_counts(in_order(pages, Paging::default())).await
    }

    pub(crate) async fn page_edges(
        &self,
        scope: Scope,
        request: EdgesRequest,
    ) -> Result<Vec<CountedEdge>, EventsError> {
        let conditions = conditions(&scope, &request.filters, request.window);
        let (edge, counts) = (request.edge.name(), counts());
        let (sessions, most) = (Dialect::ClickHouse.table("sessions", "s"), Paging::MOST);
        let edges = Sql::new(&format!(
            "SELECT toString(s.{edge}_origin) AS origin, s.{edge}_path AS path, {counts}
            FROM {sessions} WHERE "
        ))
        .add(conditions.sessions())
        .push(&format!(
            " GROUP BY origin, path ORDER BY session_count DESC, view_count DESC, origin, path
            LIMIT {most}"
        ));
        self.read(async |client| {
            let rows = edges.fetch::<Counted>(&client).await?.into_iter();
            let rows = rows.map(session_counts);
            let rows = rows.map(|(origin, path, counts)| CountedEdge {
                page: PageAddress { origin, path },
                counts,
            });
            Ok(rows.collect())
        })
        .await
    }

    async fn page_counts(&self, pages: Sql) -> Result<Vec<PageCounts>, EventsError> {
        self.read(async |client| {
            let rows = pages.fetch::<PageRow>(&client).await?.into_iter();
            Ok(rows.map(PageCounts::from).collect())
        })
        .await
    }
}

/// What both lists of pages tell of `seen`.
const SEEN: &str = "seen.origin AS origin, seen.path AS path, seen.title AS title,
    seen.sessions AS sessions, seen.views AS views, seen.time_sum AS time_sum,
    seen.time_count AS time_count, seen.revenue AS revenue, seen.bounces AS bounces";

#[derive(Row, Deserialize)]
struct PageRow {
    origin: String,
    path: String,
    title: String,
    sessions: u64,
    views: u64,
    time_sum: u64,
    time_count: u64,
    revenue: u64,
    bounces: u64,
    entries: u64,
    entry_bounces: u64,
}

impl From<PageRow> for PageCounts {
    fn from(row: PageRow) -> Self {
        Self {
            page: PageAddress {
                origin: row.origin,
                path: row.path,
            },
            title: row.title,
            sessions: row.sessions,
            views: row.views,
            time_sum_ms: row.time_sum,
            time_count: row.time_count,
            revenue: row.revenue,
            entries: row.entries,
            entry_bounces: row.entry_bounces,
            bounces: row.bounces,
        }
    }
}

fn conditions<'a>(scope: &'a Scope, filters: &'a [Filter], window: Window) -> Conditions<'a> {
    Conditions {
        dialect: Dialect::ClickHouse,
        scope,
        window,
        filters,
    }
}

/// Whether all views of a page fulfil it, or none.
fn is_about_page(filter: &Filter) -> bool {
    matches!(filter.field(), Field::Column(Column::Path | Column::Origin))
}

/// `seen`: by page what was seen of it, with another count of its views.
///
/// What comes after a view is any other view of the session, whether it matches or not. So the
/// filters choose sessions first, and views only then.
fn seen(conditions: &Conditions<'_>, bounces: Sql) -> Sql {
    let of_views = conditions.filters.iter();
    let of_views = of_views.filter(|filter| !is_about_page(filter));
    let of_views = of_views.map(|filter| conditions.matches(filter, Rows::Events));
    let of_views = of_views.collect::<Vec<_>>();
    let next = next_millis("PARTITION BY e.session");
    let mut views = Sql::new(&format!(
        "WITH views AS (
            SELECT toString(e.origin) AS origin, e.path AS path,
                e.properties['__title'] AS title, e.created_at AS created_at, e.id AS id,
                e.revenue AS revenue, e.session AS session,
                if(e.session <> 0, {next} - toUnixTimestamp64Milli(e.created_at), NULL)
                    AS duration, "
    ))
    .add(conditions.events_match())
    .push(" AS is_wanted FROM events e WHERE e.name = 'screen_view' AND ")
    .add(conditions.events_happened());
    if !of_views.is_empty() {
        views = views
            .push(
                " AND e.session IN (SELECT e.session FROM events e
                    WHERE e.name = 'screen_view' AND ",
            )
            .add(conditions.events_happened())
            .push(" AND ")
            .add(Sql::all(of_views))
            .push(")");
    }
    views
        .push(&format!(
            "), seen AS (
                SELECT origin, path, argMaxIf(title, (created_at, id), title <> '') AS title,
                    uniqExactIf(session, session <> 0) AS sessions, count() AS views,
                    toUInt64(ifNull(sum(duration), 0)) AS time_sum,
                    count(duration) AS time_count, {} AS revenue, ",
            sum_of_revenue("revenue")
        ))
        .add(bounces)
        .push(" AS bounces FROM views WHERE is_wanted AND path <> '' GROUP BY origin, path)")
}

/// `entered`: the sessions that began with a page, and how many of them bounced.
fn entered(conditions: &Conditions<'_>) -> Sql {
    let sessions = Dialect::ClickHouse.table("sessions", "s");
    Sql::new(&format!(
        "entered AS (SELECT toString(s.entry_origin) AS origin, s.entry_path AS path,
            count() AS entries, countIf(s.is_bounce) AS bounces FROM {sessions} WHERE "
    ))
    .add(conditions.began())
    .push(" AND ")
    .add(conditions.session_matches())
    .push(" GROUP BY origin, path)")
}

fn in_order(pages: Sql, paging: Paging) -> Sql {
    pages
        .push(" ORDER BY sessions DESC, views DESC, origin, path LIMIT ")
        .add(Sql::count(paging.limit.into()))
        .push(" OFFSET ")
        .add(Sql::count(paging.offset))
}
