//! Live sessions as they stand in the spool.

use std::sync::Arc;

use paneld_domain::Session;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{DeviceKey, Live};

/// The session of a device as it is now; `None` where there is none any more.
pub(crate) type LiveChange<T> = (DeviceKey, Option<T>);

/// Most sessions are no longer, and so are written without moving what is there already.
const USUAL_BYTES: usize = 1_024;

/// A live session, written. Most of them are replaced before anybody reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept(Arc<[u8]>);

impl Kept {
    pub(crate) fn new(live: &Live) -> Result<Self, postcard::Error> {
        Self::write(live)
    }

    pub(super) fn write(of: &impl Serialize) -> Result<Self, postcard::Error> {
        let bytes = Vec::with_capacity(USUAL_BYTES);
        Ok(Self(postcard::to_extend(of, bytes)?.into()))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The session's row, which is the beginning.
    pub(crate) fn session(&self) -> Result<Session, postcard::Error> {
        Ok(postcard::take_from_bytes(&self.0)?.0)
    }

    /// The session's id, which is the beginning of the row.
    pub(crate) fn session_id(&self) -> Result<&str, postcard::Error> {
        Self::id_of(&self.0)
    }

    /// The same of one that was not copied yet.
    pub(crate) fn id_of(bytes: &[u8]) -> Result<&str, postcard::Error> {
        Ok(postcard::take_from_bytes(bytes)?.0)
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl de::Visitor<'_> for BytesVisitor {
    type Value = Kept;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Kept, E> {
        Ok(Kept::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sessions::tests::visit;

    #[test]
    fn the_beginning_of_what_is_kept_is_the_session_and_its_id() {
        let live = visit("phone", 3);
        let kept = Kept::new(&live).unwrap();
        assert_eq!(kept.session_id().unwrap(), live.session.id);
        assert_eq!(kept.session().unwrap(), live.session);
    }
}
