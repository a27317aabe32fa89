//! The live sessions of all devices, in memory.
//!
//! They are spread over shards with a lock each. Whoever changes the session of a device holds
//! the lock of its shard until the change is on disk: so the order in the spool is that of the
//! sessions, and what could not be written leaves no trace here.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex as QuickMutex, PoisonError},
};

use paneld_domain::{ProjectKey, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use super::{DeviceKey, Live};

/// While one request of a shard is being written, the others wait; so there are many.
const SHARDS: usize = 4_096;

type Shard = HashMap<DeviceKey, Live>;
/// The device on which an identified profile was seen last.
type Devices = HashMap<(i64, String), String>;

#[derive(Debug)]
pub(crate) struct LiveSessions {
    shards: Vec<Mutex<Shard>>,
    devices: QuickMutex<Devices>,
    hasher: RandomState,
}

/// Sessions that nobody else can change now.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    all: &'a LiveSessions,
    shards: Vec<(usize, MutexGuard<'a, Shard>)>,
}

impl LiveSessions {
    pub(crate) fn new(sessions: Vec<(DeviceKey, Live)>) -> Self {
        let hasher = RandomState::new();
        let mut shards = vec![Shard::new(); SHARDS];
        let mut devices = Devices::new();
        for (key, live) in sessions {
            if let Some(profile) = profile_of(&key, &live) {
                devices.insert(profile, key.device.clone());
            }
            shards[index(&hasher, &key)].insert(key, live);
        }
        Self {
            shards: shards.into_iter().map(Mutex::new).collect(),
            devices: QuickMutex::new(devices),
            hasher,
        }
    }

    /// Waits until nobody else changes the sessions of these devices.
    pub(crate) async fn hold(&self, keys: &[&DeviceKey]) -> Held<'_> {
        let mut wanted = keys
            .iter()
            .map(|key| index(&self.hasher, key))
            .collect::<Vec<_>>();
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

    fn devices(&self) -> std::sync::MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// The session of a device that is held.
    pub(crate) fn get(&self, key: &DeviceKey) -> Option<&Live> {
        let index = index(&self.all.hasher, key);
        let (_, shard) = self.shards.iter().find(|(held, _)| *held == index)?;
        shard.get(key)
    }

    /// Makes changes that are on disk now.
    pub(crate) fn put(&mut self, changes: Vec<(DeviceKey, Option<Live>)>) {
        for (key, live) in changes {
            let index = index(&self.all.hasher, &key);
            let Some((_, shard)) = self.shards.iter_mut().find(|(held, _)| *held == index) else {
                continue;
            };
            let profile = live.as_ref().and_then(|live| profile_of(&key, live));
            let device = key.device.clone();
            let project = key.project;
            let before = match live {
                Some(live) => shard.insert(key, live),
                None => shard.remove(&key),
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

fn index(hasher: &RandomState, key: &DeviceKey) -> usize {
    // Cut off as intended: any bits do.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash do")]
    let hash = hasher.hash_one(key) as usize;
    hash % SHARDS
}
