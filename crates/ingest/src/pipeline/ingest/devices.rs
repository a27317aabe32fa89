//! Which device a caller is, and which session it has.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
};

use paneld_domain::Timestamp;

use super::inner::Inner;
use crate::{
    DeviceId, Ids, SessionId, Target, Visitor,
    pipeline::sessions::{DeviceKey, Held, Live},
};

/// Which session a device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// The device, and its session; empty when it has none.
    pub ids: Ids,
    /// Since when the device is known by this id.
    pub found: Found,
}

/// Under which salt a session was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Found under the salt of the current day.
    Current,
    /// Found under the salt of the day before: the visit goes on over midnight.
    Previous,
    /// Found under neither.
    Nothing,
}

impl Inner {
    /// Which device and session a visitor has.
    pub(super) async fn device(&self, target: &Target, visitor: &Visitor) -> DeviceState {
        let now = self.clock.now();
        let (device, held) = self.hold(target, Device::of(visitor), None, now).await;
        let live = device.live(&held);
        DeviceState {
            ids: Ids {
                session_id: live.map_or_else(String::new, |live| live.session.id.clone()),
                device_id: device.key.device().to_owned(),
            },
            found: device.found,
        }
    }

    /// The device that something happened on at a moment. Waits until nobody else changes its
    /// session, and that of another device.
    pub(super) async fn hold(
        &self,
        target: &Target,
        device: Device<'_>,
        other: Option<&DeviceKey>,
        at: Timestamp,
    ) -> (FoundDevice, Held<'_>) {
        let key = |id: DeviceId| DeviceKey::new(target.key, id.as_str().to_owned());
        let now = self.clock.now();
        let goes_on = |held: &Held<'_>, key| {
            let live = held.get(key);
            live.is_some_and(|live| live.goes_on(at) && !live.is_ahead(now))
        };
        let (visitor, address) = match device {
            Device::Told(id) => {
                let key = key(id.clone());
                let held = self.live.hold([&key].into_iter().chain(other)).await;
                let found = match goes_on(&held, &key) {
                    true => Found::Current,
                    false => Found::Nothing,
                };
                return (FoundDevice::new(key, found, now), held);
            }
            Device::Of(visitor, address) => (visitor, address),
        };
        let salts = Arc::clone(&self.salts.read().unwrap_or_else(PoisonError::into_inner));
        let current = key(visitor.device(target, address, &salts.current));
        let held = self.live.hold([&current].into_iter().chain(other)).await;
        if goes_on(&held, &current) {
            // So it is with most, and another id takes a while to be made.
            return (FoundDevice::new(current, Found::Current, now), held);
        }
        drop(held);
        let previous = key(visitor.device(target, address, &salts.previous));
        let both = [&current, &previous].into_iter();
        let held = self.live.hold(both.chain(other)).await;
        let device = if goes_on(&held, &current) {
            FoundDevice::new(current, Found::Current, now)
        } else if goes_on(&held, &previous) {
            FoundDevice::new(previous, Found::Previous, now)
        } else {
            FoundDevice::new(current, Found::Nothing, now)
        };
        (device, held)
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

/// The device that something happened on, and whether it had a session then.
pub(super) struct FoundDevice {
    pub(super) key: DeviceKey,
    found: Found,
    /// When it was looked for.
    now: Timestamp,
}

impl FoundDevice {
    fn new(key: DeviceKey, found: Found, now: Timestamp) -> Self {
        Self { key, found, now }
    }

    /// Its session, if that goes on.
    fn live<'a>(&self, held: &'a Held<'_>) -> Option<&'a Live> {
        held.get(&self.key).filter(|_| self.found != Found::Nothing)
    }

    /// What the caller is told of something that happened then.
    pub(super) fn ids(&self, target: &Target, held: &Held<'_>, at: Timestamp) -> Ids {
        let session_id = match self.live(held) {
            Some(live) => live.session.id.clone(),
            None => {
                // Its id may have been that of a session which was ended early.
                let is_taken = match held.get(&self.key) {
                    None => held.is_crowded(at),
                    Some(over) => over.is_ahead(self.now),
                };
                let id = if is_taken {
                    SessionId::random()
                } else {
                    SessionId::derive(&target.id, self.key.device(), at)
                };
                id.as_str().to_owned()
            }
        };
        Ids {
            device_id: self.key.device().to_owned(),
            session_id,
        }
    }
}
