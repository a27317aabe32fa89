//! How much of people is shown in one answer.

use std::collections::BTreeMap;

use paneld_domain::{Event, Group, Profile};

/// The room that is left in an answer. What has none is cut off: rows stay, and what they had last
/// goes.
#[derive(Debug)]
pub struct AnswerRoom {
    bytes: usize,
}

/// A row as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<T> {
    /// The row, cut where it is too long to be shown.
    pub row: T,
    /// Whether something of it had no room in the answer.
    pub is_cut: bool,
}

impl Default for AnswerRoom {
    fn default() -> Self {
        Self {
            bytes: Self::MOST_BYTES,
        }
    }
}

/// A row whose properties and groups may be cut.
pub trait Cut {
    /// Keeps what has room.
    fn cut(&mut self, room: &mut AnswerRoom) -> bool;
}

impl AnswerRoom {
    /// How many bytes of properties and groups one answer shows. A page of the usual length has
    /// room for rows that are as big as they can be.
    pub const MOST_BYTES: usize = 8 * 1024 * 1024;

    /// The row, as far as there is room for it.
    pub fn show<T: Cut>(&mut self, mut row: T) -> Shown<T> {
        let is_cut = row.cut(self);
        Shown { row, is_cut }
    }

    fn take(&mut self, bytes: usize) -> bool {
        match self.bytes.checked_sub(bytes) {
            Some(left) => self.bytes = left,
            // What is smaller and comes later has no room either: it is cut at one place.
            None => self.bytes = 0,
        }
        self.bytes > 0
    }

    fn cut_properties(&mut self, properties: &mut BTreeMap<String, String>) -> bool {
        let before = properties.len();
        properties.retain(|name, value| self.take(name.len() + value.len()));
        properties.len() < before
    }
}

impl Cut for Profile {
    fn cut(&mut self, room: &mut AnswerRoom) -> bool {
        let before = self.groups.len();
        let is_cut = room.cut_properties(&mut self.properties);
        self.groups.retain(|group| room.take(group.len()));
        is_cut || self.groups.len() < before
    }
}

impl Cut for Group {
    fn cut(&mut self, room: &mut AnswerRoom) -> bool {
        room.cut_properties(&mut self.properties)
    }
}

impl Cut for Event {
    fn cut(&mut self, room: &mut AnswerRoom) -> bool {
        let before = self.groups.len();
        let is_cut = room.cut_properties(&mut self.properties);
        self.groups.retain(|group| room.take(group.len()));
        is_cut || self.groups.len() < before
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::Timestamp;

    use super::*;

    fn profile(properties: &[(&str, usize)], groups: &[&str]) -> Profile {
        let mut profile = Profile::new("anna".to_owned(), Timestamp::UNIX_EPOCH);
        let properties = properties.iter();
        profile.properties = properties
            .map(|&(name, bytes)| (name.to_owned(), "v".repeat(bytes)))
            .collect();
        profile.groups = groups.iter().map(|&group| group.to_owned()).collect();
        profile
    }

    #[test]
    fn what_has_room_is_whole_and_what_is_behind_it_is_cut() {
        let mut room = AnswerRoom { bytes: 20 };
        let whole = room.show(profile(&[("a", 4)], &["acme"]));
        assert_eq!(whole.row, profile(&[("a", 4)], &["acme"]));
        assert!(!whole.is_cut);
        let cut = room.show(profile(&[("a", 4), ("b", 9), ("c", 0)], &["g"]));
        assert_eq!(cut.row, profile(&[("a", 4)], &[]));
        assert!(cut.is_cut);
        assert!(!room.show(profile(&[], &[])).is_cut);
        assert!(room.show(profile(&[], &["g"])).is_cut);
    }
}
