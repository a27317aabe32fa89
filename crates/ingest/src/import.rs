//! Events of the past, as rows in stored form: `docs/contract/track.md` §1.5 and its decision.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use paneld_domain::{Agent, Event, Place, Referrer, Sdk, Timestamp};
use serde_json::value::RawValue;
use tokio::{runtime::Handle, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    Ids, Ingest, PathStep, Problem, SessionId, Target,
    moment::importable,
    payload::{Fields, LONGEST_TEXT},
    properties::LONGEST_VALUE,
    record::{Change, Record},
    sessions::{DeviceKey, Live},
    spool::{Account, Append, Seen, SpoolError},
};

/// How many rows may be imported at once.
pub const MOST_ROWS: usize = 10_000;
/// How many problems are told.
const MOST_TOLD: usize = 50;
/// How many events go into one record, and after how many bytes of them no more do: a record is
/// read, applied and set aside as a whole.
const PER_RECORD: usize = 500;
const BYTES_PER_RECORD: usize = 256 * 1024;

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
    let created_at = fields.stored_moment("created_at", &importable(now));
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
    let mut text = |name| fields.text_of(name, longest(name)).unwrap_or_default();
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

/// How many bytes the text of a column may have: addresses as many as properties, and what is one
/// of few as many as names.
fn longest(column: &str) -> usize {
    match column {
        "path" | "origin" | "referrer" | "referrer_name" => LONGEST_VALUE,
        _ => LONGEST_TEXT,
    }
}

impl Ingest {
    /// Takes events of the past; those whose ids came within a day are there already. With
    /// `sessions`, the rows without a session are sorted into sessions of their own.
    ///
    /// # Errors
    /// When they could not be written; then none of them is kept.
    pub async fn import(
        &self,
        target: Arc<Target>,
        rows: Rows,
        sessions: bool,
        arrival: Timestamp,
    ) -> Result<(), SpoolError> {
        let turn = Arc::clone(&self.inner().imports).acquire_owned().await;
        let turn = turn.map_err(|_closed| SpoolError::Closed)?;
        let ingest = self.clone();
        let runtime = Handle::current();
        // Thousands of rows take a while, in which an event loop has other things to do. And what
        // was begun is brought to an end, also where the caller goes away.
        let work = move || {
            let _turn = turn;
            runtime.block_on(ingest.import_all(target, rows, sessions, arrival))
        };
        spawn_blocking(work)
            .await
            .map_err(|_stopped| SpoolError::Closed)?
    }

    async fn import_all(
        &self,
        target: Arc<Target>,
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
        let there = self.seen(ids).await?;
        let (mut fresh, mut seen, mut in_this) = (Vec::new(), Vec::new(), HashSet::new());
        for row in rows.0 {
            if let Some(id) = seen_of(&row) {
                if there.contains(&id.id) || !in_this.insert(id.id) {
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
        let count = fresh.len() as u64;
        let changes = if sessions {
            with_sessions(&target, fresh, arrival)
        } else {
            let events = fresh.into_iter().map(Box::new).map(Change::Event);
            events.collect()
        };
        let append = Append {
            records: in_records(&target, changes, arrival),
            account: Account::Of(target),
            live: Vec::new(),
            grown: HashMap::new(),
            seen,
            crowded_at: None,
        };
        inner.spool.append(&append).await?;
        metrics::counter!("paneld_events_accepted_total", "source" => "import").increment(count);
        drop(once);
        Ok(())
    }
}

impl Ingest {
    /// Those of these ids that came within a day.
    async fn seen(&self, ids: Vec<Seen>) -> Result<HashSet<Uuid>, SpoolError> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        self.inner().spool.seen_of(ids).await
    }
}

fn in_records(target: &Target, changes: Vec<Change>, arrival: Timestamp) -> Vec<Record> {
    let mut records = Vec::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for change in changes {
        let more = change.bytes();
        if !part.is_empty() && (part.len() == PER_RECORD || bytes + more > BYTES_PER_RECORD) {
            let part = std::mem::take(&mut part);
            records.push(Record::new(target.key, arrival, part));
            bytes = 0;
        }
        bytes += more;
        part.push(change);
    }
    if !part.is_empty() {
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
                    crate::ingest::keep(&mut changes, event, live);
                }
                None => {
                    end(&mut changes, target, open.take(), arrival);
                    let id = SessionId::derive(&target.id, key.device(), event.created_at);
                    id.as_str().clone_into(&mut event.session_id);
                    let mut live = Live::open(&event, arrival);
                    crate::ingest::open(&mut changes, target, event, &mut live);
                    open = Some(live);
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::tests::event;

    fn records(events: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
        let target = Target {
            key: paneld_domain::ProjectKey(7),
            id: "shop".to_owned(),
            organization: "acme".parse().unwrap(),
            unwanted: Vec::new(),
        };
        let changes = events.map(|bytes| {
            let mut event = event("phone");
            event.path = "x".repeat(bytes);
            Change::Event(Box::new(event))
        });
        let at = paneld_domain::parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        let records = in_records(&target, changes.collect(), at).into_iter();
        let sizes = records.map(|record| {
            let bytes = record.changes.iter().map(Change::bytes).sum::<usize>();
            (record.changes.len(), bytes)
        });
        sizes.collect()
    }

    #[test]
    fn records_are_bounded_in_events_and_bytes() {
        assert_eq!(records(std::iter::empty()), []);
        let small = records(std::iter::repeat_n(1, 1_001));
        assert_eq!(
            small.iter().map(|(events, _)| *events).collect::<Vec<_>>(),
            [500, 500, 1]
        );
        let large = records(std::iter::repeat_n(100_000, 5));
        assert_eq!(
            large.iter().map(|(events, _)| *events).collect::<Vec<_>>(),
            [2, 2, 1]
        );
        assert!(large.iter().all(|(_, bytes)| *bytes <= BYTES_PER_RECORD));
        // One by itself is as large as it is.
        let huge = records([10, 1_000_000, 10].into_iter());
        assert_eq!(
            huge.iter().map(|(events, _)| *events).collect::<Vec<_>>(),
            [1, 1, 1]
        );
    }
}
