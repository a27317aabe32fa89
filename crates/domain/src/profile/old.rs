//! Rows of a version before there were bounds, which may be of any size.

use std::mem::take;

use super::{Group, Profile};
use crate::bounds::{self, Room};

impl Profile {
    /// The profile without what would be left out of it today.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let (properties, groups) = (take(&mut self.properties), take(&mut self.groups));
        self.left_out += Room::OF_PEOPLE.put(&mut self.properties, properties);
        self.left_out += bounds::join(&mut self.groups, groups);
        for name in [&mut self.first_name, &mut self.last_name, &mut self.email] {
            bounds::cut_name(name);
        }
        if !bounds::is_picture(&self.avatar) {
            self.avatar.clear();
        }
        self
    }
}

impl Group {
    /// The group without what would be left out of it today.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let properties = take(&mut self.properties);
        self.left_out += Room::OF_PEOPLE.put(&mut self.properties, properties);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn what_is_within_the_bounds_stays_as_it_is_and_the_rest_is_cut() {
        let mut profile = Profile::new("anna".to_owned(), Timestamp::UNIX_EPOCH);
        profile.first_name = "Änna".to_owned();
        profile.properties = [("plan".to_owned(), "pro".to_owned())].into();
        profile.groups = ["acme".to_owned()].into();
        assert_eq!(profile.clone().bounded(), profile);

        profile.first_name = "ä".repeat(1_000_000);
        profile.avatar = "a".repeat(1_000_000);
        profile.groups = (0..2_000).map(|number| format!("g{number}")).collect();
        profile.properties = (0..5_000)
            .map(|number| (format!("k{number}"), "v".repeat(5_000)))
            .collect();
        let bounded = profile.clone().bounded();
        assert_eq!(bounded.first_name, "ä".repeat(bounds::LONGEST_NAME));
        assert_eq!(bounded.avatar, "");
        assert_eq!(bounded.groups.len(), bounds::MOST_GROUPS);
        let size = bounds::size_of(&bounded.properties);
        assert!(
            size > 250_000 && size <= bounds::MOST_PROPERTY_BYTES,
            "{size}"
        );
        let kept = bounded.properties.len() + bounded.groups.len();
        assert_eq!(bounded.left_out, 7_000 - kept as u64);

        let mut group = Group::new("acme".to_owned(), Timestamp::UNIX_EPOCH);
        group.properties = profile.properties;
        let bounded = group.bounded();
        assert!(bounds::size_of(&bounded.properties) <= bounds::MOST_PROPERTY_BYTES);
    }
}
