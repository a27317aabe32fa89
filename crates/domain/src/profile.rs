//! Identified profiles and groups, and how they change (`docs/contract/track.md` §5.11 and §5.12).

mod edit;
mod old;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::edit::ProfileEdit;
use crate::{
    Agent, Place, Referrer, Timestamp,
    bounds::{self, Room},
    is_ahead,
};

/// Somebody who was identified. Anonymous visitors are no profiles: they are what their events
/// and sessions tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The id that the caller gave.
    pub id: String,
    /// The first name, or empty.
    pub first_name: String,
    /// The last name, or empty.
    pub last_name: String,
    /// The e-mail address, or empty.
    pub email: String,
    /// The URL of a picture, or empty.
    pub avatar: String,
    /// Everything else that is known of it, by name.
    pub properties: BTreeMap<String, String>,
    /// The ids of its groups.
    pub groups: BTreeSet<String>,
    /// When it was seen first.
    pub created_at: Timestamp,
    /// When it was seen last.
    pub last_seen_at: Timestamp,
    /// How many values and groups were left out since an administrator last changed it, because
    /// there was no room for them.
    pub left_out: u64,
}

/// What belongs together: a company, a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The id that the caller gave.
    pub id: String,
    /// What kind of group it is, such as `company`.
    pub kind: String,
    /// The name by which people know it.
    pub name: String,
    /// Everything else that is known of it, by name.
    pub properties: BTreeMap<String, String>,
    /// When it was told of for the first time.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// How many values were left out, because there was no room for them.
    pub left_out: u64,
}

/// A change of what is known of people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PeopleChange {
    /// A profile is made or changed.
    Profile(ProfileChange),
    /// A group is made or changed.
    Group {
        /// The id of the group.
        id: String,
        /// What kind of group.
        kind: String,
        /// The name of the group.
        name: String,
        /// What is added to its properties.
        properties: BTreeMap<String, String>,
    },
    /// Look-ups of one id find the profile of another from now on: somebody says so who knows the
    /// project's secret.
    Alias {
        /// The other id.
        alias: String,
        /// The profile's id.
        profile_id: String,
    },
    /// All that is known of a profile is forgotten.
    EraseProfile {
        /// The id of the profile.
        profile_id: String,
    },
    /// The same as [`Self::Alias`], said by somebody whom anybody could be: it has no effect where
    /// it would change what look-ups find that is there.
    ClaimAlias {
        /// The other id.
        alias: String,
        /// The profile's id.
        profile_id: String,
    },
}

/// A change of a profile, which is made if need be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileChange {
    /// The id of the profile, or one of its aliases.
    pub profile_id: String,
    /// What is done to the profile.
    pub kind: ProfileChangeKind,
}

/// What changes in a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ProfileChangeKind {
    /// The caller told who it is.
    Identified(Box<Identity>),
    /// It visits: a session of its own begins.
    Seen(Box<Sighting>),
    /// A number is added to a property.
    Added {
        /// The name of the property.
        property: String,
        /// The number; below zero to take away.
        by: f64,
    },
    /// It belongs to these groups, too.
    Joined {
        /// The ids of the groups.
        groups: BTreeSet<String>,
    },
    /// An administrator changed it. This makes no profile.
    Edited(Box<ProfileEdit>),
    /// It was still there at this time: its session goes on, or is over. This makes no profile.
    LastSeen(#[serde(with = "chrono::serde::ts_milliseconds")] Timestamp),
}

/// What a caller tells of a profile. What is empty changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The first name; empty when it was not told.
    pub first_name: String,
    /// The last name; empty when it was not told.
    pub last_name: String,
    /// The e-mail address; empty when it was not told.
    pub email: String,
    /// The URL of a picture.
    pub avatar: String,
    /// Everything else that was told, by name.
    pub properties: BTreeMap<String, String>,
    /// Where the caller is, as far as its address tells.
    pub place: Place,
    /// What the caller uses, as far as its user agent tells.
    pub agent: Agent,
}

/// What the first event of a session tells of the visitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// The path of the page that the session began on.
    pub path: String,
    /// Where the visitor came from.
    pub referrer: Referrer,
    /// Where the visitor is, as far as the address tells.
    pub place: Place,
    /// What the visitor uses, as far as the user agent tells.
    pub agent: Agent,
    /// The groups that were sent along.
    pub groups: BTreeSet<String>,
}

/// What could not be done as it was asked for, though the change counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaint {
    /// A number was added to what is none: it was taken as 0.
    NotANumber,
}

impl Profile {
    /// A profile of which nothing is known yet.
    pub fn new(id: String, at: Timestamp) -> Self {
        Self {
            id,
            first_name: String::new(),
            last_name: String::new(),
            email: String::new(),
            avatar: String::new(),
            properties: BTreeMap::new(),
            groups: BTreeSet::new(),
            created_at: at,
            last_seen_at: at,
            left_out: 0,
        }
    }

    /// Makes a change that came at this time, as far as there is room for it.
    pub fn apply(&mut self, change: ProfileChangeKind, at: Timestamp) -> Option<Complaint> {
        let seen_at = match change {
            // An administrator's edit is no visit.
            ProfileChangeKind::Edited(_) => None,
            ProfileChangeKind::LastSeen(seen_at) => Some(seen_at),
            _ => Some(at),
        };
        if let Some(seen_at) = seen_at {
            // Nobody was seen in the future: then a clock was ahead.
            self.last_seen_at = match is_ahead(self.last_seen_at, at) {
                true => seen_at,
                false => self.last_seen_at.max(seen_at),
            };
        }
        match change {
            ProfileChangeKind::Identified(identity) => self.identify(*identity),
            ProfileChangeKind::Seen(sighting) => self.see(*sighting),
            ProfileChangeKind::Added { property, by } => return self.add(property, by),
            ProfileChangeKind::Joined { groups } => self.join(groups),
            ProfileChangeKind::Edited(edit) => self.edit(*edit),
            ProfileChangeKind::LastSeen(_) => {}
        }
        None
    }

    /// Makes an administrator's changes, removals first. What was left out before is counted anew.
    pub fn edit(&mut self, edit: ProfileEdit) {
        self.left_out = 0;
        for (text, edited, fits) in [
            (
                &mut self.first_name,
                edit.first_name,
                bounds::is_name as fn(&str) -> bool,
            ),
            (&mut self.last_name, edit.last_name, bounds::is_name),
            (&mut self.email, edit.email, bounds::is_name),
            (&mut self.avatar, edit.avatar, bounds::is_picture),
        ] {
            match edited {
                Some(cleared) if cleared.is_empty() => text.clear(),
                Some(edited) => self.left_out += bounds::set(text, edited, fits),
                None => {}
            }
        }
        let mut told = Vec::new();
        for (name, value) in edit.properties {
            match value {
                Some(value) => told.push((name, value)),
                None => {
                    self.properties.remove(&name);
                }
            }
        }
        self.left_out += Room::OF_PEOPLE.put(&mut self.properties, told);
        if let Some(groups) = edit.groups {
            self.groups.retain(|group| groups.contains(group));
            self.left_out += bounds::join(&mut self.groups, groups);
        }
    }

    fn identify(&mut self, identity: Identity) {
        self.left_out += bounds::set(&mut self.first_name, identity.first_name, bounds::is_name);
        self.left_out += bounds::set(&mut self.last_name, identity.last_name, bounds::is_name);
        self.left_out += bounds::set(&mut self.email, identity.email, bounds::is_name);
        self.left_out += bounds::set(&mut self.avatar, identity.avatar, bounds::is_picture);
        let derived = self.derived(identity.place, identity.agent);
        self.forget(&derived);
        // What was told goes before what is derived, where there is no room for all.
        self.put(identity.properties);
        self.put(derived);
    }

    fn see(&mut self, sighting: Sighting) {
        let mut known = Vec::new();
        if sighting.referrer != Referrer::default() {
            known.extend(named([
                ("referrer", sighting.referrer.url),
                ("referrer_name", sighting.referrer.name),
                ("referrer_type", sighting.referrer.kind),
            ]));
        }
        known.extend(self.derived(sighting.place, sighting.agent));
        self.forget(&known);
        self.put(named([("path", sighting.path)]));
        self.put(known);
        self.join(sighting.groups);
    }

    /// What the server knows by itself: all of the place, all of the device, or nothing. A program
    /// that reports what a visitor did says nothing of what the visitor uses, or where.
    fn derived(&self, place: Place, agent: Agent) -> Vec<(String, String)> {
        let device = self.properties.get("device");
        let is_visitor = device.is_some_and(|device| device != Agent::SERVER);
        if agent.is_server() && is_visitor {
            return Vec::new();
        }
        let mut derived = Vec::new();
        if place != Place::default() {
            let degrees =
                |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
            derived.extend(named([
                ("country", place.country),
                ("region", place.region),
                ("city", place.city),
                ("longitude", degrees(place.longitude)),
                ("latitude", degrees(place.latitude)),
            ]));
        }
        if agent != Agent::default() {
            derived.extend(named([
                ("os", agent.os),
                ("os_version", agent.os_version),
                ("browser", agent.browser),
                ("browser_version", agent.browser_version),
                ("device", agent.device),
                ("brand", agent.brand),
                ("model", agent.model),
            ]));
        }
        derived
    }

    /// Removes what is not known of a new place, device or referrer: half of one and half of another
    /// is none. What is known of it is put in the place of the old.
    fn forget(&mut self, replaced: &[(String, String)]) {
        for (name, _) in replaced.iter().filter(|(_, value)| value.is_empty()) {
            self.properties.remove(name);
        }
    }

    fn put(&mut self, told: impl IntoIterator<Item = (String, String)>) {
        let told = told.into_iter().filter(|(_, value)| !value.is_empty());
        self.left_out += Room::OF_PEOPLE.put(&mut self.properties, told);
    }

    fn join(&mut self, groups: BTreeSet<String>) {
        self.left_out += bounds::join(&mut self.groups, groups);
    }

    fn add(&mut self, property: String, by: f64) -> Option<Complaint> {
        let present = self
            .properties
            .get(&property)
            .map(|text| text.parse::<f64>());
        let (number, complaint) = match present {
            None => (0.0, None),
            Some(Ok(number)) if number.is_finite() => (number, None),
            Some(_) => (0.0, Some(Complaint::NotANumber)),
        };
        let sum = (number + by).clamp(f64::MIN, f64::MAX);
        // Rust writes no exponents, and whole numbers without a point, as callers expect.
        self.put([(property, (sum + 0.0).to_string())]);
        complaint
    }
}

fn named<const N: usize>(values: [(&str, String); N]) -> [(String, String); N] {
    values.map(|(name, value)| (name.to_owned(), value))
}

impl Group {
    /// A group of which nothing is known yet.
    pub fn new(id: String, at: Timestamp) -> Self {
        Self {
            id,
            kind: String::new(),
            name: String::new(),
            properties: BTreeMap::new(),
            created_at: at,
            updated_at: at,
            left_out: 0,
        }
    }

    /// Makes a change that came at this time, as far as there is room for it. One that changes
    /// nothing leaves no trace.
    pub fn apply(
        &mut self,
        kind: String,
        name: String,
        properties: BTreeMap<String, String>,
        at: Timestamp,
    ) {
        let before = self.clone();
        let mut left_out = bounds::set(&mut self.kind, kind, bounds::is_name);
        left_out += bounds::set(&mut self.name, name, bounds::is_name);
        left_out += Room::OF_PEOPLE.put(&mut self.properties, properties);
        if *self != before {
            self.updated_at = self.updated_at.max(at);
        }
        self.left_out += left_out;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(ms).unwrap()
    }

    fn profile() -> Profile {
        Profile::new("anna".to_owned(), at(1_000))
    }

    fn told(properties: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        properties.iter().map(owned).collect()
    }

    fn identified(identity: Identity) -> ProfileChangeKind {
        ProfileChangeKind::Identified(Box::new(identity))
    }

    fn phone() -> Agent {
        Agent {
            os: "iOS".to_owned(),
            device: "mobile".to_owned(),
            ..Agent::default()
        }
    }

    #[test]
    fn what_is_empty_changes_nothing() {
        let mut anna = profile();
        let full = Identity {
            first_name: "Anna".to_owned(),
            properties: told(&[("plan", "pro")]),
            ..Identity::default()
        };
        anna.apply(identified(full), at(2_000));
        let empty = Identity {
            email: "a@example.com".to_owned(),
            properties: told(&[("plan", ""), ("seats", "3")]),
            ..Identity::default()
        };
        anna.apply(identified(empty), at(1_500));
        assert_eq!(anna.first_name, "Anna");
        assert_eq!(anna.email, "a@example.com");
        assert_eq!(anna.properties, told(&[("plan", "pro"), ("seats", "3")]));
        assert_eq!((anna.created_at, anna.last_seen_at), (at(1_000), at(2_000)));
    }

    #[test]
    fn a_servers_agent_hides_no_visitors() {
        let with = |agent| Identity {
            properties: told(&[("os", "told")]),
            agent,
            ..Identity::default()
        };
        let mut anna = profile();
        anna.apply(identified(with(Agent::server())), at(1));
        assert_eq!(
            anna.properties,
            told(&[("device", "server"), ("os", "told")])
        );
        anna.apply(identified(with(phone())), at(2));
        assert_eq!(
            anna.properties,
            told(&[("device", "mobile"), ("os", "iOS")])
        );
        anna.apply(
            identified(Identity {
                agent: Agent::server(),
                ..Identity::default()
            }),
            at(3),
        );
        assert_eq!(
            anna.properties,
            told(&[("device", "mobile"), ("os", "iOS")])
        );
    }

    #[test]
    fn place_device_and_referrer_are_replaced_each_as_a_whole() {
        let place = |country: &str, city: &str| Place {
            country: country.to_owned(),
            city: city.to_owned(),
            ..Place::default()
        };
        let agent = |os: &str, brand: &str| Agent {
            os: os.to_owned(),
            brand: brand.to_owned(),
            ..Agent::default()
        };
        let from = |url: &str, name: &str| Referrer {
            url: url.to_owned(),
            name: name.to_owned(),
            kind: String::new(),
        };
        let seen = |place, agent, referrer| {
            ProfileChangeKind::Seen(Box::new(Sighting {
                path: "/".to_owned(),
                place,
                agent,
                referrer,
                ..Sighting::default()
            }))
        };
        let mut anna = profile();
        let search = from("https://s.example/", "Search");
        let phone = agent("iOS", "Apple");
        anna.apply(seen(place("SE", "Säffle"), phone, search), at(2));
        assert_eq!(anna.properties["city"], "Säffle");
        // Of which nothing is known, that stays.
        let nowhere = (Agent::default(), Referrer::default());
        anna.apply(seen(place("US", ""), nowhere.0, nowhere.1), at(3));
        let expected = told(&[
            ("brand", "Apple"),
            ("country", "US"),
            ("os", "iOS"),
            ("path", "/"),
            ("referrer", "https://s.example/"),
            ("referrer_name", "Search"),
        ]);
        assert_eq!(anna.properties, expected);
        let other = from("https://x.example/", "");
        anna.apply(seen(Place::default(), agent("Windows", ""), other), at(4));
        let expected = told(&[
            ("country", "US"),
            ("os", "Windows"),
            ("path", "/"),
            ("referrer", "https://x.example/"),
        ]);
        assert_eq!(anna.properties, expected);
        // What is told along with a new place stays, where the place says nothing of it.
        let identity = Identity {
            properties: told(&[("city", "Oslo")]),
            place: place("NO", ""),
            ..Identity::default()
        };
        anna.apply(identified(identity), at(5));
        let (country, city) = (&anna.properties["country"], &anna.properties["city"]);
        assert_eq!((&country[..], &city[..]), ("NO", "Oslo"));
    }

    #[test]
    fn nobody_is_last_seen_in_the_future() {
        let hour = 3_600_000;
        let mut anna = profile();
        anna.apply(identified(Identity::default()), at(100 * hour));
        // A little ahead is as late events are.
        let seen = |ms| ProfileChangeKind::LastSeen(at(ms));
        anna.apply(seen(99 * hour), at(100 * hour - 1_000));
        assert_eq!(anna.last_seen_at, at(100 * hour));
        anna.apply(seen(2 * hour), at(3 * hour));
        assert_eq!(anna.last_seen_at, at(2 * hour));
    }

    #[test]
    fn numbers_are_added_to_what_is_there() {
        let mut anna = profile();
        let add = |by| ProfileChangeKind::Added {
            property: "n".to_owned(),
            by,
        };
        for (by, expected) in [(1.0, "1"), (2.5, "3.5"), (-3.5, "0"), (-1.0, "-1")] {
            assert_eq!(anna.apply(add(by), at(1)), None);
            assert_eq!(anna.properties["n"], expected);
        }
        for text in ["many", "NaN", "inf", "1 2"] {
            anna.properties.insert("n".to_owned(), text.to_owned());
            assert_eq!(anna.apply(add(2.0), at(1)), Some(Complaint::NotANumber));
            assert_eq!(anna.properties["n"], "2");
        }
    }

    #[test]
    fn a_group_that_does_not_change_is_not_updated() {
        let mut group = Group::new("acme".to_owned(), at(1));
        for (properties, updated) in [(&[("a", "1")][..], 2), (&[], 2), (&[("b", "2")], 4)] {
            let change = told(properties);
            group.apply(
                "company".to_owned(),
                "Acme".to_owned(),
                change,
                at(updated.max(2)),
            );
            assert_eq!(group.updated_at, at(updated));
        }
        assert_eq!(group.properties, told(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn a_full_profile_counts_what_it_leaves_out_until_it_is_edited() {
        let many = |range: std::ops::Range<usize>| {
            range
                .map(|number| (format!("k{number}"), "v".to_owned()))
                .collect()
        };
        let identify = |properties| {
            identified(Identity {
                properties,
                agent: phone(),
                ..Identity::default()
            })
        };
        let mut anna = profile();
        anna.apply(identify(many(0..bounds::MOST_PROPERTIES)), at(1));
        // What was told is kept, and what is derived is not.
        assert_eq!(anna.properties, many(0..bounds::MOST_PROPERTIES));
        assert_eq!(anna.left_out, 2);
        let add = |property: &str| ProfileChangeKind::Added {
            property: property.to_owned(),
            by: 1.0,
        };
        anna.apply(add("new"), at(2));
        anna.apply(add("k7"), at(2));
        let long = Identity {
            first_name: "x".repeat(bounds::LONGEST_NAME + 1),
            avatar: "x".repeat(bounds::LONGEST_PROPERTY_VALUE + 1),
            ..Identity::default()
        };
        anna.apply(identified(long), at(2));
        assert_eq!((anna.left_out, &anna.properties["k7"][..]), (5, "1"));
        assert_eq!((&anna.first_name[..], &anna.avatar[..]), ("", ""));

        let edit = ProfileEdit {
            first_name: Some("Anna".to_owned()),
            properties: [
                ("k0".to_owned(), None),
                ("new".to_owned(), Some("1".to_owned())),
            ]
            .into(),
            ..ProfileEdit::default()
        };
        anna.apply(ProfileChangeKind::Edited(Box::new(edit)), at(9_000));
        assert_eq!(
            (anna.left_out, anna.properties.len()),
            (0, bounds::MOST_PROPERTIES)
        );
        assert_eq!(
            (&anna.first_name[..], &anna.properties["new"][..]),
            ("Anna", "1")
        );
        assert_eq!(anna.last_seen_at, at(1_000));
    }

    #[test]
    fn an_edit_clears_what_is_empty_and_leaves_groups() {
        let mut anna = profile();
        let full = Identity {
            first_name: "Anna".to_owned(),
            last_name: "Berg".to_owned(),
            ..Identity::default()
        };
        anna.apply(identified(full), at(1));
        let groups = ["acme", "beta"].map(str::to_owned).into();
        anna.apply(ProfileChangeKind::Joined { groups }, at(1));
        anna.edit(ProfileEdit {
            first_name: Some(String::new()),
            groups: Some(["beta", "gamma"].map(str::to_owned).into()),
            ..ProfileEdit::default()
        });
        assert_eq!((&anna.first_name[..], &anna.last_name[..]), ("", "Berg"));
        assert_eq!(anna.groups, ["beta", "gamma"].map(str::to_owned).into());
    }

    #[test]
    fn what_a_group_leaves_out_is_counted_and_does_not_update_it() {
        let mut group = Group::new("acme".to_owned(), at(1));
        let many = |range: std::ops::Range<usize>| {
            range
                .map(|number| (format!("k{number}"), "v".to_owned()))
                .collect()
        };
        for (properties, updated, left_out) in [
            (many(0..bounds::MOST_PROPERTIES), 2, 0),
            (many(1..bounds::MOST_PROPERTIES + 3), 2, 3),
        ] {
            group.apply("company".to_owned(), "Acme".to_owned(), properties, at(2));
            assert_eq!((group.updated_at, group.left_out), (at(updated), left_out));
        }
        assert_eq!(group.properties.len(), bounds::MOST_PROPERTIES);
    }

    proptest! {
        #[test]
        fn whole_numbers_sum_up_in_any_order(mut numbers in prop::collection::vec(-1_000_000_i32..1_000_000, 1..50)) {
            let sum = |numbers: &[i32]| {
                let mut anna = profile();
                for &by in numbers {
                    let by = f64::from(by);
                    anna.apply(ProfileChangeKind::Added { property: "n".to_owned(), by }, at(1));
                }
                anna.properties.remove("n").unwrap()
            };
            let forward = sum(&numbers);
            numbers.reverse();
            prop_assert_eq!(&forward, &sum(&numbers));
            prop_assert_eq!(forward, numbers.iter().map(|&n| i64::from(n)).sum::<i64>().to_string());
        }
    }
}
