//! Events of the past, as rows in stored form: `docs/contract/track.md` §1.5 and its decision.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use paneld_domain::{Agent, Event, Place, Referrer, Sdk, Session, Timestamp};
use serde::{
    Deserializer as _,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use tokio::{runtime::Handle, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    Ids, Ingest, PathStep, Problem, SessionId, Target,
    moment::importable,
    payload::{Fields, LONGEST_TEXT},
    properties::LONGEST_VALUE,
    record::{Change, Record},
    sessions::{DeviceKey, IDLE_MS, Live},
    spool::{Account, Append, Seen, SpoolError},
    text::{LONGEST_ADDRESS, cut},
};

/// How many rows may be imported at once.
pub const MOST_ROWS: usize = 10_000;
/// How many properties and groups they may have together: what is small in a body takes several
/// times as much memory.
const MOST_VALUES: usize = 1_000_000;
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
        let problem = |message: String| {
            let path = Vec::new();
            vec![Problem { path, message }]
        };
        let mut input = serde_json::Deserializer::from_str(text);
        let read = input.deserialize_seq(Reader::new(now));
        let read = read.and_then(|read| input.end().map(|()| read));
        let read = read.map_err(|error| {
            problem(if error.is_data() {
                "must be a list of events".to_owned()
            } else {
                format!("must be JSON: {error}")
            })
        })?;
        match read.beyond {
            Some(why) => Err(problem(why)),
            None if !read.problems.is_empty() => Err(read.problems),
            None => Ok(Self(read.rows)),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whose sessions must be known to sort the rows into sessions, and of which time.
    pub fn visits(&self) -> Option<Visits> {
        let visits = self
            .0
            .iter()
            .map(|row| &row.event)
            .filter(|event| is_visit(event));
        let mut devices = BTreeSet::new();
        let (mut from, mut to) = (Timestamp::MAX_UTC, Timestamp::MIN_UTC);
        for event in visits {
            devices.insert(device_of(event).to_owned());
            from = from.min(event.created_at);
            to = to.max(event.created_at);
        }
        let idle = chrono::TimeDelta::milliseconds(IDLE_MS);
        (!devices.is_empty()).then(|| Visits {
            devices: devices.into_iter().collect(),
            from: from - idle,
            to: to + idle,
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of which devices the sessions of some time must be known.
#[derive(Debug, Clone, PartialEq)]
pub struct Visits {
    /// The ids of the devices.
    pub devices: Vec<String>,
    /// The end of the earliest session that may go on.
    pub from: Timestamp,
    /// The start of the latest.
    pub to: Timestamp,
}

/// Reads rows one by one, and keeps no more of them than can be imported. Behind that, the rest is
/// only read to see that it is JSON.
struct Reader {
    now: Timestamp,
    rows: Vec<Row>,
    /// How many properties and groups the rows have.
    values: usize,
    problems: Vec<Problem>,
    /// Which bound all rows together are beyond.
    beyond: Option<String>,
}

impl Reader {
    fn new(now: Timestamp) -> Self {
        Self {
            now,
            rows: Vec::new(),
            values: 0,
            problems: Vec::new(),
            beyond: None,
        }
    }

    fn is_over(&self) -> bool {
        self.beyond.is_some() || self.problems.len() >= MOST_TOLD
    }

    fn add(&mut self, index: usize, text: &str) {
        if index == MOST_ROWS {
            self.refuse(format!("must be at most {MOST_ROWS} events"));
            return;
        }
        match read(text, self.now) {
            Ok(row) => {
                self.values += row.event.properties.len() + row.event.groups.len();
                self.rows.push(row);
            }
            Err(of_row) => self.problems.extend(of_row.into_iter().map(|problem| {
                let index = std::iter::once(PathStep::Index(index));
                Problem {
                    path: index.chain(problem.path).collect(),
                    ..problem
                }
            })),
        }
        if self.values > MOST_VALUES {
            self.refuse(format!(
                "must have at most {MOST_VALUES} properties and groups in all events together"
            ));
        }
    }

    fn refuse(&mut self, why: String) {
        self.beyond = Some(why);
        self.rows = Vec::new();
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        let mut index = 0;
        while !self.is_over() {
            let Some(row) = list.next_element::<&RawValue>()? else {
                return Ok(self);
            };
            self.add(index, row.get());
            index += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
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
    let country = fields.country("country");
    let mut text = |name| {
        let mut text = fields.text_of(name, longest(name)).unwrap_or_default();
        cut(&mut text, LONGEST_ADDRESS);
        text
    };
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
            country,
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

/// How many bytes the text of a column may have: addresses as many as in Track, which keeps fewer,
/// and what is one of few as many as names.
fn longest(column: &str) -> usize {
    match column {
        "path" | "origin" | "referrer" | "referrer_name" => LONGEST_VALUE,
        _ => LONGEST_TEXT,
    }
}

impl Ingest {
    /// Takes events of the past; those whose ids came within a day are there already. With
    /// `known`, the sessions that there are of [these visits](Rows::visits), the rows without a
    /// session are sorted into sessions: into known ones where they go on, else into new ones. The
    /// caller's turn is held until it is done.
    ///
    /// # Errors
    /// When they could not be written; then none of them is kept.
    pub async fn import(
        &self,
        target: Arc<Target>,
        rows: Rows,
        known: Option<Vec<Session>>,
        arrival: Timestamp,
        turn: impl Send + 'static,
    ) -> Result<(), SpoolError> {
        let ingest = self.clone();
        let runtime = Handle::current();
        // Thousands of rows take a while, in which an event loop has other things to do. And what
        // was begun is brought to an end, also where the caller goes away.
        let work = move || {
            let _turn = turn;
            runtime.block_on(ingest.import_all(target, rows, known, arrival))
        };
        spawn_blocking(work)
            .await
            .map_err(|_stopped| SpoolError::Closed)?
    }

    async fn import_all(
        &self,
        target: Arc<Target>,
        rows: Rows,
        known: Option<Vec<Session>>,
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
        let known = match known {
            Some(known) => Some(self.without_live(&target, known).await),
            None => None,
        };
        let changes = match known {
            Some(known) => with_sessions(&target, fresh, known, arrival),
            None => fresh.into_iter().map(Box::new).map(Change::Event).collect(),
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
    /// Those of these sessions that are over: what is live now is not changed behind its back.
    async fn without_live(&self, target: &Target, known: Vec<Session>) -> Vec<Session> {
        let mut over = Vec::with_capacity(known.len());
        for session in known {
            let device = DeviceKey::new(target.key, session.device_id.clone());
            let live = self.inner().live.now(&device).await;
            if live.is_none_or(|live| live.session.id != session.id) {
                over.push(session);
            }
        }
        over
    }

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

/// Whether an event belongs to a session, of which it does not tell.
fn is_visit(event: &Event) -> bool {
    event.session_id.is_empty() && !device_of(event).is_empty() && !event.agent.is_server()
}

/// On which device it happened; without one, everybody has one.
fn device_of(event: &Event) -> &str {
    match event.device_id.as_str() {
        "" => &event.profile_id,
        device => device,
    }
}

/// Sorts the events without a session into sessions, by the rules of live ones.
fn with_sessions(
    target: &Target,
    events: Vec<Event>,
    known: Vec<Session>,
    arrival: Timestamp,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut devices = BTreeMap::<String, Vec<Event>>::new();
    for event in events {
        if is_visit(&event) {
            let device = device_of(&event).to_owned();
            devices.entry(device).or_default().push(event);
        } else {
            changes.push(Change::Event(Box::new(event)));
        }
    }
    let mut known_of = HashMap::<String, Vec<Session>>::new();
    for session in known {
        let device = session.device_id.clone();
        known_of.entry(device).or_default().push(session);
    }
    for (device, mut events) in devices {
        events.sort_by_key(|event| event.created_at);
        let key = DeviceKey::new(target.key, device);
        let mut known = known_of.remove(key.device()).unwrap_or_default();
        let mut open = None::<Visit>;
        for mut event in events {
            event.device_id = key.device().to_owned();
            if !open
                .as_ref()
                .is_some_and(|visit| visit.live.goes_on(event.created_at))
            {
                end(&mut changes, target, open.take(), arrival);
                open = Visit::go_on(&mut known, event.created_at, arrival);
            }
            match open.as_mut() {
                Some(Visit { live, is_known }) => {
                    event.session_id.clone_from(&live.session.id);
                    live.extend(&event, arrival);
                    if *is_known {
                        changes.push(Change::Event(Box::new(event)));
                    } else {
                        crate::ingest::keep(&mut changes, event, live);
                    }
                }
                None => {
                    let id = SessionId::imported(&target.id, key.device(), event.created_at);
                    id.as_str().clone_into(&mut event.session_id);
                    let mut live = Live::open(&event, arrival);
                    crate::ingest::open(&mut changes, target, event, &mut live);
                    let is_known = false;
                    open = Some(Visit { live, is_known });
                }
            }
        }
        end(&mut changes, target, open, arrival);
    }
    changes
}

/// A session that imported events belong to.
struct Visit {
    live: Live,
    /// Whether it was there before: its end is told already, and what it saw is not known here.
    is_known: bool,
}

impl Visit {
    /// The known session, which is known no more, that goes on with an event of this time.
    fn go_on(known: &mut Vec<Session>, at: Timestamp, arrival: Timestamp) -> Option<Self> {
        let is_near = |session: &Session| {
            let ahead = (session.created_at - at).num_milliseconds();
            let behind = (at - session.ended_at).num_milliseconds();
            ahead < IDLE_MS && behind < IDLE_MS
        };
        let found = known.iter().position(is_near)?;
        let live = Live::known(known.remove(found), arrival);
        Some(Self {
            live,
            is_known: true,
        })
    }
}

fn end(changes: &mut Vec<Change>, target: &Target, visit: Option<Visit>, arrival: Timestamp) {
    let Some(Visit { live, is_known }) = visit else {
        return;
    };
    if is_known {
        changes.push(Change::Disordered(live.span()));
    } else {
        let mut end = live.end();
        end.imported_at = Some(arrival);
        crate::ingest::tell(changes, target, end);
    }
    changes.push(Change::Session(Box::new(live.session)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::tests::event;

    fn told(text: &str) -> Vec<(usize, String)> {
        let now = paneld_domain::parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        match Rows::read(text, now) {
            Ok(rows) => panic!("{} rows", rows.len()),
            Err(problems) => {
                let told = problems.into_iter();
                told.map(|problem| (problem.path.len(), problem.message))
                    .collect()
            }
        }
    }

    #[test]
    fn what_all_rows_have_together_is_bounded() {
        let now = paneld_domain::parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        let event = |beside: &str| {
            format!(r#"{{"name":"x","created_at":"2026-01-14 10:00:00","groups":["g"]{beside}}}"#)
        };
        let list = |row: &str, count: usize| format!("[{}]", vec![row; count].join(","));
        let most = list(&event(""), MOST_ROWS);
        assert_eq!(Rows::read(&most, now).unwrap().len(), MOST_ROWS);
        let too_many = vec![(0, "must be at most 10000 events".to_owned())];
        assert_eq!(told(&list(&event(""), MOST_ROWS + 1)), too_many);
        let properties = (0..499).map(|n| format!(r#""{n}":1"#)).collect::<Vec<_>>();
        let full = event(&format!(r#","properties":{{{}}}"#, properties.join(",")));
        assert_eq!(Rows::read(&list(&full, 2_000), now).unwrap().len(), 2_000);
        let why = "must have at most 1000000 properties and groups in all events together";
        assert_eq!(told(&list(&full, 2_001)), [(0, why.to_owned())]);
        // All of it is JSON, or that is what is told.
        let cut = list(&full, 2_001).replace(']', "");
        assert!(told(&cut)[0].1.starts_with("must be JSON"));
    }

    #[test]
    fn nothing_is_kept_of_rows_that_are_none() {
        let zeros = format!("[{}0]", "0,".repeat(1_000_000));
        let told = told(&zeros);
        assert_eq!(told.len(), MOST_TOLD);
        assert_eq!(told[0], (1, "must be an object".to_owned()));
    }

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
