//! Random changes, and what a store holds after them, as simply as can be.

use std::cmp::Reverse;

use paneld_domain::{Event, ProjectKey, Session};
use paneld_events::{EventStore, StoreChange};
use proptest::prelude::*;

use crate::fixtures::*;

pub(crate) type Change = (ProjectKey, StoreChange);

pub(crate) fn project() -> impl Strategy<Value = ProjectKey> {
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

pub(crate) fn change() -> impl Strategy<Value = StoreChange> {
    let second = -30..30i64;
    let events = (any::<u128>(), identity(), session_id(), second.clone());
    let events = events.prop_map(|(number, (device, profile), session, second)| {
        let mut event = event(number, device, profile, second);
        event.session_id = session.into();
        event.path = ["", "/", "/a"][number as usize % 3].into();
        if number % 2 == 0 {
            event.properties = [("__title".into(), "A".into())].into();
        }
        of_event(event)
    });
    let hour = prop_oneof![2 => Just(0), 1 => -30..30_i64];
    let began = prop_oneof![2 => Just(0), 1 => second.clone()];
    let entry = prop_oneof![3 => Just(0), 1 => 0..3_usize];
    let sessions = (session_id(), identity(), hour, began, entry, any::<u32>());
    let sessions = sessions.prop_map(|(id, (device, profile), hour, began, entry, views)| {
        let mut session = session(id, device, profile, hour * 3_600 + began * 30);
        // Versions of one session are close to each other.
        if hour != 0 {
            session.id = format!("{id} of hour {hour}");
        }
        session.place.city = ["", "Bergen", "Porto"][entry].into();
        session.entry_path = ["", "/", "/b"][entry].into();
        session.ended_at += chrono::TimeDelta::milliseconds(i64::from(views % 1_000));
        session.exit_path = ["", "/", "/c"][views as usize % 3].into();
        session.exit_origin = ["", "https://shop.example"][views as usize % 2].into();
        session.screen_view_count = views;
        session.event_count = views % 7;
        session.revenue = u64::from(views) * 3;
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
pub(crate) struct Model {
    events: Vec<(ProjectKey, Event)>,
    pub(crate) sessions: Vec<(ProjectKey, Session)>,
    bots: Vec<(ProjectKey, paneld_domain::BotVisit)>,
    chunks: Vec<(ProjectKey, paneld_domain::ReplayChunk)>,
}

impl Model {
    pub(crate) fn apply(&mut self, (project, change): Change) {
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

    /// Demands of a store that it holds the same, and closes it.
    pub(crate) async fn compare(&self, folder: &Folder, store: EventStore) {
        for project in [PROJECT, OTHER] {
            assert_eq!(events_of(&store, project).await, self.events_of(project));
            let mut sessions = sessions_of(&store, project).await;
            sessions.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(sessions, self.sessions_of(project));
        }
        store.close().await;
        let bots = folder.rows("bot_visits", &["project_key", "id", "created_at"]);
        assert_eq!(bots, self.bots());
        let columns = ["project_key", "session_id", "started_at", "chunk_index"];
        assert_eq!(folder.rows("replay_chunks", &columns), self.chunks());
    }

    /// The events of a project, as a store lists them.
    fn events_of(&self, project: ProjectKey) -> Vec<Event> {
        let events = self.events.iter().filter(|(of, _)| *of == project);
        let mut events = events.map(|(_, row)| row.clone()).collect::<Vec<_>>();
        events.sort_by_key(|row| (Reverse(row.created_at), row.id));
        events
    }

    /// The sessions of a project, by their ids.
    fn sessions_of(&self, project: ProjectKey) -> Vec<Session> {
        let sessions = self.sessions.iter().filter(|(of, _)| *of == project);
        let mut sessions = sessions.map(|(_, row)| row.clone()).collect::<Vec<_>>();
        sessions.sort_by(|a, b| a.id.cmp(&b.id));
        sessions
    }

    /// The visits of bots: a line each, in order.
    fn bots(&self) -> Vec<String> {
        let bots = self.bots.iter().map(|(project, row)| {
            let (id, at) = (row.id.simple(), printed(row.created_at));
            format!("{} {id} {at}", project.0)
        });
        let mut bots = bots.collect::<Vec<_>>();
        bots.sort();
        bots
    }

    /// The recordings: a line each, in order.
    fn chunks(&self) -> Vec<String> {
        let chunks = self.chunks.iter().map(|(project, row)| {
            let (id, at, index) = (&row.session_id, printed(row.started_at), row.index);
            format!("{} {id} {at} {index}", project.0)
        });
        let mut chunks = chunks.collect::<Vec<_>>();
        chunks.sort();
        chunks
    }
}
