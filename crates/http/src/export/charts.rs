//! Charts: `docs/contract/export.md` §5 to §8.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{
    ChartAnswer, ChartPoint, ChartRequest, ChartSeries, Delta, Interval, Summary,
};
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller};
use paneld_service::Reports;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::subject::subject;
use crate::{
    error::reply_for,
    ignored::ignore_beside,
    offload,
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::flag,
    },
};

/// A number, as JavaScript would print it: whole ones without a fraction.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = f64)]
struct Figure(f64);

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() <= LARGEST_EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is whole, and not too large"
            )]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

/// A chart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chart)]
pub(crate) struct ChartBody {
    /// Its series, those with the greatest sums first.
    series: Vec<SeriesBody>,
    /// What can be said of all of them together.
    metrics: MetricsBody,
}

/// A series of a chart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartSeries, example = json!({"id": "signup-a-signup-se",
    "names": ["signup", "SE"],
    "event": {"id": "A", "name": "signup", "breakdowns": {"country": "SE"}},
    "metrics": {"sum": 7, "average": 3.5, "min": 3, "max": 4, "count": 6},
    "data": [{"date": "2026-08-10 00:00:00", "count": 3},
        {"date": "2026-08-11 00:00:00", "count": 4}]}))]
struct SeriesBody {
    /// Different for each series of a chart; it means nothing.
    id: String,
    /// The name of the item, and a label for each breakdown; `(not set)` where it is empty.
    names: Vec<String>,
    /// The item.
    event: ItemBody,
    /// What can be said of the series as a whole.
    metrics: MetricsBody,
    /// A point for every part of the window.
    data: Vec<PointBody>,
}

/// An item of a chart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartItem)]
struct ItemBody {
    /// Its letter, by which formulas know it.
    id: String,
    /// The name of the events, `*` for all; or what a formula is called.
    name: String,
    /// The label of each breakdown; null where it is empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    breakdowns: BTreeMap<String, Option<String>>,
}

/// What can be said of values.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartMetrics)]
struct MetricsBody {
    /// Their sum.
    sum: Figure,
    /// The mean of those that are not 0.
    average: Figure,
    /// The least.
    min: Figure,
    /// The greatest.
    max: Figure,
    /// Different profiles in the whole window, of one series.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Figure>,
    /// What it was in the period before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<PreviousBody>,
}

/// What can be said of the values before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartMetricsBefore)]
struct PreviousBody {
    sum: ChangeBody,
    average: ChangeBody,
    min: ChangeBody,
    max: ChangeBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<ChangeBody>,
}

/// A figure of the period before, and how it went since.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartChange, example = json!({"value": 22, "diff": 13.6, "change": 13.64,
    "state": "positive"}))]
struct ChangeBody {
    /// The figure before.
    value: Figure,
    /// By how many percent the greater exceeds the smaller; null when they are equal, or one is 0.
    #[schema(required)]
    diff: Option<Figure>,
    /// By how many percent it rose, negative when it fell; null when it was 0.
    #[schema(required)]
    change: Option<Figure>,
    /// `positive`, `negative` or `neutral`.
    state: &'static str,
}

/// A point of a series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartPoint)]
struct PointBody {
    /// What the clock of the organization's zone shows where the part begins.
    date: String,
    /// The value.
    count: Figure,
    /// The value of the part at the same place in the period before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<ChangeBody>,
}

impl ChartBody {
    fn of(chart: ChartAnswer, interval: Interval) -> Self {
        let series = chart.series.into_iter();
        Self {
            series: series
                .map(|series| SeriesBody::of(series, interval))
                .collect(),
            metrics: MetricsBody::of(&chart.metrics, chart.previous.as_ref()),
        }
    }
}

impl SeriesBody {
    fn of(series: ChartSeries, interval: Interval) -> Self {
        let points = series.points.iter();
        Self {
            id: series.id,
            names: series.names,
            event: ItemBody {
                id: series.letter,
                name: series.name,
                breakdowns: series.breakdowns.into_iter().collect(),
            },
            metrics: MetricsBody::of(&series.metrics, series.previous.as_ref()),
            data: points.map(|point| PointBody::of(point, interval)).collect(),
        }
    }
}

impl PointBody {
    fn of(point: &ChartPoint, interval: Interval) -> Self {
        Self {
            date: point.label.for_charts(interval),
            count: Figure(point.value),
            previous: point.previous.as_ref().map(ChangeBody::of),
        }
    }
}

impl MetricsBody {
    fn of(metrics: &Summary<f64>, previous: Option<&Summary<Delta>>) -> Self {
        Self {
            sum: Figure(metrics.sum),
            average: Figure(metrics.average),
            min: Figure(metrics.min),
            max: Figure(metrics.max),
            count: metrics.count.map(Figure),
            previous: previous.map(|previous| PreviousBody {
                sum: ChangeBody::of(&previous.sum),
                average: ChangeBody::of(&previous.average),
                min: ChangeBody::of(&previous.min),
                max: ChangeBody::of(&previous.max),
                count: previous.count.as_ref().map(ChangeBody::of),
            }),
        }
    }
}

impl ChangeBody {
    fn of(change: &Delta) -> Self {
        Self {
            value: Figure(change.value),
            diff: change.diff.map(Figure),
            change: change.change.map(Figure),
            state: change.trend.name(),
        }
    }
}

query_parameters! {
    /// Of `/export/charts`.
    ChartQuery = [
        query::project().to_vec(),
        vec![
            query::chart_items("series", ChartRequest::MOST_ITEMS, "What is shown: a list of items"),
            query::chart_items(
                "events",
                ChartRequest::MOST_ITEMS,
                "The same, under an older name; ignored beside `series`",
            ),
            query::breakdowns(ChartRequest::MOST_BREAKDOWNS),
            query::interval(&Interval::ALL),
        ],
        query::window("`30d`").to_vec(),
        vec![query::optional(
            "previous",
            flag(),
            "Whether to compare with the window before",
        )],
    ]
    .concat();
}

/// A chart
///
/// Series over time. Items are `{"name", "filters"?, "segment"?, "property"?}`, where the name
/// `*` means all events, or formulas `{"type": "formula", "formula": "A / B * 100",
/// "displayName"?, "hideSeries"?}` over the items before them. Lists are JSON in one parameter,
/// the parameter repeated, or brackets: `series[0][name]=signup`. At most 10 items, 4 breakdowns,
/// 10000 points a series and 250000 in all; of more than 500 series of an item, those with the
/// greatest sums are shown.
#[utoipa::path(get, path = "/export/charts", tag = "Export",
    params(ChartQuery),
    responses((status = 200, description = "The chart", body = ChartBody),
        Report))]
pub(crate) async fn get_chart(
    request: HttpRequest,
    caller: Caller<permission::Export>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let mut query = offload::query(&request, reports.compute(&caller.0)).await?;
    let subject = subject(&request, &mut query, &caller, &reports).await?;
    ignore_beside(&request, &mut query, "events", "series");
    let (zone, now) = (subject.zone(), reports.now());
    let asked = offload::rest(query, subject.compute(), move |query| {
        query.chart(zone, now)
    });
    let asked = asked.await?;
    let interval = asked.interval();
    let chart = reports.chart(&subject, asked).await.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        Ok(ChartBody::of(chart, interval))
    })
    .await
}
