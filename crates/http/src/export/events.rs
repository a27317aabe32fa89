//! Raw events: `docs/contract/export.md` §3.

use actix_web::{HttpRequest, HttpResponse, web};
use paneld_analytics::{
    DefaultWindow, EventSelection, EventsStart, Query, RawEventsRequest, WindowNames,
};
use paneld_auth::permission;
use paneld_domain::{Event, Problem, ProjectId, Timestamp, Zone};
use paneld_guard::{ApiError, Caller};
use paneld_service::{ProfilesBeside, Reports, Subject};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeSeq as _},
};
use utoipa::ToSchema;

use super::{
    cursor::EventCursor,
    exported_event::{Includes, exported},
    format::{Format, packing},
    stream,
    subject::subject,
};
use crate::{
    error::reply_for,
    ignored::{self, ignore_beside, unknown_values},
    offload,
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::one_of,
    },
};

/// How many events a page has, unless the caller wants another number.
const PAGE: u64 = 50;
/// How many it has at most.
const MOST: i64 = 1_000;
/// So many bytes of profiles has a page at most.
const PROFILE_BYTES: usize = 16 << 20;
const TOO_MANY_PROFILES: &str =
    "makes an answer that is too large: ask for fewer rows, for a stream, or without profiles";

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventsPage)]
pub(crate) struct EventsBody {
    /// Where in the list it is.
    meta: PageBody,
    /// The events, newest first.
    #[schema(value_type = Vec<super::exported_event::ExportedEvent>)]
    data: ExportedEvents,
}

/// Events that become JSON one after the other, as they are written: of all of them at once it
/// would take many times what they take.
#[derive(Debug)]
struct ExportedEvents {
    project: ProjectId,
    events: Vec<Event>,
    includes: Includes,
    profiles: ProfilesBeside,
}

impl Serialize for ExportedEvents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let project = self.project.as_str();
        let mut list = serializer.serialize_seq(Some(self.events.len()))?;
        for event in &self.events {
            let row = exported(event, project, &self.includes, &self.profiles);
            list.serialize_element(&row.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

/// Where in a list a page is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageOfEvents, example = json!({"count": 50, "totalCount": 1204, "pages": 25,
    "current": 1, "nextCursor": "MTc2ODQ3MzAwMDAwMDo"}))]
pub(crate) struct PageBody {
    /// How many events this page has.
    count: usize,
    /// How many there are.
    total_count: u64,
    /// How many pages there are.
    pages: u64,
    /// Which page this is; the first is 1. Not told of one that a cursor asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    current: Option<u64>,
    /// The `cursor` of the part behind this page; null when there is none.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// How many events there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventCount, example = json!({"count": 1204}))]
pub(crate) struct CountBody {
    /// How many there are.
    count: u64,
}

query_parameters! {
    /// Of `/export/events`.
    EventsQuery = [
        query::project().to_vec(),
        vec![
            query::optional_text(
                "profileId",
                "Only what this profile did, also before it was identified",
            ),
            query::optional_texts("event", "Only events of these names"),
            query::filters(),
            query::date("start", "From when on: a date, or a moment"),
            query::date(
                "end",
                "Until when: a date is taken in whole. It must not be before the start",
            ),
            query::date("startDate", "The same as `start`, where that is not given"),
            query::date("endDate", "The same as `end`, where that is not given"),
            query::range("everything"),
            query::clamped(
                "page",
                "The page; the first is 1, and less is taken as 1. Not beside a `cursor`, nor \
                 beside a format other than `json`",
            ),
            query::optional_text(
                "cursor",
                "The `nextCursor` of the part before. It brings the window of that part along",
            ),
            query::clamped(
                "limit",
                "How many a page has: 50, unless it is given; what is beyond 1 to 1000 is taken \
                 as the nearer of them. Other formats have all events, unless this says less",
            ),
            query::optional(
                "format",
                one_of(Format::names()),
                "`json` for a page; all others come as a stream",
            ),
            query::comma_list(
                "includes",
                Includes::names(),
                "What else is wanted of each event. `geo` is region, longitude and latitude; \
                 `device` is the kind, brand and model of the device with the versions of system \
                 and browser; `all` is everything",
            ),
        ],
    ]
    .concat();
    /// Of `/v1/events/count`.
    CountQuery = [
        query::project().to_vec(),
        vec![
            query::optional_texts("name", "Only events of these names"),
            query::date("since", "From when on: a date, or a moment"),
            query::date(
                "until",
                "Until when: a date is taken in whole. It must not be before the start",
            ),
            query::range("everything"),
        ],
    ]
    .concat();
}

/// Raw events
///
/// All events of a project, newest first. Who goes through a list by `cursor` meets every event
/// once that was there at the beginning, whatever comes meanwhile; who goes by `page` need not.
/// Another `format` (or `Accept`) sends all events at once, or as many as `limit` says, as they
/// are found: packed by gzip or zstd, if `Accept-Encoding` says so. Such a reply that breaks off
/// has no proper end.
#[utoipa::path(get, path = "/export/events", tag = "Export",
    params(EventsQuery),
    responses((status = 200, description = "The events", content(
        (EventsBody = "application/json"),
        (String = "application/x-ndjson"),
        (String = "text/csv"),
        (Vec<u8> = "application/vnd.apache.parquet"))),
        Report))]
pub(crate) async fn list_events(
    request: HttpRequest,
    caller: Caller<permission::Export>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let mut query = offload::query(&request, reports.compute(&caller.0)).await?;
    let subject = subject(&request, &mut query, &caller, &reports).await?;
    for (ignored, read) in [("startDate", "start"), ("endDate", "end")] {
        ignore_beside(&request, &mut query, ignored, read);
    }
    let (zone, now) = (subject.zone(), reports.now());
    let (accepted, is_strict) = (Format::accepted_by(&request), ignored::is_strict(&request));
    let asked = offload::rest(query, subject.compute(), move |query| {
        let format = query.parsed::<Format>("format").unwrap_or(accepted);
        let (includes, unknown) = Includes::read(query.comma_list("includes").unwrap_or_default());
        let ignored = unknown_values(query, is_strict, "includes", &unknown, &Includes::names());
        let asked = if format == Format::Page {
            Asked::page(query, zone, now)
        } else {
            Asked::stream(query, zone, now, format)
        };
        Some((format, includes, ignored, asked?))
    });
    let (format, includes, ignored, asked) = asked.await?;
    ignored::note(&request, ignored);
    if format == Format::Page {
        return page(&reports, subject, asked, includes).await;
    }
    let packing = packing(&request, format);
    let wanted = stream::StreamRequest {
        events: asked.request,
        includes,
        format,
        packing,
    };
    stream::reply(reports, subject, wanted).await
}

/// How many events
///
/// Counts events, with the credentials of Export.
#[utoipa::path(get, path = "/v1/events/count", tag = "Export",
    params(CountQuery),
    responses((status = 200, description = "The number", body = CountBody),
        Report))]
pub(crate) async fn count_events(
    request: HttpRequest,
    caller: Caller<permission::Export>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    const NAMES: WindowNames = WindowNames {
        start: &["since"],
        end: &["until"],
    };
    let mut query = offload::query(&request, reports.compute(&caller.0)).await?;
    let subject = subject(&request, &mut query, &caller, &reports).await?;
    let (zone, now) = (subject.zone(), reports.now());
    let selection = offload::rest(query, subject.compute(), move |query| {
        let names = query.text_list("name").unwrap_or_default();
        let window = query.window(NAMES, zone, now, DefaultWindow::Everything);
        Some(EventSelection {
            window: window?.1,
            names,
            profile_id: None,
            filters: Vec::new(),
        })
    });
    let count = reports.count_selected(&subject, selection.await?).await;
    Ok(HttpResponse::Ok().json(CountBody {
        count: count.map_err(reply_for)?,
    }))
}

/// What a caller asks for.
struct Asked {
    request: RawEventsRequest,
    /// The number of the page, if it is one.
    page: Option<u64>,
}

impl Asked {
    fn page(query: &mut Query, zone: Zone, now: Timestamp) -> Option<Self> {
        let limit = query.clamped_integer("limit", 1..=MOST);
        let limit = limit.map_or(PAGE, i64::unsigned_abs);
        let page = query.clamped_integer("page", 1..=i64::from(u32::MAX));
        let (selection, cursor) = selection(query, zone, now)?;
        if cursor.is_some() && page.is_some() {
            query.report(Problem::at(
                ["page".into()],
                "must not be given beside a cursor",
            ));
        }
        let page = page.map_or(1, i64::unsigned_abs);
        let (start, page) = match cursor {
            Some(cursor) => (EventsStart::Behind(cursor.place), None),
            None => (EventsStart::Offset((page - 1) * limit), Some(page)),
        };
        Some(Self {
            request: RawEventsRequest {
                selection,
                start,
                limit: Some(limit),
            },
            page,
        })
    }

    fn stream(query: &mut Query, zone: Zone, now: Timestamp, format: Format) -> Option<Self> {
        let limit = query.clamped_integer("limit", 1..=i64::MAX);
        if query.has("page") {
            let message = format!("must not be given beside the format {}", format.name());
            query.report(Problem::at(["page".into()], message));
        }
        let (selection, cursor) = selection(query, zone, now)?;
        let start = cursor.map_or(EventsStart::Offset(0), |cursor| {
            EventsStart::Behind(cursor.place)
        });
        Some(Self {
            request: RawEventsRequest {
                selection,
                start,
                limit: limit.map(i64::unsigned_abs),
            },
            page: None,
        })
    }
}

fn selection(
    query: &mut Query,
    zone: Zone,
    now: Timestamp,
) -> Option<(EventSelection, Option<EventCursor>)> {
    let profile_id = query.text("profileId");
    let names = query.text_list("event").unwrap_or_default();
    let filters = query.filters("filters");
    let cursor = query.parsed::<EventCursor>("cursor");
    let window = query.window(WindowNames::EXPORT, zone, now, DefaultWindow::Everything);
    let (_, window) = window?;
    let selection = EventSelection {
        window: cursor.map_or(window, |cursor| cursor.window),
        names,
        profile_id,
        filters,
    };
    Some((selection, cursor))
}

async fn page(
    reports: &Reports,
    subject: Subject,
    asked: Asked,
    includes: Includes,
) -> Result<HttpResponse, ApiError> {
    let window = asked.request.selection.window;
    let limit = asked.request.limit.unwrap_or(PAGE);
    let found = reports.events(&subject, asked.request).await;
    let found = found.map_err(reply_for)?;
    let mut answer = subject.answer(&found.rows).map_err(reply_for)?;
    let mut profiles = ProfilesBeside::default();
    if includes.has("profile") {
        let ids = found.rows.iter().map(|event| event.profile_id.as_str());
        let ids = ids.collect::<Vec<_>>();
        let count = |bytes| answer.read(bytes);
        let looked_up =
            reports.look_up_profiles(&subject, &mut profiles, &ids, PROFILE_BYTES, count);
        if looked_up.await.map_err(reply_for)? < ids.len() {
            let problem = Problem::at(["limit".into()], TOO_MANY_PROFILES);
            return Err(ApiError::invalid_query(vec![problem]));
        }
    }
    offload::json_of_rows(subject.compute(), answer, move || {
        let last = found.rows.last().filter(|_| found.has_more);
        Ok(EventsBody {
            meta: PageBody {
                count: found.rows.len(),
                total_count: found.total,
                pages: found.total.div_ceil(limit),
                current: asked.page,
                next_cursor: last.map(|event| EventCursor::behind(event, window).encode()),
            },
            data: ExportedEvents {
                project: subject.project().id.clone(),
                events: found.rows,
                includes,
                profiles,
            },
        })
    })
    .await
}
