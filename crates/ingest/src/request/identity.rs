//! Who a visitor is as far as it can be known without asking: `docs/contract/track.md` §5.4 and
//! §5.5.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paneld_domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shake::{
    Shake256,
    digest::{ExtendableOutput as _, Update as _, XofReader as _},
};
use uuid::Uuid;

/// After how many milliseconds without an event a session is over.
pub(crate) const IDLE_MS: i64 = 30 * 60_000;

/// An event so shortly after the edge of a bucket may belong to a visit that began before it.
const GRACE_MS: i64 = 5_000;
/// Callers send ids back in fields of this many characters.
const LONGEST: usize = 64;

/// A day's secret ingredient of device ids: who does not know it cannot find out addresses from
/// ids, and when it is forgotten nobody can.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(String);

impl Salt {
    /// A salt of these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex::encode(random))
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// What stands for a visitor's device: anew every day, unless the caller has an id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceId(String);

/// Why a text is no device id: it is empty, or longer than 64 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidDeviceId;

impl DeviceId {
    /// The device of this user agent at this address, under the salt of a day.
    pub fn derive(user_agent: &str, address: &str, project_id: &str, salt: &Salt) -> Self {
        Self::hash(&[user_agent, ":", address, ":", project_id, ":", &salt.0])
    }

    fn hash(parts: &[&str]) -> Self {
        let mut id = [0; 16];
        let mut hash = Shake256::default();
        for part in parts {
            hash.update(part.as_bytes());
        }
        hash.finalize_xof().read(&mut id);
        Self(hex::encode(id))
    }

    /// An id that the caller has given to the device itself; without blanks around it.
    ///
    /// # Errors
    /// When it is empty or longer than 64 characters.
    pub fn told(text: &str) -> Result<Self, InvalidDeviceId> {
        let text = text.trim();
        if (1..=LONGEST).contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDeviceId)
        }
    }

    /// As it is sent and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands for a visit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// The session that an event of this device opens at this moment. It is the same for all
    /// events of the same half hour, so that whoever asks twice is told the same.
    pub fn derive(project_id: &str, device_id: &str, at: Timestamp) -> Self {
        let ms = at.timestamp_millis();
        let is_at_edge = ms.rem_euclid(IDLE_MS) < GRACE_MS;
        let bucket = ms.div_euclid(IDLE_MS) - i64::from(is_at_edge);
        let digest = Sha256::digest(format!("sess:v1:{project_id}:{device_id}:{bucket}"));
        let (id, _) = digest.split_at(16);
        Self(URL_SAFE_NO_PAD.encode(id))
    }

    /// The session that an imported event of this device opens. Others of the same half hour may
    /// come with another import, and so it is that of the very moment.
    pub(crate) fn imported(project_id: &str, device_id: &str, at: Timestamp) -> Self {
        let ms = at.timestamp_millis();
        let digest = Sha256::digest(format!("import:v1:{project_id}:{device_id}:{ms}"));
        let (id, _) = digest.split_at(16);
        Self(URL_SAFE_NO_PAD.encode(id))
    }

    /// A session that nobody could tell the id of before.
    pub(crate) fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(Uuid::new_v4()))
    }

    /// As it is sent and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secrets of device ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salts {
    /// The salt of the current day.
    pub current: Salt,
    /// The salt of the day before.
    pub previous: Salt,
}

/// What a caller is told: who the visitor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The id of the device.
    pub device_id: String,
    /// The id of the session.
    pub session_id: String,
}

#[cfg(test)]
mod tests {
    use paneld_domain::parse_timestamp;

    use super::*;

    #[test]
    fn ids_are_those_of_the_contract() {
        let device = DeviceId::hash(&["UA:1.2.3.4:proj", ":", "salt"]);
        assert_eq!(device.as_str(), "b533cb85dc56ff1b4ffb0caafe0d805a");
        let session = |at| SessionId::derive("proj", device.as_str(), parse_timestamp(at).unwrap());
        let at_ten_past = session("2026-08-01T12:10:00Z");
        assert_eq!(at_ten_past.as_str(), "NigsgHtuTyspj0g3wl6Xkw");
        let in_grace = session("2026-08-01T12:00:04Z");
        assert_eq!(in_grace.as_str(), "ioN2xZt-3cNWD-uVRfzu0Q");
        assert_eq!(in_grace, session("2026-08-01T11:59:59.999Z"));
        assert_eq!(session("2026-08-01T12:00:05Z"), at_ten_past);
    }

    #[test]
    fn another_ingredient_makes_another_device() {
        let (salt, other) = (Salt::new([1; 16]), Salt::new([2; 16]));
        let ids = [
            DeviceId::derive("UA", "1.2.3.4", "proj", &salt),
            DeviceId::derive("UB", "1.2.3.4", "proj", &salt),
            DeviceId::derive("UA", "1.2.3.5", "proj", &salt),
            DeviceId::derive("UA", "1.2.3.4", "prok", &salt),
            DeviceId::derive("UA", "1.2.3.4", "proj", &other),
        ];
        let different = ids.iter().collect::<std::collections::HashSet<_>>();
        assert_eq!(different.len(), ids.len());
        assert_eq!(ids[0], DeviceId::derive("UA", "1.2.3.4", "proj", &salt));
    }

    #[test]
    fn a_salt_is_not_shown() {
        assert_eq!(format!("{:?}", Salt::new([7; 16])), "Salt(…)");
    }

    #[test]
    fn callers_may_have_ids_of_their_own() {
        let long = "ä".repeat(64);
        for (text, expected) in [(" phone-1\n", "phone-1"), (long.as_str(), long.as_str())] {
            assert_eq!(DeviceId::told(text).unwrap().as_str(), expected);
        }
        for text in ["", " ", &"x".repeat(65)] {
            assert_eq!(DeviceId::told(text), Err(InvalidDeviceId));
        }
    }
}
