//! Events of the past, as rows in stored form: `contract/track.md` §1.5 and its decision.

use std::collections::{BTreeMap, HashSet};

use paneld_domain::{Agent, Event, Place, Referrer, Sdk, Timestamp};
use serde_json::value::RawValue;
use tokio::{runtime::Handle, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    Ids, Ingest, PathStep, Problem, SessionId, Target,
    payload::Fields,
    record::{Change, Record},
    sessions::{DeviceKey, Live},
    spool::{Append, Seen, SpoolError},
};

/// How many rows may be imported at once.
pub const MOST_ROWS: usize = 10_000;
/// How many problems are told.
const MOST_TOLD: usize = 50;
/// How many events go into one record.
const PER_RECORD: usize = 500;

/// Rows that can be imported.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows(Vec<Row>);

#[derive(Debug, Clone, PartialEq)]
struct Row {
    event: Event,
    /// Whether the caller gave it its id.
    has_id: bool,
}

impl Rows {
    /// Reads rows.
    ///
    /// # Errors
    /// All that is wrong with them, each with the way to it.
    pub fn read(text: &str, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let problem = |path, message: String| vec![Problem { path, message }];
        let rows = serde_json::from_str::<Vec<&RawValue>>(text).map_err(|error| {
            let why = if error.is_data() {
                "must be a list of events".to_owned()
            } else {
                format!("must be JSON: {error}")
            };
            problem(Vec::new(), why)
        })?;
        if rows.len() > MOST_ROWS {
            let why = format!("must be at most {MOST_ROWS} events");
            return Err(problem(Vec::new(), why));
        }
        let (mut read, mut problems) = (Vec::with_capacity(rows.len()), Vec::new());
        for (index, row) in rows.into_iter().enumerate() {
            match self::read(row.get(), now) {
                Ok(row) => read.push(row),
                Err(of_row) => problems.extend(of_row.into_iter().map(|problem| {
                    Problem {
                        path: std::iter::once(PathStep::Index(index))
                            .chain(problem.path)
                            .collect(),
                        ..problem
                    }
                })),
            }
            if problems.len() >= MOST_TOLD {
                break;
            }
        }
        if problems.is_empty() {
            Ok(Self(read))
        } else {
            Err(problems)
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn read(text: &str, now: Timestamp) -> Result<Row, Vec<Problem>> {
    let mut fields = Fields::read(text).map_err(|why| {
        vec![Problem {
            path: Vec::new(),
            message: why.to_string(),
        }]
    })?;
    let id = fields.uuid("id");
    let name = fields.required_name("name");
    let created_at = fields.stored_moment("created_at");
    let device_id = fields.id("device_id").unwrap_or_default();
    let profile_id = fields.id("profile_id").unwrap_or_else(|| device_id.clone());
    let session_id = fields.id("session_id").unwrap_or_default();
    let groups = fields.texts("groups").unwrap_or_default();
    let revenue = fields.amount("revenue");
    let duration_ms = fields.amount("duration");
    let (longitude, latitude) = (
        fields.degrees("longitude", 180.0),
        fields.degrees("latitude", 90.0),
    );
    let mut text = |name| fields.text(name).unwrap_or_default();
    let event = Event {
        id: id.unwrap_or_else(Uuid::new_v4),
        name: name.unwrap_or_default(),
        device_id,
        profile_id,
        session_id,
        groups,
        path: text("path"),
        origin: text("origin"),
        referrer: Referrer {
            url: text("referrer"),
            name: text("referrer_name"),
            kind: text("referrer_type"),
        },
        revenue,
        duration_ms,
        created_at: created_at.unwrap_or(now),
        place: Place {
            country: text("country"),
            region: text("region"),
            city: text("city"),
            longitude,
            latitude,
        },
        agent: Agent {
            os: text("os"),
            os_version: text("os_version"),
            browser: text("browser"),
            browser_version: text("browser_version"),
            device: text("device"),
            brand: text("brand"),
            model: text("model"),
        },
        sdk: Sdk {
            name: text("sdk_name"),
            version: text("sdk_version"),
        },
        imported_at: Some(now),
        properties: BTreeMap::new(),
    };
    let properties = fields.properties();
    let problems = fields.problems(None);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Row {
        event: Event {
            properties,
            ..event
        },
        has_id: id.is_some(),
    })
}

impl Ingest {
    /// Takes events of the past; those whose ids came within a day are there already. With
    /// `sessions`, the rows without a session are sorted into sessions of their own.
    ///
    /// # Errors
    /// When they could not be written; then none of them is kept.
    pub async fn import(
        &self,
        target: &Target,
        rows: Rows,
        sessions: bool,
        arrival: Timestamp,
    ) -> Result<(), SpoolError> {
        let (ingest, target) = (self.clone(), target.clone());
        // The caller may go away in the middle; what was begun is brought to an end. Thousands of
        // rows would hold up whoever else is served by this thread.
        let work = async move { ingest.import_all(&target, rows, sessions, arrival).await };
        let runtime = Handle::current();
        spawn_blocking(move || runtime.block_on(work))
            .await
            .map_err(|_stopped| SpoolError::Closed)?
    }

    async fn import_all(
        &self,
        target: &Target,
        rows: Rows,
        sessions: bool,
        arrival: Timestamp,
    ) -> Result<(), SpoolError> {
        let seen_of = |row: &Row| {
            row.has_id.then_some(Seen {
                project: target.key,
                id: row.event.id,
                at: arrival.timestamp_millis(),
            })
        };
        let inner = self.inner();
        let ids = rows.0.iter().filter_map(seen_of).collect::<Vec<_>>();
        let once = inner.hold_ids(&ids).await;
        let (mut fresh, mut seen, mut in_this) = (Vec::new(), Vec::new(), HashSet::new());
        for row in rows.0 {
            if let Some(id) = seen_of(&row) {
                if !in_this.insert(id.id) || inner.spool.seen(id)?.is_some() {
                    continue;
                }
                let ids = Ids {
                    device_id: row.event.device_id.clone(),
                    session_id: row.event.session_id.clone(),
                };
                seen.push((id, ids));
            }
            if target.wants(&row.event.name) {
                fresh.push(row.event);
            }
        }
        let changes = if sessions {
            with_sessions(target, fresh, arrival)
        } else {
            let events = fresh.into_iter().map(Box::new).map(Change::Event);
            events.collect()
        };
        let records = in_records(target, changes, arrival);
        let append = Append {
            records,
            seen,
            ..Append::default()
        };
        inner.spool.append(&append).await?;
        drop(once);
        Ok(())
    }
}

fn in_records(target: &Target, changes: Vec<Change>, arrival: Timestamp) -> Vec<Record> {
    let mut changes = changes.into_iter().peekable();
    let mut records = Vec::new();
    while changes.peek().is_some() {
        let part = changes.by_ref().take(PER_RECORD).collect();
        records.push(Record::new(target.key, arrival, part));
    }
    records
}

/// Sorts the events without a session into sessions, by the rules of live ones.
fn with_sessions(target: &Target, events: Vec<Event>, arrival: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut devices = BTreeMap::<String, Vec<Event>>::new();
    for event in events {
        let device = match event.device_id.as_str() {
            "" => &event.profile_id,
            device => device,
        };
        if event.session_id.is_empty() && !device.is_empty() && !event.agent.is_server() {
            devices.entry(device.to_owned()).or_default().push(event);
        } else {
            changes.push(Change::Event(Box::new(event)));
        }
    }
    for (device, mut events) in devices {
        events.sort_by_key(|event| event.created_at);
        let key = DeviceKey::new(target.key, device);
        let mut open = None::<Live>;
        for mut event in events {
            event.device_id = key.device().to_owned();
            match open.as_mut().filter(|live| live.goes_on(event.created_at)) {
                Some(live) => {
                    event.session_id.clone_from(&live.session.id);
                    live.extend(&event, arrival);
                }
                None => {
                    end(&mut changes, target, open.take(), arrival);
                    let id = SessionId::derive(&target.id, key.device(), event.created_at);
                    id.as_str().clone_into(&mut event.session_id);
                    let live = Live::open(&event, arrival);
                    let start = live.start(&event);
                    crate::ingest::tell(&mut changes, target, start);
                    open = Some(live);
                }
            }
            if let Some(live) = &mut open {
                crate::ingest::keep(&mut changes, event, live);
            }
        }
        end(&mut changes, target, open, arrival);
    }
    changes
}

fn end(changes: &mut Vec<Change>, target: &Target, live: Option<Live>, arrival: Timestamp) {
    if let Some(live) = live {
        let mut end = live.end();
        end.imported_at = Some(arrival);
        crate::ingest::tell(changes, target, end);
        changes.push(Change::Session(Box::new(live.session)));
    }
}
