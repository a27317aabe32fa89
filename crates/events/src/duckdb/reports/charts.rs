//! Charts: `docs/contract/export.md` §6.
//!
//! What is most often asked, how many events or people, is counted here in one look at the rows
//! ([`one_look`]). Everything else, and what has too many labels for that, is counted by DuckDB.

mod one_look;
mod people;

use duckdb::Connection;
use paneld_analytics::{
    Aggregate, Buckets, ChartItem, ChartRequest, ChartRows, CountedSeries, EventItem, Measure,
};

use self::one_look::{Count, Look};
use crate::{
    Scope,
    duckdb::{
        fault::Fault,
        sql::{ChartValues, Conditions, Dialect, Joined, Sql, bucket_of, of_project},
    },
    labels::may_be_long,
};

/// Counts the items of a chart, in its window and in the one before.
pub(super) fn count(
    connection: &Connection,
    scope: &Scope,
    request: &ChartRequest,
) -> Result<ChartRows, Fault> {
    // All of one moment.
    let snapshot = connection.unchecked_transaction()?;
    let mut rows = ChartRows::default();
    for item in request.items() {
        let (current, previous) = match item {
            ChartItem::Events(item) => count_item(&snapshot, &Chart::of(scope, request, item))?,
            ChartItem::Formula(_) => (Vec::new(), Vec::new()),
        };
        rows.current.push(current);
        rows.previous.push(previous);
    }
    Ok(rows)
}

type Series = Vec<CountedSeries>;

fn count_item(connection: &Connection, chart: &Chart<'_>) -> Result<(Series, Series), Fault> {
    let current = chart.series(connection, chart.request.buckets(), None)?;
    let previous = match chart.request.previous() {
        Some(buckets) if !current.is_empty() => {
            chart.series(connection, buckets, Some(&current))?
        }
        _ => Vec::new(),
    };
    Ok((current, previous))
}

/// One item of a chart.
struct Chart<'a> {
    scope: &'a Scope,
    request: &'a ChartRequest,
    item: &'a EventItem,
    /// The columns of labels: `l0, l1`.
    labels: String,
}

impl<'a> Chart<'a> {
    fn of(scope: &'a Scope, request: &'a ChartRequest, item: &'a EventItem) -> Self {
        let places = 0..request.breakdowns().len();
        let labels = places.map(|place| format!("l{place}")).collect::<Vec<_>>();
        Self {
            scope,
            request,
            item,
            labels: labels.join(", "),
        }
    }

    /// The series of a window; where others are given, only those with their labels.
    fn series(
        &self,
        connection: &Connection,
        buckets: &Buckets,
        like: Option<&[CountedSeries]>,
    ) -> Result<Series, Fault> {
        let rows = self.rows(buckets)?;
        if let Some(count) = Count::of(&self.item.measure) {
            let look = Look {
                rows: &rows,
                breakdowns: self.request.breakdowns().len(),
                buckets,
                count,
            };
            if let Some(series) = look.series(connection, like)? {
                return Ok(series);
            }
        }
        let mut series = self.points(connection, rows.clone(), like)?;
        if self.item.measure != Measure::OncePerUser && !series.is_empty() {
            self.count_people(connection, rows, &mut series)?;
        }
        Ok(series)
    }

    /// `rows`: what counts of the events of the window, with bucket and labels.
    fn rows(&self, buckets: &Buckets) -> Result<Sql, Fault> {
        let conditions = Conditions {
            dialect: Dialect::DuckDb,
            scope: self.scope,
            window: buckets.window(),
            filters: &self.item.filters,
        };
        let values = ChartValues::of(&conditions, self.request, self.item);
        let values = values.ok_or_else(|| Fault::Data("only sessions have that".into()))?;

        let mut sql = Sql::new("WITH rows AS (SELECT ")
            .add(bucket_of(Dialect::DuckDb, "e.created_at", buckets))
            .push(" AS bucket, e.created_at, e.visitor, e.session_id, e.row");
        for (place, label) in values.labels.iter().enumerate() {
            sql = sql.push(", ");
            sql = match self.request.breakdowns().get(place) {
                Some(breakdown) if may_be_long(&breakdown.field) => {
                    let most = format!(", {})", ChartRequest::LONGEST_LABEL);
                    sql.push("left(").add(label.text.clone()).push(&most)
                }
                _ => sql.add(label.text.clone()),
            };
            sql = sql.push(&format!(" AS l{place}"));
        }
        if values.is_by_group {
            sql = sql.push(", e.group_id");
        }
        if let Some(number) = &values.number {
            sql = sql.push(", ").add(number.number.clone()).push(" AS number");
        }
        sql = sql
            .push(" FROM ")
            .add(self.source(&conditions, values.is_by_group));
        if values.needs(Joined::Profile) {
            let of_project = of_project("p", self.scope.key);
            sql = sql.push(" LEFT JOIN profiles p ON p.id = e.profile_id AND ");
            sql = sql.add(of_project);
        }
        if values.needs(Joined::Group) {
            let of_project = of_project("g", self.scope.key);
            sql = sql.push(" LEFT JOIN groups g ON g.id = e.group_id AND ");
            sql = sql.add(of_project);
        }
        if let Some(number) = values.number {
            sql = sql.push(" WHERE ").add(number.text).push(" <> ''");
        }
        Ok(sql.push(")"))
    }

    /// The events `e` that count; for each of its groups one, when there have to be groups.
    fn source(&self, conditions: &Conditions<'_>, is_by_group: bool) -> Sql {
        let mut events =
            Sql::new("(SELECT e.*, e.rowid AS row FROM events e WHERE ").add(conditions.events());
        if let Some(name) = &self.item.name {
            events = events.push(" AND e.name = ").add(Sql::text(name));
        }
        if self.item.measure == Measure::OncePerUser {
            events = events.push(
                " AND e.visitor <> 0 QUALIFY row_number() OVER (
                    PARTITION BY e.visitor ORDER BY e.created_at DESC, e.id
                ) = 1",
            );
        }
        events = events.push(") e");
        if !is_by_group {
            return events;
        }
        Sql::new("(SELECT e.*, unnest(list_distinct(e.groups)) AS group_id FROM ")
            .add(events)
            .push(") e")
    }

    fn value(&self) -> &'static str {
        match &self.item.measure {
            Measure::Events | Measure::OncePerUser => "count(*)",
            Measure::Users => "count(DISTINCT nullif(visitor, 0))",
            Measure::Sessions => "count(DISTINCT nullif(session_id, ''))",
            Measure::Groups => "count(DISTINCT group_id)",
            Measure::EventsPerUser => "count(*) / nullif(count(DISTINCT nullif(visitor, 0)), 0)",
            Measure::Numbers(Aggregate::Sum, _) => "sum(number)",
            Measure::Numbers(Aggregate::Average, _) => "avg(number)",
            Measure::Numbers(Aggregate::Min, _) => "min(number)",
            Measure::Numbers(Aggregate::Max, _) => "max(number)",
        }
    }

    /// Restricts rows to labels that others have.
    fn only_like(&self, like: Option<&[CountedSeries]>) -> Sql {
        let Some(like) = like.filter(|_| !self.labels.is_empty()) else {
            return Sql::default();
        };
        let rows = like.iter().map(|series| {
            let labels = series.labels.iter().map(|label| Sql::text(label));
            Sql::new("(").add(Sql::join(labels, ", ")).push(")")
        });
        let labels = &self.labels;
        Sql::new(" SEMI JOIN (VALUES ")
            .add(Sql::join(rows, ", "))
            .push(&format!(") AS wanted({labels}) USING ({labels})"))
    }

    /// The values of the buckets; of all labels those with the greatest sums.
    fn points(
        &self,
        connection: &Connection,
        rows: Sql,
        like: Option<&[CountedSeries]>,
    ) -> Result<Series, Fault> {
        let (labels, value) = (&self.labels, self.value());
        // One more than can be shown tells that there are too many.
        let most = ChartRequest::MOST_POINTS + 1;
        let sql = if labels.is_empty() {
            rows.push(&format!(
                " SELECT bucket, coalesce({value}, 0)::DOUBLE AS value FROM rows
                GROUP BY bucket ORDER BY bucket"
            ))
        } else {
            rows.push(&format!(
                ", points AS (
                    SELECT bucket, {labels}, coalesce({value}, 0)::DOUBLE AS value FROM rows"
            ))
            .add(self.only_like(like))
            .push(&format!(
                " GROUP BY bucket, {labels}),
                top AS (SELECT {labels} FROM points GROUP BY {labels}
                    ORDER BY sum(value) DESC, {labels} LIMIT {})
                SELECT bucket, value, {labels} FROM points SEMI JOIN top USING ({labels})
                ORDER BY {labels}, bucket LIMIT {most}",
                ChartRequest::MOST_SERIES
            ))
        };
        let count = self.request.breakdowns().len();
        let mut series = Series::new();
        sql.query(connection, |row| {
            let point = (row.get::<_, usize>(0)?, row.get::<_, f64>(1)?);
            let labels = (0..count).map(|place| row.get::<_, String>(2 + place));
            let labels = labels.collect::<duckdb::Result<Vec<_>>>()?;
            match series.last_mut() {
                Some(last) if last.labels == labels => last.points.push(point),
                // The labels of a series are kept once, not with each of its points.
                _ => series.push(CountedSeries {
                    labels,
                    people: 0,
                    points: vec![point],
                }),
            }
            Ok(())
        })?;
        Ok(series)
    }

    /// Counts different profiles over the whole window.
    fn count_people(
        &self,
        connection: &Connection,
        rows: Sql,
        series: &mut [CountedSeries],
    ) -> Result<(), Fault> {
        let labels = &self.labels;
        let separator = if labels.is_empty() { "" } else { ", " };
        let mut sql = rows
            .push(&format!(
                " SELECT count(DISTINCT nullif(visitor, 0)){separator}{labels} FROM rows"
            ))
            .add(self.only_like(Some(series)));
        if !labels.is_empty() {
            sql = sql.push(&format!(" GROUP BY {labels}"));
        }
        let count = self.request.breakdowns().len();
        let counts = sql.query(connection, |row| {
            let labels = (0..count).map(|place| row.get::<_, String>(1 + place));
            Ok((labels.collect::<duckdb::Result<Vec<_>>>()?, row.get(0)?))
        })?;
        for (labels, people) in counts {
            // They are in the order of their labels.
            let place = series.binary_search_by(|series| series.labels.cmp(&labels));
            if let Some(series) = place.ok().and_then(|place| series.get_mut(place)) {
                series.people = people;
            }
        }
        Ok(())
    }
}
