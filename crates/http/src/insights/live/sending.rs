//! A stream of what happens, as it is sent.

use std::{io::Write as _, sync::Arc, time::Duration};

use actix_web::web::{self, Bytes};
use chrono::SecondsFormat;
use futures_util::{Stream, stream};
use paneld_auth::permission;
use paneld_guard::{ApiError, Readmission};
use paneld_service::{Live, News, Portion, Reports, Watching, ingest::StoredEvent};
use serde::Serialize;

/// After how long a stream ends, and is to be opened again.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// After how long something is said in any case, so that nobody on the way takes the connection
/// for dead.
const SILENCE: Duration = Duration::from_secs(15);
/// How often it is looked whether the caller may still see the project.
const RECHECK: Duration = Duration::from_secs(20);

/// A stream on its way.
pub(super) struct Sending {
    watching: Watching,
    readmission: Readmission<permission::Insights>,
    reports: web::Data<Reports>,
    live: web::Data<Live>,
    project: String,
    ends_at: Duration,
    checked_at: Duration,
    said_at: Duration,
}

impl Sending {
    pub(super) fn new(
        watching: Watching,
        readmission: Readmission<permission::Insights>,
        reports: web::Data<Reports>,
        live: web::Data<Live>,
        project: String,
    ) -> Self {
        let now = live.elapsed();
        Self {
            watching,
            readmission,
            reports,
            live,
            project,
            ends_at: now + LONGEST,
            checked_at: now,
            said_at: now,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::unfold(self, |mut sending| async move {
            let bytes = sending.next().await?;
            Some((Ok(bytes), sending))
        })
    }

    /// What is to be sent next, when there is something; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let news = self.watching.next().await?;
            let now = self.live.elapsed();
            if now >= self.ends_at || !self.goes_on(now).await {
                return None;
            }
            let bytes = match news {
                News::Visitors(visitors) => said("live", &Visitors { visitors }),
                News::Dropped(count) => said("dropped", &Dropped { count }),
                News::Events(portion) => Bytes::from_owner(Said(portion)),
                News::Nothing if now.saturating_sub(self.said_at) >= SILENCE => {
                    Bytes::from_static(b": \n\n")
                }
                News::Nothing => continue,
            };
            self.said_at = now;
            return Some(bytes);
        }
    }

    /// Whether the caller may still see the project, as far as it is time to look.
    async fn goes_on(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.checked_at) < RECHECK {
            return true;
        }
        self.checked_at = now;
        match self.readmission.readmit().await {
            Some(caller) => {
                let subject = self.reports.subject(&caller, Some(&self.project));
                subject.await.is_ok()
            }
            None => false,
        }
    }
}

/// The data of `live`.
#[derive(Serialize)]
struct Visitors {
    visitors: u64,
}

/// The data of `dropped`.
#[derive(Serialize)]
struct Dropped {
    count: u64,
}

/// The data of `event`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventData<'a> {
    id: String,
    name: &'a str,
    path: &'a str,
    created_at: String,
    country: &'a str,
}

impl<'a> EventData<'a> {
    fn of(event: &'a StoredEvent) -> Self {
        Self {
            id: event.id.to_string(),
            name: &event.name,
            path: &event.path,
            created_at: event
                .created_at
                .to_rfc3339_opts(SecondsFormat::Millis, true),
            country: &event.country,
        }
    }
}

/// A portion of events, of whose bytes there is one copy for all streams.
struct Said(Arc<Portion>);

impl AsRef<[u8]> for Said {
    fn as_ref(&self) -> &[u8] {
        self.0.written(|events| {
            let mut bytes = Vec::new();
            for event in events {
                say(&mut bytes, "event", &EventData::of(event));
            }
            bytes
        })
    }
}

fn said(name: &str, data: &impl Serialize) -> Bytes {
    let mut bytes = Vec::new();
    say(&mut bytes, name, data);
    bytes.into()
}

/// Writes an event of the stream. JSON has no line breaks, which would end it.
fn say(bytes: &mut Vec<u8>, name: &str, data: &impl Serialize) {
    // Texts and numbers always serialize, and a vector takes all bytes.
    let json = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(bytes, "event: {name}\ndata: {json}\n\n");
}
