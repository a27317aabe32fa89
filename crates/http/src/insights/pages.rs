//! What was seen, page by page: `docs/contract/insights.md` §7.3, §7.6 and §7.7.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{
    DefaultWindow, EdgesRequest, PagePerformance, PageRow, PagesRequest, PerformanceOrder,
    PerformanceRequest, SessionEdge,
};
use paneld_auth::permission::{self, Permission};
use paneld_guard::{ApiError, Caller};
use paneld_service::Reports;
use serde::Serialize;
use utoipa::{ToSchema, openapi::path::Parameter};

use super::figures::{filters, subject, window};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::one_of,
    },
};

/// How many pages are shown, unless the caller wants another number.
const SHOWN: i64 = 50;
/// How many are shown at most.
const MOST_SHOWN: u32 = 500;

/// A page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct PageBody {
    /// Its newest title; null when it never had one.
    title: Option<String>,
    /// Scheme, host and port.
    origin: String,
    /// The path.
    path: String,
    /// Sessions in which it was seen.
    sessions: u64,
    /// How often it was seen.
    pageviews: u64,
    /// How many of a hundred sessions that began with it bounced, to two decimals.
    bounce_rate: f64,
    /// The mean time on it in seconds, to two decimals.
    avg_duration: f64,
    /// The revenue of its views, in minor units.
    revenue: u64,
}

impl From<PageRow> for PageBody {
    fn from(row: PageRow) -> Self {
        Self {
            title: row.title,
            origin: row.page.origin,
            path: row.page.path,
            sessions: row.sessions,
            pageviews: row.pageviews,
            bounce_rate: row.bounce_rate,
            avg_duration: row.avg_duration,
            revenue: row.revenue,
        }
    }
}

/// A page with which sessions began or ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionEdge)]
pub(crate) struct EdgeBody {
    /// Scheme, host and port; empty when they are not known.
    origin: String,
    /// The path; empty when it is not known.
    path: String,
    /// Sessions.
    sessions: u64,
    /// All screen views of those sessions.
    pageviews: u64,
    /// How many of a hundred bounced, to two decimals.
    bounce_rate: f64,
    /// The mean duration of those that have one, in seconds.
    avg_session_duration: f64,
    /// In minor units.
    revenue: u64,
}

/// How well pages do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PagesPerformance)]
pub(crate) struct PerformanceBody {
    /// How many pages there are, of the thousand with most sessions.
    total_pages: usize,
    /// How many of them are shown.
    shown: usize,
    /// The pages that are shown, in the order that was asked for.
    pages: Vec<PagePerformanceBody>,
}

/// How well a page does.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PagePerformance)]
pub(crate) struct PagePerformanceBody {
    /// Scheme, host and port.
    origin: String,
    /// The path.
    path: String,
    /// Its newest title; empty when it never had one.
    title: String,
    /// Sessions in which it was seen.
    sessions: u64,
    /// How often it was seen.
    pageviews: u64,
    /// The mean time on it in minutes, to two decimals; the last view of a session counts as 0.
    avg_duration: f64,
    /// How many of a hundred sessions that saw it bounced, to two decimals.
    bounce_rate: f64,
    /// What stands out.
    seo_signals: SignalsBody,
}

/// What stands out about a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PageSignals)]
pub(crate) struct SignalsBody {
    /// More than 70 of a hundred bounced.
    high_bounce: bool,
    /// Less than a minute is spent on it.
    low_engagement: bool,
    /// Less than 40 of a hundred bounced, and more than two minutes are spent on it.
    good_landing_page: bool,
}

impl From<PagePerformance> for PagePerformanceBody {
    fn from(page: PagePerformance) -> Self {
        Self {
            seo_signals: SignalsBody {
                high_bounce: page.has_high_bounce(),
                low_engagement: page.has_low_engagement(),
                good_landing_page: page.is_good_landing_page(),
            },
            origin: page.page.origin,
            path: page.page.path,
            title: page.title,
            sessions: page.sessions,
            pageviews: page.pageviews,
            avg_duration: page.avg_duration,
            bounce_rate: page.bounce_rate,
        }
    }
}

query_parameters! {
    /// Of `/pages`.
    PagesQuery = pages_query("`7d`");
    /// Of `/pages/top`.
    TopPagesQuery = pages_query("the last 30 days");
    /// Of `/pages/entry_exit`.
    EdgesQuery = [
        query::window("the last 30 days").to_vec(),
        vec![
            query::optional(
                "mode",
                one_of(SessionEdge::ALL.iter().map(|edge| edge.name())),
                "The end of sessions that is meant; `entry` when nothing is said",
            ),
            query::filters(),
        ],
    ]
    .concat();
    /// Of `/pages/performance`.
    PerformanceQuery = [
        query::window("the last 30 days").to_vec(),
        vec![
            query::optional_text("search", "What has to be in path, origin or title"),
            query::optional(
                "sortBy",
                one_of(PerformanceOrder::ALL.iter().map(|order| order.name())),
                "By what they are sorted; `sessions` when nothing is said",
            ),
            query::optional(
                "sortOrder",
                one_of([false, true].map(order_name)),
                "`desc`, the greatest first, unless it is `asc`",
            ),
            query::limit(MOST_SHOWN, "50"),
        ],
    ]
    .concat();
}

fn pages_query(default: &str) -> Vec<Parameter> {
    [
        query::window(default).to_vec(),
        vec![query::filters()],
        query::paging().to_vec(),
    ]
    .concat()
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_get_pages, get_pages),
        Endpoint::new(__path_get_page_performance, get_page_performance),
    ]
}

pub(crate) fn overview_endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_get_top_pages, get_top_pages),
        Endpoint::new(__path_get_entry_and_exit_pages, get_entry_and_exit_pages),
    ]
}

/// Pages
///
/// The pages that were seen in a window, those with most sessions first.
#[utoipa::path(get, path = "/insights/{projectId}/pages", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        PagesQuery),
    responses((status = 200, description = "The pages", body = Vec<PageBody>),
        Report))]
pub(crate) async fn get_pages(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let default = DefaultWindow::SEVEN_DAYS;
    list_pages(&request, &caller, &project, &reports, default).await
}

/// Top pages
///
/// The same, over the last 30 days when nothing is said.
#[utoipa::path(get, path = "/insights/{projectId}/pages/top", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        TopPagesQuery),
    responses((status = 200, description = "The pages", body = Vec<PageBody>),
        Report))]
pub(crate) async fn get_top_pages(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let default = DefaultWindow::THIRTY_DAYS;
    list_pages(&request, &caller, &project, &reports, default).await
}

async fn list_pages<P: Permission>(
    request: &HttpRequest,
    caller: &Caller<P>,
    project: &str,
    reports: &Reports,
    default: DefaultWindow,
) -> Result<HttpResponse, ApiError> {
    let subject = subject(caller, project, reports).await?;
    let is_shared = subject.is_shared();
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(request, subject.compute(), move |query| {
        let window = window(query, zone, now, default);
        let filters = filters(query, is_shared);
        let paging = query.paging();
        Some(PagesRequest {
            window: window?.1,
            filters,
            paging,
        })
    });
    let pages = reports.pages(&subject, asked.await?).await;
    let pages = pages.map_err(reply_for)?.into_iter();
    offload::json(subject.compute(), move || {
        Ok(pages.map(PageBody::from).collect::<Vec<_>>())
    })
    .await
}

/// Entry and exit pages
///
/// The pages with which the sessions of a window began or ended, those with most sessions first.
#[utoipa::path(get, path = "/insights/{projectId}/pages/entry_exit", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        EdgesQuery),
    responses((status = 200, description = "The pages", body = Vec<EdgeBody>),
        Report))]
pub(crate) async fn get_entry_and_exit_pages(
    request: HttpRequest,
    caller: Caller<permission::Overview>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = subject(&caller, &project, &reports).await?;
    let (zone, now) = (subject.zone(), reports.now());
    let is_shared = subject.is_shared();
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now, DefaultWindow::THIRTY_DAYS);
        let edge = query.named("mode", SessionEdge::ALL, SessionEdge::name);
        let filters = filters(query, is_shared);
        Some(EdgesRequest {
            window: window?.1,
            filters,
            edge: edge.unwrap_or(SessionEdge::Entry),
        })
    });
    let rows = reports.page_edges(&subject, asked.await?).await;
    let rows = rows.map_err(reply_for)?.into_iter();
    offload::json(subject.compute(), move || {
        let rows = rows.map(|(page, figures)| EdgeBody {
            origin: page.origin,
            path: page.path,
            sessions: figures.sessions,
            pageviews: figures.pageviews,
            bounce_rate: figures.bounce_rate,
            avg_session_duration: figures.avg_session_duration,
            revenue: figures.revenue,
        });
        Ok(rows.collect::<Vec<_>>())
    })
    .await
}

/// How well pages do
///
/// Which pages hold their visitors, and which lose them.
#[utoipa::path(get, path = "/insights/{projectId}/pages/performance", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        PerformanceQuery),
    responses((status = 200, description = "The pages", body = PerformanceBody),
        Report))]
pub(crate) async fn get_page_performance(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = subject(&caller, &project, &reports).await?;
    let (zone, now) = (subject.zone(), reports.now());
    let asked = question(&request, subject.compute(), move |query| {
        let window = window(query, zone, now, DefaultWindow::THIRTY_DAYS);
        let search = query.text("search").filter(|text| !text.is_empty());
        let order = query.named("sortBy", PerformanceOrder::ALL, PerformanceOrder::name);
        let ascending = query.named("sortOrder", &[false, true], order_name);
        let limit = query
            .integer("limit", 1..=i64::from(MOST_SHOWN))
            .unwrap_or(SHOWN);
        Some(PerformanceRequest {
            window: window?.1,
            search,
            order: order.unwrap_or(PerformanceOrder::Sessions),
            ascending: ascending.unwrap_or(false),
            limit: usize::try_from(limit).unwrap_or_default(),
        })
    });
    let answer = reports.page_performance(&subject, asked.await?).await;
    let answer = answer.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        Ok(PerformanceBody {
            total_pages: answer.total,
            shown: answer.pages.len(),
            pages: answer
                .pages
                .into_iter()
                .map(PagePerformanceBody::from)
                .collect(),
        })
    })
    .await
}

fn order_name(ascending: bool) -> &'static str {
    if ascending { "asc" } else { "desc" }
}
