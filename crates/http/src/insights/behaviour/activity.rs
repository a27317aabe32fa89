//! Who comes, who comes back, and who stays away.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{ActiveDay, CohortFigures, CohortsAnswer, EngagementAnswer};
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller};
use paneld_service::Reports;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::whole_number,
    },
};

/// How many days are looked back on, unless the caller wants another number.
const DAYS: usize = 7;

/// How many people were active, day by day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActiveUsers)]
pub(crate) struct ActiveUsersBody {
    /// How many days each number is about.
    window_days: usize,
    /// What that is called: `DAU`, `WAU`, `MAU` or `14d active`.
    #[schema(example = "WAU")]
    label: String,
    /// Every day from the first event to today, in order.
    series: Vec<ActiveDayBody>,
}

/// People who were active in the days that end with this one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActiveDay, example = json!({"date": "2026-03-30", "users": 12}))]
pub(crate) struct ActiveDayBody {
    /// The last of the days, in the organization's zone.
    #[schema(format = Date)]
    date: String,
    /// Different people, devices of unknown ones too.
    users: u64,
}

/// People who were active in a week, and those of them who came back in the next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetentionWeek, example = json!({"date": "2026-03-23", "active_users": 8,
    "retained_users": 2, "retention": 25.0}))]
pub(crate) struct RetentionBody {
    /// The Monday of the week.
    #[schema(format = Date)]
    date: String,
    /// Different identified people.
    active_users: u64,
    /// Those of them who were also active in the week after.
    retained_users: u64,
    /// How many of a hundred these are.
    retention: f64,
}

/// People who came in the same week, and how long they stayed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cohort)]
pub(crate) struct CohortBody {
    /// The Monday of the week in which they came; `Weighted Average` of the first row.
    #[schema(example = "2026-03-23")]
    cohort_interval: String,
    /// How many came.
    sum: u64,
    /// How many were active 0, 1, … 12 weeks later, or later still.
    values: Vec<u64>,
    /// The same as fractions of the sum.
    percentages: Vec<f64>,
}

/// How long ago people were active last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Engagement)]
pub(crate) struct EngagementBody {
    /// All of them, in groups.
    summary: EngagementSummary,
    /// All of them by days, fewest days first.
    distribution: Vec<DistanceBody>,
}

/// How many identified people were active last how long ago.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EngagementSummary)]
pub(crate) struct EngagementSummary {
    /// All of them.
    total_identified_users: u64,
    /// Today, or up to 7 days ago.
    active_last_7_days: u64,
    active_8_to_14_days: u64,
    active_15_to_30_days: u64,
    inactive_31_to_60_days: u64,
    /// More than 60 days ago.
    churned_60_plus_days: u64,
}

/// People who were active last so many days ago.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EngagementDistance, example = json!({"days": 3, "users": 5}))]
pub(crate) struct DistanceBody {
    /// Days by the calendar of the organization's zone.
    days: u64,
    /// How many identified people.
    users: u64,
}

query_parameters! {
    /// Of `/active_users`.
    ActiveUsersQuery = [query::optional(
        "days",
        whole_number(1, 90),
        "How many days: 7, unless it is given",
    )];
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_get_active_users, get_active_users),
        Endpoint::new(__path_get_retention, get_retention),
        Endpoint::new(__path_get_cohorts, get_cohorts),
        Endpoint::new(__path_get_engagement, get_engagement),
    ]
}

/// Active users
///
/// For every day, how many different people did something in the days that end with it.
#[utoipa::path(get, path = "/insights/{projectId}/active_users", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ActiveUsersQuery),
    responses((status = 200, description = "The days", body = ActiveUsersBody),
        Report))]
pub(crate) async fn get_active_users(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        Some(query.integer("days", 1..=90))
    });
    let days = asked.await?.and_then(|days| usize::try_from(days).ok());
    let days = days.unwrap_or(DAYS);
    let series = reports.active_users(&subject, days).await;
    let series = series.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        Ok(ActiveUsersBody::new(days, series))
    })
    .await
}

impl ActiveUsersBody {
    fn new(days: usize, series: Vec<ActiveDay>) -> Self {
        let series = series.into_iter().map(|day| ActiveDayBody {
            date: day.date.to_string(),
            users: day.users,
        });
        Self {
            window_days: days,
            label: match days {
                1 => "DAU".to_owned(),
                7 => "WAU".to_owned(),
                30 => "MAU".to_owned(),
                _ => format!("{days}d active"),
            },
            series: series.collect(),
        }
    }
}

/// Retention
///
/// For every week in which identified people did something, how many of them came back in the
/// week after.
#[utoipa::path(get, path = "/insights/{projectId}/retention", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The weeks, in order", body = Vec<RetentionBody>),
        Report))]
pub(crate) async fn get_retention(
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let weeks = reports.retention(&subject).await.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        let weeks = weeks.into_iter().map(|week| RetentionBody {
            date: week.date.to_string(),
            active_users: week.active,
            retained_users: week.retained,
            retention: week.retention,
        });
        Ok(weeks.collect::<Vec<_>>())
    })
    .await
}

/// Retention of cohorts
///
/// How those stayed who came in each of the last twelve weeks and this one: the identified people
/// whose first event of this time was in that week. The first row is a cohort of mean size that
/// stays as all together. Without anybody the list is empty.
#[utoipa::path(get, path = "/insights/{projectId}/retention/cohort", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "The cohorts, in order", body = Vec<CohortBody>),
        Report))]
pub(crate) async fn get_cohorts(
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let answer = reports.cohorts(&subject).await.map_err(reply_for)?;
    offload::json(subject.compute(), move || {
        Ok(answer.as_ref().map(cohort_rows).unwrap_or_default())
    })
    .await
}

fn cohort_rows(answer: &CohortsAnswer) -> Vec<CohortBody> {
    let row = |name: String, figures: &CohortFigures| CohortBody {
        cohort_interval: name,
        sum: figures.sum,
        values: figures.values.to_vec(),
        percentages: figures.percentages.to_vec(),
    };
    let average = row("Weighted Average".to_owned(), &answer.average);
    let cohorts = answer.cohorts.iter();
    let cohorts = cohorts.map(|cohort| row(cohort.week.to_string(), &cohort.figures));
    std::iter::once(average).chain(cohorts).collect()
}

/// Engagement
///
/// How many days ago identified people did something last.
#[utoipa::path(get, path = "/insights/{projectId}/engagement", tag = "Insights",
    params(("projectId" = String, Path, description = "The project")),
    responses((status = 200, description = "People by days", body = EngagementBody),
        Report))]
pub(crate) async fn get_engagement(
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let answer = reports.engagement(&subject).await.map_err(reply_for)?;
    offload::json(subject.compute(), move || Ok(EngagementBody::new(&answer))).await
}

impl EngagementBody {
    fn new(answer: &EngagementAnswer) -> Self {
        let distribution = answer.distribution().iter();
        let distribution = distribution.map(|people| DistanceBody {
            days: people.days,
            users: people.users,
        });
        Self {
            summary: EngagementSummary {
                total_identified_users: answer.total(),
                active_last_7_days: answer.within(0..=7),
                active_8_to_14_days: answer.within(8..=14),
                active_15_to_30_days: answer.within(15..=30),
                inactive_31_to_60_days: answer.within(31..=60),
                churned_60_plus_days: answer.within(61..=u64::MAX),
            },
            distribution: distribution.collect(),
        }
    }
}
