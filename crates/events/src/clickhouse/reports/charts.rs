//! Charts: `docs/contract/export.md` §6.

use clickhouse::{Client, Row};
use paneld_analytics::{
    Aggregate, Buckets, ChartItem, ChartRequest, ChartRows, CountedSeries, EventItem, Measure,
};
use serde::Deserialize;

use super::place;
use crate::{
    EventsError, Scope,
    clickhouse::{
        fault::Fault,
        sql::{ChartValues, Conditions, Dialect, Joined, Sql, bucket_of, next_row, of_project},
        store::ClickHouseStore,
    },
    labels::may_be_long,
};

impl ClickHouseStore {
    pub(crate) async fn chart(
        &self,
        scope: Scope,
        request: ChartRequest,
    ) -> Result<ChartRows, EventsError> {
        self.read(async |client| {
            let mut rows = ChartRows::default();
            for item in request.items() {
                let (current, previous) = match item {
                    ChartItem::Events(item) => {
                        let chart = Chart {
                            scope: &scope,
                            request: &request,
                            item,
                        };
                        chart.count(&client).await?
                    }
                    ChartItem::Formula(_) => (Vec::new(), Vec::new()),
                };
                rows.current.push(current);
                rows.previous.push(previous);
            }
            Ok(rows)
        })
        .await
    }
}

type Series = Vec<CountedSeries>;

/// One item of a chart.
struct Chart<'a> {
    scope: &'a Scope,
    request: &'a ChartRequest,
    item: &'a EventItem,
}

#[derive(Row, Deserialize)]
struct SeriesRow {
    labels: Vec<String>,
    people: u64,
    points: Vec<(u64, f64)>,
}

impl Chart<'_> {
    /// The series of its window, and of the one before.
    async fn count(&self, client: &Client) -> Result<(Series, Series), Fault> {
        let current = self.series(client, self.request.buckets(), None).await?;
        let previous = match self.request.previous() {
            Some(buckets) if !current.is_empty() => {
                self.series(client, buckets, Some(&current)).await?
            }
            _ => Vec::new(),
        };
        Ok((current, previous))
    }

    /// The series with the greatest sums, in the order of their labels; where others are given,
    /// only those with their labels.
    async fn series(
        &self,
        client: &Client,
        buckets: &Buckets,
        like: Option<&[CountedSeries]>,
    ) -> Result<Series, Fault> {
        let (value, most) = (self.value(), ChartRequest::MOST_SERIES);
        // Everybody is told apart once in a bucket, and from there in all of them.
        let people = match self.item.measure {
            Measure::OncePerUser => "toUInt64(0)",
            _ => "uniqExactMerge(people)",
        };
        let series = self
            .rows(buckets)?
            .push(&format!(
                ", points AS (
                    SELECT labels, bucket, toFloat64(ifNull({value}, 0)) AS value,
                        uniqExactStateIf(visitor, visitor <> 0) AS people
                    FROM rows"
            ))
            .add(only_like(like))
            .push(&format!(
                " GROUP BY labels, bucket)
                SELECT labels, {people} AS people, groupArray((bucket, value)) AS points
                FROM points GROUP BY labels ORDER BY sum(value) DESC, labels LIMIT {most}"
            ));
        let mut cursor = series.cursor::<SeriesRow>(client)?;
        let (mut series, mut count) = (Series::new(), 0);
        while let Some(SeriesRow {
            labels,
            people,
            points,
        }) = next_row(&mut cursor).await?
        {
            count += points.len();
            let points = points.into_iter();
            let points = points.map(|(bucket, value)| (bucket as usize, value));
            let mut points = points.collect::<Vec<_>>();
            points.sort_unstable_by_key(|(bucket, _value)| *bucket);
            series.push(CountedSeries {
                labels,
                people,
                points,
            });
            // Whoever makes an answer of these sees that they are too many.
            if count > ChartRequest::MOST_POINTS {
                break;
            }
        }
        series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }

    /// `rows`: what counts of the events of the window, with bucket and labels.
    fn rows(&self, buckets: &Buckets) -> Result<Sql, Fault> {
        let conditions = Conditions {
            dialect: Dialect::ClickHouse,
            scope: self.scope,
            window: buckets.window(),
            filters: &self.item.filters,
        };
        let values = ChartValues::of(&conditions, self.request, self.item);
        let values = values.ok_or_else(|| Fault::Data("only sessions have that".into()))?;
        let breakdowns = self.request.breakdowns().iter().zip(&values.labels);
        let labels = breakdowns.map(|(breakdown, label)| {
            let text = label.text.clone();
            if may_be_long(&breakdown.field) {
                let most = format!(", {})", ChartRequest::LONGEST_LABEL);
                return Sql::new("leftUTF8(").add(text).push(&most);
            }
            Sql::new("toString(").add(text).push(")")
        });
        let labels = Sql::new("CAST([").add(Sql::join(labels, ", "));
        let mut sql = Sql::new("WITH rows AS (SELECT ")
            .add(place(bucket_of(
                Dialect::ClickHouse,
                "e.created_at",
                buckets,
            )))
            .push(" AS bucket, e.visitor AS visitor, e.session AS session, ")
            .add(labels)
            .push("], 'Array(String)') AS labels");
        if values.is_by_group {
            sql = sql.push(", e.group_id AS group_id");
        }
        if let Some(number) = &values.number {
            sql = sql.push(", ").add(number.number.clone()).push(" AS number");
        }
        sql = sql
            .push(" FROM ")
            .add(self.source(&conditions, values.is_by_group));
        for (joined, table, alias, id) in [
            (Joined::Profile, "profiles", "p", "e.profile_id"),
            (Joined::Group, "groups", "g", "e.group_id"),
        ] {
            if values.needs(joined) {
                sql = sql
                    .push(&format!(" LEFT JOIN (SELECT * FROM {table} FINAL WHERE "))
                    .add(of_project(table, self.scope.key))
                    .push(&format!(") {alias} ON {alias}.id = {id}"));
            }
        }
        if let Some(number) = values.number {
            sql = sql.push(" WHERE ").add(number.text).push(" <> ''");
        }
        Ok(sql.push(")"))
    }

    /// The events `e` that count; for each of its groups one, when there have to be groups.
    fn source(&self, conditions: &Conditions<'_>, is_by_group: bool) -> Sql {
        let group = if is_by_group {
            ", arrayJoin(arrayDistinct(e.groups)) AS group_id"
        } else {
            ""
        };
        let once = self.item.measure == Measure::OncePerUser;
        let mut events = Sql::new("(SELECT e.*, e.visitor AS visitor, e.session AS session")
            .push(if once { "" } else { group })
            .push(" FROM events e WHERE ")
            .add(conditions.events());
        if let Some(name) = &self.item.name {
            events = events.push(" AND e.name = ").add(Sql::text(name));
        }
        if once {
            events = events
                .push(" AND e.visitor <> 0 ORDER BY e.created_at DESC, e.id LIMIT 1 BY e.visitor");
        }
        events = events.push(") e");
        if once && is_by_group {
            return Sql::new("(SELECT e.*")
                .push(group)
                .push(" FROM ")
                .add(events)
                .push(") e");
        }
        events
    }

    fn value(&self) -> &'static str {
        match &self.item.measure {
            Measure::Events | Measure::OncePerUser => "count()",
            Measure::Users => "uniqExactIf(visitor, visitor <> 0)",
            Measure::Sessions => "uniqExactIf(session, session <> 0)",
            Measure::Groups => "uniqExact(group_id)",
            Measure::EventsPerUser => "count() / nullIf(uniqExactIf(visitor, visitor <> 0), 0)",
            Measure::Numbers(Aggregate::Sum, _) => "sum(number)",
            Measure::Numbers(Aggregate::Average, _) => "avg(number)",
            Measure::Numbers(Aggregate::Min, _) => "min(number)",
            Measure::Numbers(Aggregate::Max, _) => "max(number)",
        }
    }
}

/// Restricts rows to labels that others have.
fn only_like(like: Option<&[CountedSeries]>) -> Sql {
    let Some(like) = like.filter(|like| like.iter().any(|series| !series.labels.is_empty())) else {
        return Sql::default();
    };
    let labels = like.iter().map(|series| {
        let labels = series.labels.iter().map(|label| Sql::text(label));
        Sql::new("[").add(Sql::join(labels, ", ")).push("]")
    });
    Sql::new(" WHERE has([")
        .add(Sql::join(labels, ", "))
        .push("], labels)")
}
