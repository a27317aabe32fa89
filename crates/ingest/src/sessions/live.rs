//! The live sessions of all devices, in memory.
//!
//! They are spread over shards with a lock each. Whoever changes the session of a device holds
//! the lock of its shard until the change is on disk: so the order in the spool is that of the
//! sessions, and what could not be written leaves no trace here.
//!
//! There are only so many of them: at the bound, whoever opens a session ends an old one of its
//! shard in the same step.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Mutex as QuickMutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use paneld_domain::{ProjectKey, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use super::{DeviceKey, Live};

/// While one request of a shard is being written, the others wait; so there are many.
const MOST_SHARDS: usize = 4_096;
/// How many sessions a shard has at the bound, at least: the oldest of so many is an old one.
const OF_A_SHARD: usize = 4;
/// For how long after a session was ended early, in milliseconds, its device may come back with
/// an event that would be given the same id: half an hour, and what events may be late or early.
const CROWDED_MS: i64 = 60 * 60_000;

type Shard = HashMap<DeviceKey, Live>;
/// The device on which an identified profile was seen last.
type Devices = HashMap<(i64, String), String>;

#[derive(Debug)]
pub(crate) struct LiveSessions {
    shards: Vec<Mutex<Shard>>,
    devices: QuickMutex<Devices>,
    hasher: RandomState,
    count: AtomicUsize,
    limit: usize,
    /// When a session was last ended early, in milliseconds since 1970.
    crowded_at: AtomicI64,
}

/// Sessions that nobody else can change now.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    all: &'a LiveSessions,
    shards: Vec<(usize, MutexGuard<'a, Shard>)>,
}

impl LiveSessions {
    /// These sessions, and no more than `limit` from now on.
    pub(crate) fn new(sessions: Vec<(DeviceKey, Live)>, limit: usize, crowded_at: i64) -> Self {
        let hasher = RandomState::new();
        let mut shards = vec![Shard::new(); (limit / OF_A_SHARD).clamp(1, MOST_SHARDS)];
        let count = AtomicUsize::new(sessions.len());
        let mut devices = Devices::new();
        for (key, live) in sessions {
            if let Some(profile) = profile_of(&key, &live) {
                devices.insert(profile, key.device.clone());
            }
            let index = index(&hasher, shards.len(), &key);
            shards[index].insert(key, live);
        }
        Self {
            shards: shards.into_iter().map(Mutex::new).collect(),
            devices: QuickMutex::new(devices),
            hasher,
            count,
            limit,
            crowded_at: AtomicI64::new(crowded_at),
        }
    }

    /// Waits until nobody else changes the sessions of these devices.
    pub(crate) async fn hold<'a>(&self, keys: impl IntoIterator<Item = &'a DeviceKey>) -> Held<'_> {
        let keys = keys.into_iter();
        let mut wanted = keys.map(|key| self.index(key)).collect::<Vec<_>>();
        // Always in this order, so that two never wait for each other.
        wanted.sort_unstable();
        wanted.dedup();
        let mut shards = Vec::with_capacity(wanted.len());
        for index in wanted {
            shards.push((index, self.shards[index].lock().await));
        }
        Held { all: self, shards }
    }

    /// The device on which an identified profile has its session.
    pub(crate) fn device_of(&self, project: ProjectKey, profile_id: &str) -> Option<DeviceKey> {
        let profile = (project.0, profile_id.to_owned());
        let device = self.devices().get(&profile).cloned()?;
        Some(DeviceKey::new(project, device))
    }

    /// The devices with sessions that are due, in any order.
    pub(crate) async fn due(&self, now: Timestamp) -> Vec<DeviceKey> {
        self.find(|_, live| live.is_due(now)).await
    }

    /// The devices of the sessions that are such.
    pub(crate) async fn find(&self, is_such: impl Fn(&DeviceKey, &Live) -> bool) -> Vec<DeviceKey> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().await;
            let such = shard.iter().filter(|(key, live)| is_such(key, live));
            found.extend(such.map(|(key, _)| key.clone()));
        }
        found
    }

    fn index(&self, key: &DeviceKey) -> usize {
        index(&self.hasher, self.shards.len(), key)
    }

    fn devices(&self) -> std::sync::MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// The session of a device that is held.
    pub(crate) fn get(&self, key: &DeviceKey) -> Option<&Live> {
        self.shard(key)?.get(key)
    }

    fn shard(&self, key: &DeviceKey) -> Option<&Shard> {
        let index = self.all.index(key);
        let (_, shard) = self.shards.iter().find(|(held, _)| *held == index)?;
        Some(shard)
    }

    /// The sessions that must end so that a device which has none, and is held, may have one:
    /// those of its shard to which nothing came for longest. Usually none.
    pub(crate) fn in_the_way_of(&self, key: &DeviceKey) -> Vec<(DeviceKey, Live)> {
        let count = self.all.count.load(Ordering::Relaxed);
        let (Some(over), Some(shard)) = (count.checked_sub(self.all.limit), self.shard(key)) else {
            return Vec::new();
        };
        let mut sessions = shard.iter().collect::<Vec<_>>();
        sessions.sort_unstable_by_key(|(_, live)| (!live.is_ended, live.received_at));
        // One more than come in, while there are too many: others opened some at the same time.
        let most = if over == 0 { 1 } else { 2 };
        let ended = sessions.into_iter().take(most);
        ended
            .map(|(key, live)| (key.clone(), live.clone()))
            .collect()
    }

    /// Whether a device that has no session may have had one until it was ended early.
    pub(crate) fn is_crowded(&self, at: Timestamp) -> bool {
        let crowded_at = self.all.crowded_at.load(Ordering::Relaxed);
        at.timestamp_millis().saturating_sub(crowded_at) < CROWDED_MS
    }

    /// Notes that sessions were ended early.
    pub(crate) fn note_crowded(&self, at: i64) {
        self.all.crowded_at.fetch_max(at, Ordering::Relaxed);
    }

    /// Makes changes that are on disk now.
    pub(crate) fn put(&mut self, changes: Vec<(DeviceKey, Option<Live>)>) {
        for (key, live) in changes {
            let index = self.all.index(&key);
            let Some((_, shard)) = self.shards.iter_mut().find(|(held, _)| *held == index) else {
                continue;
            };
            let profile = live.as_ref().and_then(|live| profile_of(&key, live));
            let device = key.device.clone();
            let project = key.project;
            let before = match live {
                Some(live) => {
                    let before = shard.insert(key, live);
                    let added = usize::from(before.is_none());
                    self.all.count.fetch_add(added, Ordering::Relaxed);
                    before
                }
                None => {
                    let before = shard.remove(&key);
                    let removed = usize::from(before.is_some());
                    self.all.count.fetch_sub(removed, Ordering::Relaxed);
                    before
                }
            };
            let before = before.map(|before| (project, before.session.profile_id));
            self.point(before, profile, device);
        }
    }

    fn point(&self, before: Option<(i64, String)>, now: Option<(i64, String)>, device: String) {
        if before.is_none() && now.is_none() {
            return;
        }
        let mut devices = self.all.devices();
        if let Some(before) = before
            && now.as_ref() != Some(&before)
            && devices.get(&before) == Some(&device)
        {
            devices.remove(&before);
        }
        if let Some(profile) = now {
            devices.insert(profile, device);
        }
    }
}

/// Who is identified in a session.
fn profile_of(key: &DeviceKey, live: &Live) -> Option<(i64, String)> {
    let profile_id = &live.session.profile_id;
    (*profile_id != key.device).then(|| (key.project, profile_id.clone()))
}

fn index(hasher: &RandomState, shards: usize, key: &DeviceKey) -> usize {
    // Cut off as intended: any bits do.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash do")]
    let hash = hasher.hash_one(key) as usize;
    hash % shards
}
