//! The live sessions of all devices, in memory.
//!
//! They are spread over shards with a lock each. Whoever changes the session of a device holds
//! the lock of its shard until the change is on disk: so the order in the spool is that of the
//! sessions, and what could not be written leaves no trace here.
//!
//! There is only so much room for them (`room.rs`): where it is spent, whoever opens or extends a
//! session ends some in the same step, of the project that is furthest over its share.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Mutex as QuickMutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use paneld_domain::{OrganizationId, ProjectKey, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    DeviceKey, Growth, Live, LiveChange,
    room::{Amount, Room},
};

/// While one request of a shard is being written, the others wait, whosever they are; so there are
/// many. An empty one takes a hundred bytes.
const MOST_SHARDS: usize = 16_384;
/// How many sessions a shard has at the bound, at least: the oldest of so many is an old one.
const OF_A_SHARD: usize = 4;
/// How many sessions are ended early in one step at most.
const MOST_ENDED: usize = 16;
/// For how long after a session was ended early, in milliseconds, its device may come back with
/// an event that would be given the same id: half an hour, and what events may be late or early.
const CROWDED_MS: i64 = 60 * 60_000;

/// In boxes: whoever looks for sessions of a project passes over all others.
type Shard = HashMap<DeviceKey, Box<Live>>;
/// The device on which an identified profile was seen last.
type Devices = HashMap<(i64, String), String>;

#[derive(Debug)]
pub(crate) struct LiveSessions {
    shards: Vec<Mutex<Shard>>,
    devices: QuickMutex<Devices>,
    hasher: RandomState,
    room: Room,
    /// The shard in which sessions to be ended are looked for next.
    next: AtomicUsize,
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
    /// These sessions, and no more than `limit` from now on. `owner` tells whose a project is.
    pub(crate) fn new(
        sessions: Vec<(DeviceKey, Live)>,
        limit: usize,
        crowded_at: i64,
        owner: impl Fn(ProjectKey) -> Option<OrganizationId>,
    ) -> Self {
        let hasher = RandomState::new();
        let mut shards = vec![Shard::new(); (limit / OF_A_SHARD).clamp(1, MOST_SHARDS)];
        let room = Room::new(limit);
        let mut devices = Devices::new();
        for (key, live) in sessions {
            if let Some(profile) = profile_of(&key, &live) {
                devices.insert(profile, key.device.clone());
            }
            let (project, amount) = (key.project(), Amount::of(Some(&live)));
            room.change(project, owner(project).as_ref(), Amount::default(), amount);
            let index = index(&hasher, shards.len(), &key);
            shards[index].insert(key, Box::new(live));
        }
        Self {
            shards: shards.into_iter().map(Mutex::new).collect(),
            devices: QuickMutex::new(devices),
            hasher,
            room,
            next: AtomicUsize::new(0),
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

    /// How many there are, and how many bytes they take, about.
    pub(crate) fn used(&self) -> Amount {
        self.room.used()
    }

    /// The session of a device as it is now, on disk.
    pub(crate) async fn now(&self, device: &DeviceKey) -> Option<Live> {
        self.hold([device]).await.get(device).cloned()
    }

    /// The device on which an identified profile has its session.
    pub(crate) fn device_of(&self, project: ProjectKey, profile_id: &str) -> Option<DeviceKey> {
        let profile = (project.0, profile_id.to_owned());
        let device = self.devices().get(&profile).cloned()?;
        Some(DeviceKey::new(project, device))
    }

    /// The devices with sessions that are due, in any order; and how many of these are of a clock
    /// that was ahead.
    pub(crate) async fn due(&self, now: Timestamp) -> (Vec<DeviceKey>, usize) {
        let (mut due, mut ahead) = (Vec::new(), 0);
        for shard in &self.shards {
            let shard = shard.lock().await;
            for (key, live) in shard.iter().filter(|(_, live)| live.is_due(now)) {
                ahead += usize::from(live.is_ahead(now));
                due.push(key.clone());
            }
        }
        (due, ahead)
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

    /// Notes that sessions were ended early.
    pub(crate) fn note_crowded(&self, at: i64) {
        self.crowded_at.fetch_max(at, Ordering::Relaxed);
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
        self.shard(key)?.get(key).map(|live| &**live)
    }

    fn shard(&self, key: &DeviceKey) -> Option<&Shard> {
        let index = self.all.index(key);
        let (_, shard) = self.shards.iter().find(|(held, _)| *held == index)?;
        Some(shard)
    }

    /// The sessions that must end so that there is room for these changes: of the project that is
    /// furthest over its share, those to which nothing came for longest in a shard. They are held
    /// from then on. Usually there are none.
    pub(crate) fn in_the_way_of(&mut self, changes: &[LiveChange<Live>]) -> Vec<(DeviceKey, Live)> {
        let room = &self.all.room;
        let mut ended = Vec::new();
        if room.has_plenty(changes.len()) {
            return ended;
        }
        for (key, live) in changes {
            let before = Amount::of(self.get(key));
            let after = Amount::of(live.as_ref());
            let mut missing = room.missing(before, after);
            while let Some(resource) = missing.resource()
                && ended.len() < MOST_ENDED
                && let grown = after.saturating_sub(before)
                && let Some(project) = room.furthest_over(resource, key.project(), grown)
                && let Some((device, live)) = self.oldest_of(project, changes, &ended)
            {
                missing = missing.saturating_sub(Amount::of(Some(&live)));
                ended.push((device, live));
            }
        }
        ended
    }

    /// How the sessions grow that are too big to be written whole each time.
    pub(crate) fn growth(&self, changes: &[LiveChange<Live>]) -> HashMap<DeviceKey, Growth> {
        let grown = changes.iter().filter_map(|(key, live)| {
            let growth = live.as_ref()?.growth_since(self.get(key)?)?;
            Some((key.clone(), growth))
        });
        grown.collect()
    }

    /// The session of a project to which nothing came for longest, of those in the first shard
    /// that has any: one that is held, or one that nobody is at work on, which is held from then
    /// on. None that is to be changed or ended already.
    fn oldest_of(
        &mut self,
        project: ProjectKey,
        changed: &[LiveChange<Live>],
        ended: &[(DeviceKey, Live)],
    ) -> Option<(DeviceKey, Live)> {
        let is_free = |key: &DeviceKey| {
            key.project() == project
                && !changed.iter().any(|(changed, _)| changed == key)
                && !ended.iter().any(|(ended, _)| ended == key)
        };
        let oldest = |shard: &Shard| {
            let free = shard.iter().filter(|(key, _)| is_free(key));
            let oldest = free.min_by_key(|(_, live)| (!live.is_ended, live.received_at));
            oldest.map(|(key, live)| (key.clone(), Live::clone(live)))
        };
        let found = self.shards.iter().find_map(|(_, shard)| oldest(shard));
        if found.is_some() {
            return found;
        }
        let shards = &self.all.shards;
        let first = self.all.next.load(Ordering::Relaxed);
        for index in (0..shards.len()).map(|n| (first + n) % shards.len()) {
            // To wait for a shard while holding others, two could wait for each other.
            if let Ok(shard) = shards[index].try_lock()
                && let Some(found) = oldest(&shard)
            {
                self.all.next.store(index + 1, Ordering::Relaxed);
                self.shards.push((index, shard));
                return Some(found);
            }
        }
        None
    }

    /// Whether a device that has no session may have had one until it was ended early.
    pub(crate) fn is_crowded(&self, at: Timestamp) -> bool {
        let crowded_at = self.all.crowded_at.load(Ordering::Relaxed);
        at.timestamp_millis().saturating_sub(crowded_at) < CROWDED_MS
    }

    /// Notes that sessions were ended early.
    pub(crate) fn note_crowded(&self, at: i64) {
        self.all.note_crowded(at);
    }

    /// Makes changes that are on disk now. Those that begin are of a project of this organization,
    /// as far as it is known.
    pub(crate) fn put(
        &mut self,
        changes: Vec<LiveChange<Live>>,
        organization: Option<&OrganizationId>,
    ) {
        for (key, live) in changes {
            let index = self.all.index(&key);
            let Some((_, shard)) = self.shards.iter_mut().find(|(held, _)| *held == index) else {
                continue;
            };
            let profile = live.as_ref().and_then(|live| profile_of(&key, live));
            let device = key.device.clone();
            let project = key.project();
            let after = Amount::of(live.as_ref());
            let before = match live {
                Some(live) => shard.insert(key, Box::new(live)),
                None => shard.remove(&key),
            };
            let freed = Amount::of(before.as_deref());
            self.all.room.change(project, organization, freed, after);
            let before = before.map(|before| (project.0, before.session.profile_id));
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
