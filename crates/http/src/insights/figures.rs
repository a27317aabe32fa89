//! Key figures, dimensions and what is marked on the timeline: `docs/contract/insights.md` §7.1,
//! §7.4, §7.5 and §7.6.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{
    Column, DefaultWindow, Dimension, DimensionRequest, DimensionRow, Field, Filter, Interval,
    Metrics, MetricsAnswer, MetricsRequest, Query, Window, WindowNames, WindowRequest, echo,
};
use paneld_auth::permission::{self, Permission};
use paneld_domain::{Problem, Timestamp, Zone};
use paneld_guard::{ApiError, Caller};
use paneld_service::{Annotated, Reports, Subject};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, path::Parameter},
};

use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas,
    },
    reference::ReferenceBody,
};

/// Key figures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metrics)]
pub(crate) struct MetricsBody {
    /// How many of a hundred sessions bounced, to two decimals.
    bounce_rate: f64,
    /// Different people and devices.
    unique_visitors: u64,
    /// Sessions.
    total_sessions: u64,
    /// The mean duration of sessions that have one, in seconds.
    avg_session_duration: f64,
    /// Screen views.
    total_screen_views: u64,
    /// Screen views a session, to two decimals.
    views_per_session: f64,
    /// In minor units.
    total_revenue: u64,
}

impl From<Metrics> for MetricsBody {
    fn from(metrics: Metrics) -> Self {
        Self {
            bounce_rate: metrics.bounce_rate,
            unique_visitors: metrics.unique_visitors,
            total_sessions: metrics.total_sessions,
            avg_session_duration: metrics.avg_session_duration,
            total_screen_views: metrics.total_screen_views,
            views_per_session: metrics.views_per_session,
            total_revenue: metrics.total_revenue,
        }
    }
}

/// Key figures of a part of the window.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetricsPoint)]
pub(crate) struct PointBody {
    /// When the part begins: what the clock of the organization shows, printed as if it were UTC.
    date: String,
    #[serde(flatten)]
    metrics: MetricsBody,
}

/// Key figures of a window.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetricsAnswer)]
pub(crate) struct MetricsAnswerBody {
    /// Of the whole window.
    metrics: MetricsBody,
    /// Of each part of it, in order.
    series: Vec<PointBody>,
    /// What is marked on the timeline in the window.
    references: Vec<ReferenceBody>,
}

/// Key figures of a window, with the window.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Overview)]
pub(crate) struct OverviewBody {
    /// Of the whole window.
    summary: MetricsBody,
    /// Of each part of it, in order.
    series: Vec<PointBody>,
    /// How long a part is.
    interval: &'static str,
    /// The start, as it was asked for.
    start_date: String,
    /// The end, as it was asked for.
    end_date: String,
    /// What is marked on the timeline in the window.
    references: Vec<ReferenceBody>,
}

/// Sessions that have something in common.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DimensionRow)]
pub(crate) struct DimensionBody {
    /// What the name means nothing without: the country of a city, the browser of a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<Option<String>>,
    /// What they have in common; null when it is not known.
    name: Option<String>,
    /// The name in English; of countries only, with `labels=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Option<&'static str>>,
    /// Sessions.
    sessions: u64,
    /// Their screen views.
    pageviews: u64,
    /// How many of a hundred bounced, to two decimals.
    bounce_rate: f64,
    /// The mean duration of those that have one, in seconds.
    avg_session_duration: f64,
    /// In minor units.
    revenue: u64,
}

/// What sessions are broken down by in `/traffic/referrers`; the first is meant when nothing is
/// said.
const REFERRERS: [Dimension; 6] = [
    Dimension::ReferrerName,
    Dimension::ReferrerType,
    Dimension::Referrer,
    Dimension::UtmSource,
    Dimension::UtmMedium,
    Dimension::UtmCampaign,
];
/// The same of `/traffic/geo`.
const PLACES: [Dimension; 3] = [Dimension::Country, Dimension::Region, Dimension::City];
/// The same of `/traffic/devices`.
const DEVICES: [Dimension; 3] = [Dimension::Device, Dimension::Browser, Dimension::Os];
/// How long the parts of an overview can be.
const INTERVALS: &[Interval] = Interval::ALL.split_at(1).1;

query_parameters! {
    /// Of `/metrics`.
    MetricsQuery = [query::window("`7d`").to_vec(), vec![query::filters()]].concat();
    /// Of `/overview`.
    OverviewQuery = [
        query::window("the last 30 days").to_vec(),
        vec![query::interval(INTERVALS), query::filters()],
    ]
    .concat();
    /// Of `/{dimension}`.
    DimensionQuery = [
        query::window("`7d`").to_vec(),
        vec![query::filters()],
        query::paging().to_vec(),
        vec![query::labels()],
    ]
    .concat();
    /// Of `/traffic/referrers`.
    ReferrersQuery = traffic_query(&REFERRERS);
    /// Of `/traffic/geo`.
    GeoQuery = traffic_query(&PLACES);
    /// Of `/traffic/devices`.
    DevicesQuery = traffic_query(&DEVICES);
}

fn traffic_query(breakdowns: &[Dimension]) -> Vec<Parameter> {
    let names = breakdowns.iter().map(|dimension| dimension.name());
    let what = "What sessions have in common; the first when nothing is said";
    [
        query::window("the last 30 days").to_vec(),
        vec![
            query::optional("breakdown", schemas::one_of(names), what),
            query::filters(),
        ],
        query::paging().to_vec(),
        vec![query::labels()],
    ]
    .concat()
}

/// The name of a dimension, in a path.
pub(crate) enum DimensionName {}

impl PartialSchema for DimensionName {
    fn schema() -> RefOr<Schema> {
        let names = Dimension::ALL.iter().map(|dimension| dimension.name());
        schemas::one_of(names).into()
    }
}

impl ToSchema for DimensionName {}

pub(crate) fn overview_endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_get_metrics, get_metrics),
        Endpoint::new(__path_get_overview, get_overview),
        Endpoint::new(__path_get_referrers, get_referrers),
        Endpoint::new(__path_get_geo, get_geo),
        Endpoint::new(__path_get_devices, get_devices),
    ]
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(__path_get_dimension, get_dimension)]
}

/// Key figures
///
/// Visitors, sessions and views of a window, and of each part of it. With a filter about `path`,
/// the pages that were seen are counted, not the sessions that began.
#[utoipa::path(get, path = "/insights/{projectId}/metrics", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        MetricsQuery),
    responses((status = 200, description = "The figures", body = MetricsAnswerBody),
        Report))]
pub(crate) async fn get_metrics(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = subject(&caller, &project, &reports).await?;
    let is_shared = subject.is_shared();
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now, DefaultWindow::SEVEN_DAYS);
        let filters = filters(query, is_shared);
        let asked = MetricsRequest::new(window?.1, None, zone, filters);
        let asked = asked.map_err(|why| query.report(Problem::of("startDate", &why)));
        asked.ok()
    });
    let metrics = reports.metrics(&subject, asked.await?).await;
    let Annotated { answer, references } = metrics.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        let (metrics, series) = figures(answer);
        Ok(MetricsAnswerBody {
            metrics,
            series,
            references: references.into_iter().map(ReferenceBody::from).collect(),
        })
    })
    .await
}

/// Overview
///
/// The key figures of a window, in parts of a length that the caller chooses.
#[utoipa::path(get, path = "/insights/{projectId}/overview", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        OverviewQuery),
    responses((status = 200, description = "The figures", body = OverviewBody),
        Report))]
pub(crate) async fn get_overview(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = subject(&caller, &project, &reports).await?;
    let is_shared = subject.is_shared();
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now, DefaultWindow::THIRTY_DAYS);
        let interval = query.named("interval", INTERVALS, Interval::name);
        let interval = interval.unwrap_or(Interval::Day);
        let filters = filters(query, is_shared);
        let (words, window) = window?;
        let asked = MetricsRequest::new(window, Some(interval), zone, filters);
        let asked = asked.map_err(|why| query.report(Problem::of("interval", &why)));
        Some((words, asked.ok()?))
    });
    let (words, asked) = asked.await?;
    let (window, interval) = (asked.buckets().window(), asked.interval());
    let metrics = reports.metrics(&subject, asked).await;
    let Annotated { answer, references } = metrics.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        let (summary, series) = figures(answer);
        let (start_date, end_date) = echo(&words, zone, &window);
        Ok(OverviewBody {
            summary,
            series,
            interval: interval.name(),
            start_date,
            end_date,
            references: references.into_iter().map(ReferenceBody::from).collect(),
        })
    })
    .await
}

pub(super) fn figures(answer: MetricsAnswer) -> (MetricsBody, Vec<PointBody>) {
    let series = answer.series.into_iter().map(|point| PointBody {
        date: point.label.as_if_utc(),
        metrics: point.metrics.into(),
    });
    (answer.metrics.into(), series.collect())
}

/// Sessions by dimension
///
/// The sessions that began in a window, by what they have in common, most sessions first.
#[utoipa::path(get, path = "/insights/{projectId}/{dimension}", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ("dimension" = inline(DimensionName), Path, description = "What sessions have in common"),
        DimensionQuery),
    responses((status = 200, description = "The values", body = Vec<DimensionBody>),
        Report))]
pub(crate) async fn get_dimension(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    path: web::Path<(String, String)>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let (project, dimension) = path.into_inner();
    let dimension = Dimension::named(&dimension);
    let dimension = dimension.ok_or_else(|| ApiError::not_found("Route not found"))?;
    let subject = subject(&caller, &project, &reports).await?;
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now, DefaultWindow::SEVEN_DAYS);
        dimension_request(query, window, Some(dimension), false)
    });
    let (asked, with_labels) = asked.await?;
    sessions_by(&reports, &subject, asked, with_labels).await
}

/// Referrers
///
/// The sessions that began in a window, by where they came from, most sessions first.
#[utoipa::path(get, path = "/insights/{projectId}/traffic/referrers", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ReferrersQuery),
    responses((status = 200, description = "The values", body = Vec<DimensionBody>),
        Report))]
pub(crate) async fn get_referrers(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    traffic(&request, &caller, &project, &reports, &REFERRERS).await
}

/// Places
///
/// The sessions that began in a window, by where their visitors were, most sessions first.
#[utoipa::path(get, path = "/insights/{projectId}/traffic/geo", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        GeoQuery),
    responses((status = 200, description = "The values", body = Vec<DimensionBody>),
        Report))]
pub(crate) async fn get_geo(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    traffic(&request, &caller, &project, &reports, &PLACES).await
}

/// Devices
///
/// The sessions that began in a window, by what their visitors used, most sessions first.
#[utoipa::path(get, path = "/insights/{projectId}/traffic/devices", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        DevicesQuery),
    responses((status = 200, description = "The values", body = Vec<DimensionBody>),
        Report))]
pub(crate) async fn get_devices(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    traffic(&request, &caller, &project, &reports, &DEVICES).await
}

/// Sessions by one of some dimensions, of which the first is meant when nothing is said.
async fn traffic(
    request: &HttpRequest,
    caller: &Caller<permission::Overview>,
    project: &str,
    reports: &Reports,
    breakdowns: &'static [Dimension],
) -> Result<HttpResponse, ApiError> {
    let subject = subject(caller, project, reports).await?;
    let is_shared = subject.is_shared();
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(request, subject.compute(), move |query| {
        let window = window(query, zone, now, DefaultWindow::THIRTY_DAYS);
        let dimension = query.named("breakdown", breakdowns, Dimension::name);
        let dimension = dimension.or(breakdowns.first().copied());
        dimension_request(query, window, dimension, is_shared)
    });
    let (asked, with_labels) = asked.await?;
    sessions_by(reports, &subject, asked, with_labels).await
}

/// What is asked of sessions, and whether countries come with their names.
fn dimension_request(
    query: &mut Query,
    window: Option<(WindowRequest, Window)>,
    dimension: Option<Dimension>,
    is_shared: bool,
) -> Option<(DimensionRequest, bool)> {
    let filters = filters(query, is_shared);
    let paging = query.paging();
    let with_labels = query.boolean("labels").unwrap_or(false);
    let request = DimensionRequest {
        dimension: dimension?,
        window: window?.1,
        filters,
        paging,
    };
    Some((request, with_labels))
}

async fn sessions_by(
    reports: &Reports,
    subject: &Subject,
    request: DimensionRequest,
    with_labels: bool,
) -> Result<HttpResponse, ApiError> {
    let dimension = request.dimension;
    let with_labels = with_labels && dimension == Dimension::Country;
    let rows = reports.dimension(subject, request).await;
    let rows = rows.map_err(reply_for)?.into_iter();
    offload::json(subject.compute(), move || {
        let rows = rows.map(|row| dimension_row(row, dimension, with_labels));
        Ok(rows.collect::<Vec<_>>())
    })
    .await
}

fn dimension_row(row: DimensionRow, dimension: Dimension, with_label: bool) -> DimensionBody {
    let label = row.name.as_deref().and_then(country_emoji::name);
    DimensionBody {
        prefix: dimension.prefix().map(|_| row.prefix),
        name: row.name,
        label: with_label.then_some(label),
        sessions: row.figures.sessions,
        pageviews: row.figures.pageviews,
        bounce_rate: row.figures.bounce_rate,
        avg_session_duration: row.figures.avg_session_duration,
        revenue: row.figures.revenue,
    }
}

/// The project that is asked about, if the caller may.
pub(super) async fn subject<P: Permission>(
    caller: &Caller<P>,
    project: &str,
    reports: &Reports,
) -> Result<Subject, ApiError> {
    let subject = reports.subject(&caller.0, Some(project)).await;
    subject.map_err(reply_for)
}

/// The filters of a question. Whoever comes with a share link has none that tell people apart, or
/// what they sent.
pub(super) fn filters(query: &mut Query, is_shared: bool) -> Vec<Filter> {
    let filters = query.filters("filters");
    if is_shared {
        for (index, filter) in filters.iter().enumerate() {
            if !is_open(filter.field()) {
                let path = ["filters".into(), index.into()];
                query.report(Problem::at(
                    path,
                    "is by a field that share links do not show",
                ));
            }
        }
    }
    filters
}

/// Whether everybody may filter by a field who may look at the overview: a closed list.
fn is_open(field: &Field) -> bool {
    match field {
        Field::Utm(_) => true,
        Field::Column(column) => matches!(
            column,
            Column::Path
                | Column::Origin
                | Column::Referrer
                | Column::ReferrerName
                | Column::ReferrerType
                | Column::Country
                | Column::City
                | Column::Region
                | Column::Os
                | Column::OsVersion
                | Column::Browser
                | Column::BrowserVersion
                | Column::Device
                | Column::Brand
                | Column::Model
        ),
        Field::Property(_)
        | Field::HasProfile
        | Field::Profile(_)
        | Field::ProfileProperty(_)
        | Field::Group(_)
        | Field::GroupProperty(_)
        | Field::Session(_) => false,
    }
}

/// The window that is asked about, and in which words.
pub(super) fn window(
    query: &mut Query,
    zone: Zone,
    now: Timestamp,
    default: DefaultWindow,
) -> Option<(WindowRequest, Window)> {
    query.window_that_counts(WindowNames::DATES, zone, now, default)
}
