//! How much is kept of one profile or group, however many requests add to it.
//!
//! What is kept already can always change within the bytes; what is new and beyond is left out.
//! What a version before these bounds kept stays, and only shrinks.

use std::collections::{BTreeMap, BTreeSet};

/// How many bytes an id may have: of a profile, a group, an alias.
pub const LONGEST_ID: usize = 255;
/// How many characters a name may have: the first or last name or the e-mail address of a
/// profile, the name or the type of a group.
pub const LONGEST_NAME: usize = 255;
/// How many bytes the name of a property may have.
pub const LONGEST_PROPERTY_NAME: usize = 256;
/// How many bytes the value of a property may have, or the URL of a picture: it may be the picture
/// itself.
pub const LONGEST_PROPERTY_VALUE: usize = 16 * 1024;
/// How many properties a profile or a group may have.
pub const MOST_PROPERTIES: usize = 500;
/// How many bytes the names and values of all its properties may have together.
pub const MOST_PROPERTY_BYTES: usize = 256 * 1024;
/// To how many groups a profile may belong.
pub const MOST_GROUPS: usize = 500;
/// How many aliases a profile may have, and how many that were only claimed.
pub const MOST_ALIASES: usize = 500;

/// The size of properties: the bytes of their names and values.
pub fn size_of(properties: &BTreeMap<String, String>) -> usize {
    let sizes = properties
        .iter()
        .map(|(name, value)| name.len() + value.len());
    sizes.sum()
}

/// Whether a text is no longer than a name may be.
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME || text.chars().count() <= LONGEST_NAME
}

/// How many properties there may be, and how many bytes of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    properties: usize,
    bytes: usize,
}

impl Room {
    /// That of a profile or a group.
    pub(crate) const OF_PEOPLE: Self = Self {
        properties: MOST_PROPERTIES,
        bytes: MOST_PROPERTY_BYTES,
    };

    /// Puts properties beside those that are kept, or in their place. Tells how many it had to
    /// leave out.
    pub(crate) fn put(
        self,
        kept: &mut BTreeMap<String, String>,
        told: impl IntoIterator<Item = (String, String)>,
    ) -> u64 {
        let mut bytes = size_of(kept);
        let mut left_out = 0;
        for (name, value) in told {
            let before = kept.get(&name).map(String::len);
            let after = match before {
                Some(before) => bytes - before + value.len(),
                None => bytes + name.len() + value.len(),
            };
            let is_known = before.is_some();
            let has_room = after <= self.bytes && (is_known || kept.len() < self.properties);
            let shrinks = is_known && after <= bytes;
            let is_short =
                name.len() <= LONGEST_PROPERTY_NAME && value.len() <= LONGEST_PROPERTY_VALUE;
            if is_short && (has_room || shrinks) {
                kept.insert(name, value);
                bytes = after;
            } else {
                left_out += 1;
            }
        }
        left_out
    }
}

/// Adds a profile to groups. Tells how many had to be left out.
pub(crate) fn join(kept: &mut BTreeSet<String>, groups: impl IntoIterator<Item = String>) -> u64 {
    let mut left_out = 0;
    for group in groups {
        if kept.contains(&group) {
            continue;
        }
        if kept.len() < MOST_GROUPS && group.len() <= LONGEST_ID {
            kept.insert(group);
        } else {
            left_out += 1;
        }
    }
    left_out
}

/// Puts a text in the place of another, unless it is empty. Tells how many had to be left out.
pub(crate) fn set(kept: &mut String, text: String, fits: impl FnOnce(&str) -> bool) -> u64 {
    if text.is_empty() {
        return 0;
    }
    if fits(&text) {
        *kept = text;
        return 0;
    }
    1
}

/// Cuts a name of a version before there were bounds.
pub(crate) fn cut_name(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_NAME) {
        text.truncate(end);
    }
}

/// Whether a text is no longer than the URL of a picture may be.
pub(crate) fn is_picture(text: &str) -> bool {
    text.len() <= LONGEST_PROPERTY_VALUE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Room = Room {
        properties: 4,
        bytes: 24,
    };

    fn pairs(most: usize) -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::vec(("[a-g]{1,3}", "[x-zä]{0,6}"), 0..most)
    }

    fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_there_can_change_and_what_is_new_is_left_out() {
        let mut kept = owned(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        let told = owned(&[("b", "twenty"), ("e", "5"), ("f", "6")]);
        assert_eq!(SMALL.put(&mut kept, told), 2);
        assert_eq!(
            kept,
            owned(&[("a", "1"), ("b", "twenty"), ("c", "3"), ("d", "4")])
        );
        // 13 bytes are there: eleven more have room, and twelve have not.
        let told = owned(&[("c", "3456789012345")]);
        assert_eq!(SMALL.put(&mut kept, told), 1);
        let told = owned(&[("c", "345678901234")]);
        assert_eq!(SMALL.put(&mut kept, told), 0);
        assert_eq!(size_of(&kept), 24);
    }

    #[test]
    fn what_is_too_much_already_only_shrinks() {
        let mut kept = owned(&[
            ("a", "1234567890"),
            ("b", "1234567890"),
            ("c", "1234567890"),
        ]);
        let told = owned(&[
            ("a", "123456789x"),
            ("b", "x"),
            ("c", "12345678901"),
            ("d", ""),
        ]);
        // What grows, and what is new: after what became shorter, all of the room is taken.
        assert_eq!(SMALL.put(&mut kept, told), 2);
        let expected = [("a", "123456789x"), ("b", "x"), ("c", "1234567890")];
        assert_eq!(kept, owned(&expected));
    }

    #[test]
    fn no_text_is_longer_than_a_request_may_tell() {
        let mut kept = BTreeMap::new();
        let name = "n".repeat(LONGEST_PROPERTY_NAME);
        let value = "v".repeat(LONGEST_PROPERTY_VALUE);
        for (name, value, left_out) in [
            (name.clone(), value.clone(), 0),
            (name + "n", String::new(), 1),
            ("n".to_owned(), value + "v", 1),
        ] {
            assert_eq!(Room::OF_PEOPLE.put(&mut kept, [(name, value)]), left_out);
        }
        assert_eq!(kept.len(), 1);
        assert!(is_name(&"ä".repeat(LONGEST_NAME)));
        assert!(!is_name(&"ä".repeat(LONGEST_NAME + 1)));
    }

    #[test]
    fn groups_are_as_many_as_are_kept_and_no_more() {
        let ids = |range: std::ops::Range<usize>| range.map(|number| format!("g{number}"));
        let mut kept = BTreeSet::new();
        assert_eq!(join(&mut kept, ids(0..MOST_GROUPS - 1)), 0);
        assert_eq!(join(&mut kept, ["g".repeat(LONGEST_ID + 1)]), 1);
        assert_eq!(join(&mut kept, ids(MOST_GROUPS - 3..MOST_GROUPS + 2)), 2);
        assert_eq!(kept.len(), MOST_GROUPS);
    }

    proptest! {
        #[test]
        fn however_much_is_told_the_bounds_hold(told in prop::collection::vec(pairs(8), 0..8)) {
            let mut kept = BTreeMap::new();
            for told in told {
                let (before, count) = (kept.clone(), told.len() as u64);
                let left_out = SMALL.put(&mut kept, told.clone());
                prop_assert!(kept.len() <= SMALL.properties);
                prop_assert!(size_of(&kept) <= SMALL.bytes);
                prop_assert!(left_out <= count);
                // Nothing that was kept goes, and nothing comes that was not told.
                prop_assert!(before.keys().all(|name| kept.contains_key(name)));
                for (name, value) in &kept {
                    let is_told = told.contains(&(name.clone(), value.clone()));
                    prop_assert!(is_told || before.get(name) == Some(value));
                }
                // Where there is room for all, all is kept.
                let mut whole = before.clone();
                whole.extend(told);
                if left_out == 0 {
                    prop_assert_eq!(&kept, &whole);
                }
            }
        }

        #[test]
        fn what_was_kept_before_there_were_bounds_only_shrinks(
            there in pairs(40),
            told in prop::collection::vec(pairs(8), 0..8),
        ) {
            let mut kept = there.into_iter().collect::<BTreeMap<_, _>>();
            for told in told {
                let (count, bytes) = (kept.len(), size_of(&kept));
                SMALL.put(&mut kept, told);
                prop_assert!(kept.len() <= count.max(SMALL.properties));
                prop_assert!(size_of(&kept) <= bytes.max(SMALL.bytes));
            }
        }
    }
}
