//! Taking events of the past: `docs/contract/track.md` §1.5 and its decision.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use paneld_domain::{Event, Session, Timestamp};
use tokio::{runtime::Handle, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    Ids, ImportRows, Ingest, SessionId, Target,
    pipeline::{
        record::{Change, Record},
        sessions::{DeviceKey, Live},
        spool::{Account, Append, RequestKey, SpoolError},
    },
    request::{
        identity::IDLE_MS,
        import_rows::{ImportRow, device_of, is_visit},
    },
};

/// How many events go into one record, and after how many bytes of them no more do: a record is
/// read, applied and set aside as a whole.
const PER_RECORD: usize = 500;
const BYTES_PER_RECORD: usize = 256 * 1024;

impl Ingest {
    /// Takes events of the past; those whose ids came within a day are there already. With
    /// `known`, the sessions that there are of [these visits](ImportRows::visits), the rows without a
    /// session are sorted into sessions: into known ones where they go on, else into new ones. The
    /// caller's turn is held until it is done.
    ///
    /// # Errors
    /// When they could not be written; then none of them is kept.
    pub async fn import(
        &self,
        target: Arc<Target>,
        rows: ImportRows,
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
        rows: ImportRows,
        known: Option<Vec<Session>>,
        arrival: Timestamp,
    ) -> Result<(), SpoolError> {
        let seen_of = |row: &ImportRow| {
            row.has_id.then_some(RequestKey {
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
    async fn seen(&self, ids: Vec<RequestKey>) -> Result<HashSet<Uuid>, SpoolError> {
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
                        crate::pipeline::ingest::keep(&mut changes, event, live);
                    }
                }
                None => {
                    let id = SessionId::imported(&target.id, key.device(), event.created_at);
                    id.as_str().clone_into(&mut event.session_id);
                    let mut live = Live::open(&event, arrival);
                    crate::pipeline::ingest::open(&mut changes, target, event, &mut live);
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
        crate::pipeline::ingest::tell(changes, target, end);
    }
    changes.push(Change::Session(Box::new(live.session)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sessions::tests::event;

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
