//! How changes are cut into batches makes no difference.

use paneld_domain::{Event, ProjectKey, Session};
use paneld_events::{Batch, StoreChange};
use proptest::prelude::*;

use crate::fixtures::*;

type Change = (ProjectKey, StoreChange);

fn project() -> impl Strategy<Value = ProjectKey> {
    prop_oneof![Just(PROJECT), Just(OTHER)]
}

/// A device and a profile: nobody, one of two people, or the device itself.
fn identity() -> impl Strategy<Value = (&'static str, &'static str)> {
    let device = prop_oneof![Just(""), Just("d1"), Just("d2")];
    let profile = prop_oneof![Just(None), Just(Some("ann")), Just(Some("bob"))];
    (device, profile).prop_map(|(device, profile)| (device, profile.unwrap_or(device)))
}

fn session_id() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("s1"), Just("s2"), Just("s3")]
}

fn change() -> impl Strategy<Value = StoreChange> {
    let second = -30..30i64;
    let events = (any::<u128>(), identity(), session_id(), second.clone());
    let events = events.prop_map(|(number, (device, profile), session, second)| {
        let mut event = event(number, device, profile, second);
        event.session_id = session.into();
        of_event(event)
    });
    let sessions = (session_id(), identity(), second.clone(), any::<u32>());
    let sessions = sessions.prop_map(|(id, (device, profile), second, views)| {
        let mut session = session(id, device, profile, second);
        session.screen_view_count = views;
        of_session(session)
    });
    let bots = (any::<u128>(), second.clone())
        .prop_map(|(number, second)| StoreChange::Bot(bot(number, second)));
    let chunks = (session_id(), any::<u16>(), second.clone())
        .prop_map(|(session, index, second)| StoreChange::Replay(chunk(session, index, second)));
    let erase = prop_oneof![Just("ann"), Just("bob"), Just("d1")].prop_map(|profile| {
        StoreChange::EraseProfile {
            profile_id: profile.into(),
        }
    });
    let forget = (proptest::option::of(second.clone()), second).prop_map(|(events, replays)| {
        StoreChange::Forget {
            events_before: events.map(at),
            replays_before: at(replays),
        }
    });
    prop_oneof![
        30 => events,
        20 => sessions,
        3 => bots,
        10 => chunks,
        2 => erase,
        2 => forget,
        1 => Just(StoreChange::Purge),
    ]
}

/// What a store holds, as simply as can be.
#[derive(Default)]
struct Model {
    events: Vec<(ProjectKey, Event)>,
    sessions: Vec<(ProjectKey, Session)>,
    bots: Vec<(ProjectKey, paneld_domain::BotVisit)>,
    chunks: Vec<(ProjectKey, paneld_domain::ReplayChunk)>,
}

impl Model {
    fn apply(&mut self, (project, change): Change) {
        match change {
            StoreChange::Event(event) | StoreChange::View(event, _) => {
                self.events.push((project, *event));
            }
            StoreChange::Disordered(_) => {}
            StoreChange::Session(session) => {
                self.sessions
                    .retain(|(of, old)| (*of, &old.id) != (project, &session.id));
                self.sessions.push((project, *session));
            }
            StoreChange::Bot(bot) => self.bots.push((project, bot)),
            StoreChange::Replay(chunk) => self.chunks.push((project, chunk)),
            StoreChange::EraseProfile { profile_id } => self.erase(project, &profile_id),
            StoreChange::Forget {
                events_before,
                replays_before,
            } => {
                if let Some(before) = events_before {
                    self.events
                        .retain(|(of, row)| *of != project || row.created_at >= before);
                    self.sessions
                        .retain(|(of, row)| *of != project || row.created_at >= before);
                    self.bots
                        .retain(|(of, row)| *of != project || row.created_at >= before);
                }
                self.chunks
                    .retain(|(of, row)| *of != project || row.started_at >= replays_before);
            }
            StoreChange::Purge => {
                self.events.retain(|(of, _)| *of != project);
                self.sessions.retain(|(of, _)| *of != project);
                self.bots.retain(|(of, _)| *of != project);
                self.chunks.retain(|(of, _)| *of != project);
            }
        }
    }

    fn erase(&mut self, project: ProjectKey, profile: &str) {
        let mut devices = Vec::new();
        for (of, event) in &self.events {
            if *of == project && event.profile_id == profile && !event.device_id.is_empty() {
                devices.push(event.device_id.clone());
            }
        }
        let goes = |of: ProjectKey, device: &String, who: &String| {
            of == project && (who == profile || who == device && devices.contains(device))
        };
        let mut recorded = Vec::new();
        self.events.retain(|(of, row)| {
            let goes = goes(*of, &row.device_id, &row.profile_id);
            recorded.extend(goes.then(|| row.session_id.clone()));
            !goes
        });
        self.sessions.retain(|(of, row)| {
            let goes = goes(*of, &row.device_id, &row.profile_id);
            recorded.extend(goes.then(|| row.id.clone()));
            !goes
        });
        self.chunks
            .retain(|(of, row)| *of != project || !recorded.contains(&row.session_id));
    }

    /// One line for each row.
    fn rows(&self) -> Vec<String> {
        let events = self.events.iter().map(|(project, row)| {
            let (id, time) = (row.id, row.created_at.timestamp_millis());
            let (device, profile, session) = (&row.device_id, &row.profile_id, &row.session_id);
            format!(
                "event {} {id} {time} {device} {profile} {session}",
                project.0
            )
        });
        let sessions = self.sessions.iter().map(|(project, row)| {
            let (id, time) = (&row.id, row.created_at.timestamp_millis());
            let (device, profile) = (&row.device_id, &row.profile_id);
            let views = row.screen_view_count;
            format!(
                "session {} {id} {time} {device} {profile} {views}",
                project.0
            )
        });
        let bots = self.bots.iter().map(|(project, row)| {
            let (id, time) = (row.id, row.created_at.timestamp_millis());
            format!("bot {} {id} {time}", project.0)
        });
        let chunks = self.chunks.iter().map(|(project, row)| {
            let (id, time) = (&row.session_id, row.started_at.timestamp_millis());
            let index = row.index;
            format!("chunk {} {id} {time} {index}", project.0)
        });
        let mut rows: Vec<_> = events.chain(sessions).chain(bots).chain(chunks).collect();
        rows.sort();
        rows
    }
}

/// The rows of the store in the words of the model.
const ROWS: &str = "
    SELECT concat_ws(' ', 'event', project_key, id, epoch_ms(created_at), device_id, profile_id,
        session_id) FROM events
    UNION ALL SELECT concat_ws(' ', 'session', project_key, id, epoch_ms(created_at), device_id,
        profile_id, screen_view_count) FROM sessions
    UNION ALL SELECT concat_ws(' ', 'bot', project_key, id, epoch_ms(created_at)) FROM bot_visits
    UNION ALL SELECT concat_ws(' ', 'chunk', project_key, session_id, epoch_ms(started_at),
        chunk_index) FROM replay_chunks";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_changes_are_cut_into_batches_the_rows_are_those_of_the_model(
        changes in prop::collection::vec((project(), change()), 0..120),
        sizes in prop::collection::vec(1..40usize, 120),
    ) {
        let folder = Folder::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = folder.store();
            let mut rest = &changes[..];
            for (position, size) in (1..).zip(sizes) {
                let (now, later) = rest.split_at(size.min(rest.len()));
                let batch = Batch { position, changes: now.to_vec() };
                store.apply(batch).await.unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            assert!(rest.is_empty());
            store.close().await;
        });
        let mut model = Model::default();
        for change in changes {
            model.apply(change);
        }
        let connection = duckdb::Connection::open(folder.file()).unwrap();
        let mut statement = connection.prepare(ROWS).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut rows: Vec<_> = rows.map(Result::unwrap).collect();
        rows.sort();
        prop_assert_eq!(rows, model.rows());
    }
}
