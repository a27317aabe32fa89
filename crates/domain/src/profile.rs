//! Identified profiles and groups, and how they change (`contract/track.md` §5.11 and §5.12).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Agent, Place, Referrer, Timestamp};

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
    /// Everything else, by name.
    pub properties: BTreeMap<String, String>,
    /// The ids of its groups.
    pub groups: BTreeSet<String>,
    /// When it was seen first.
    pub created_at: Timestamp,
    /// When it was seen last.
    pub last_seen_at: Timestamp,
}

/// What belongs together: a company, a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The id that the caller gave.
    pub id: String,
    /// What kind of group.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Everything else, by name.
    pub properties: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A change of what is known of people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PeopleChange {
    /// A profile is made or changed.
    Profile(ProfileChange),
    /// A group is made or changed.
    Group {
        /// Its id.
        id: String,
        /// What kind of group.
        kind: String,
        /// Its name.
        name: String,
        /// What is added to its properties.
        properties: BTreeMap<String, String>,
    },
    /// Look-ups of one id find the profile of another from now on.
    Alias {
        /// The other id.
        alias: String,
        /// The profile's id.
        profile_id: String,
    },
    /// All that is known of a profile is forgotten.
    EraseProfile {
        /// Its id.
        profile_id: String,
    },
}

/// A change of a profile, which is made if need be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileChange {
    /// Whose.
    pub profile_id: String,
    /// What.
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
}

/// What a caller tells of a profile. What is empty changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The e-mail address.
    pub email: String,
    /// The URL of a picture.
    pub avatar: String,
    /// Everything else, by name.
    pub properties: BTreeMap<String, String>,
    /// Where the caller is.
    pub place: Place,
    /// What the caller uses.
    pub agent: Agent,
}

/// What the first event of a session tells of the visitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// The page.
    pub path: String,
    /// Where the visitor came from.
    pub referrer: Referrer,
    /// Where the visitor is.
    pub place: Place,
    /// What the visitor uses.
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
        }
    }

    /// Makes a change that came at this time.
    pub fn apply(&mut self, change: ProfileChangeKind, at: Timestamp) -> Option<Complaint> {
        self.last_seen_at = self.last_seen_at.max(at);
        match change {
            ProfileChangeKind::Identified(identity) => self.identify(*identity),
            ProfileChangeKind::Seen(sighting) => self.see(*sighting),
            ProfileChangeKind::Added { property, by } => return self.add(property, by),
            ProfileChangeKind::Joined { groups } => self.groups.extend(groups),
        }
        None
    }

    fn identify(&mut self, identity: Identity) {
        set(&mut self.first_name, identity.first_name);
        set(&mut self.last_name, identity.last_name);
        set(&mut self.email, identity.email);
        set(&mut self.avatar, identity.avatar);
        let told = identity.properties.into_iter();
        self.properties
            .extend(told.filter(|(_, value)| !value.is_empty()));
        self.derive(identity.place, identity.agent);
    }

    fn see(&mut self, sighting: Sighting) {
        for (name, value) in [
            ("path", sighting.path),
            ("referrer", sighting.referrer.url),
            ("referrer_name", sighting.referrer.name),
            ("referrer_type", sighting.referrer.kind),
        ] {
            self.put(name, value);
        }
        self.groups.extend(sighting.groups);
        self.derive(sighting.place, sighting.agent);
    }

    /// What the server knows by itself. A program that reports what a visitor did says nothing
    /// of what the visitor uses, or where.
    fn derive(&mut self, place: Place, agent: Agent) {
        let device = self.properties.get("device");
        let is_visitor = device.is_some_and(|device| device != Agent::SERVER);
        if agent.is_server() && is_visitor {
            return;
        }
        let degrees = |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
        for (name, value) in [
            ("country", place.country),
            ("region", place.region),
            ("city", place.city),
            ("longitude", degrees(place.longitude)),
            ("latitude", degrees(place.latitude)),
            ("os", agent.os),
            ("os_version", agent.os_version),
            ("browser", agent.browser),
            ("browser_version", agent.browser_version),
            ("device", agent.device),
            ("brand", agent.brand),
            ("model", agent.model),
        ] {
            self.put(name, value);
        }
    }

    fn put(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.properties.insert(name.to_owned(), value);
        }
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
        self.properties.insert(property, (sum + 0.0).to_string());
        complaint
    }
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
        }
    }

    /// Makes a change that came at this time. One that changes nothing leaves no trace.
    pub fn apply(
        &mut self,
        kind: String,
        name: String,
        properties: BTreeMap<String, String>,
        at: Timestamp,
    ) {
        let before = self.clone();
        self.kind = kind;
        self.name = name;
        self.properties.extend(properties);
        if *self != before {
            self.updated_at = self.updated_at.max(at);
        }
    }
}

fn set(present: &mut String, value: String) {
    if !value.is_empty() {
        *present = value;
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
