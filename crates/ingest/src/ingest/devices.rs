//! Which device a caller is, and which session it has.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
};

use paneld_domain::Timestamp;

use super::{DeviceState, Found, Ids, Inner};
use crate::{
    DeviceId, SessionId, Target, Visitor,
    sessions::{DeviceKey, Held},
};

impl Inner {
    /// Which device and session a visitor has.
    pub(super) async fn device(&self, target: &Target, visitor: &Visitor) -> DeviceState {
        let now = self.clock.now();
        let (candidates, held) = self.hold(target, Device::of(visitor), None, now).await;
        let found = candidates.found(&held, now);
        let device = match found {
            Found::Previous => &candidates.previous,
            Found::Current | Found::Nothing => &candidates.current,
        };
        let session = held.get(device).filter(|_| found != Found::Nothing);
        DeviceState {
            ids: Ids {
                device_id: device.device().to_owned(),
                session_id: session.map_or_else(String::new, |live| live.session.id.clone()),
            },
            found,
        }
    }

    /// The ids that a device may have at a moment. Waits until nobody else changes their sessions,
    /// and that of another device.
    pub(super) async fn hold(
        &self,
        target: &Target,
        device: Device<'_>,
        other: Option<&DeviceKey>,
        at: Timestamp,
    ) -> (Candidates, Held<'_>) {
        let (visitor, address) = match device {
            Device::Told(device) => {
                let candidates = Candidates::one(target, device);
                let held = self.live.hold(&candidates.keys(other)).await;
                return (candidates, held);
            }
            Device::Of(visitor, address) => (visitor, address),
        };
        let salts = Arc::clone(&self.salts.read().unwrap_or_else(PoisonError::into_inner));
        let current = visitor.device(target, address, &salts.current);
        let candidates = Candidates::one(target, &current);
        let held = self.live.hold(&candidates.keys(other)).await;
        if candidates.found(&held, at) == Found::Current {
            // So it is with most, and another id takes a while to be made.
            return (candidates, held);
        }
        drop(held);
        let previous = visitor.device(target, address, &salts.previous);
        let candidates = Candidates {
            previous: DeviceKey::new(target.key, previous.as_str().to_owned()),
            ..candidates
        };
        let held = self.live.hold(&candidates.keys(other)).await;
        (candidates, held)
    }
}

/// A device.
pub(super) enum Device<'a> {
    /// The caller gave it this id.
    Told(&'a DeviceId),
    /// It is that of the visitor at an address.
    Of(&'a Visitor, IpAddr),
}

impl<'a> Device<'a> {
    pub(super) fn of(visitor: &'a Visitor) -> Self {
        Self::Of(visitor, visitor.address)
    }
}

/// The ids that a device may have: the first with a live session is its own.
pub(super) struct Candidates {
    current: DeviceKey,
    previous: DeviceKey,
}

impl Candidates {
    /// This id alone.
    fn one(target: &Target, device: &DeviceId) -> Self {
        let key = DeviceKey::new(target.key, device.as_str().to_owned());
        Self {
            current: key.clone(),
            previous: key,
        }
    }

    fn keys<'a>(&'a self, other: Option<&'a DeviceKey>) -> Vec<&'a DeviceKey> {
        let both = [&self.current, &self.previous];
        both.into_iter().chain(other).collect()
    }

    fn found(&self, held: &Held<'_>, at: Timestamp) -> Found {
        let goes_on = |key| held.get(key).is_some_and(|live| live.goes_on(at));
        if goes_on(&self.current) {
            Found::Current
        } else if goes_on(&self.previous) {
            Found::Previous
        } else {
            Found::Nothing
        }
    }

    /// The device that something happened on then.
    fn device(&self, held: &Held<'_>, at: Timestamp) -> &DeviceKey {
        match self.found(held, at) {
            Found::Previous => &self.previous,
            Found::Current | Found::Nothing => &self.current,
        }
    }

    /// What the caller is told of something that happened then.
    pub(super) fn ids(&self, target: &Target, held: &Held<'_>, at: Timestamp) -> Ids {
        let device = self.device(held, at);
        let live = held.get(device).filter(|live| live.goes_on(at));
        let session_id = match live {
            Some(live) => live.session.id.clone(),
            None => {
                // Its id may have been that of a session which was ended early.
                let id = if held.get(device).is_none() && held.is_crowded(at) {
                    SessionId::random()
                } else {
                    SessionId::derive(&target.id, device.device(), at)
                };
                id.as_str().to_owned()
            }
        };
        Ids {
            device_id: device.device().to_owned(),
            session_id,
        }
    }
}
