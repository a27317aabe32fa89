//! How much room live sessions have, and who has more than a fair share of it when it is spent.
//!
//! Organizations have equal shares of the room, and the projects of an organization equal shares
//! of that. While there is room, nobody is held to a share.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use paneld_domain::{OrganizationId, ProjectKey};

use super::Live;

/// How many bytes a session may take on average.
const BYTES_EACH: usize = 4 * 1024;
/// A session of so many.
const ONE: Amount = Amount {
    sessions: 1,
    bytes: BYTES_EACH,
};
/// No session takes more: its texts, twice, and what it takes beside.
const MOST_BYTES: usize = 192 * 1024;

/// So many sessions, and the bytes they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amount {
    pub(crate) sessions: usize,
    pub(crate) bytes: usize,
}

/// What can be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Sessions,
    Bytes,
}

/// The room for live sessions, and what each project has of it.
#[derive(Debug)]
pub(super) struct Room {
    limit: Amount,
    used: Use,
    projects: RwLock<Projects>,
}

#[derive(Debug, Default)]
struct Projects {
    /// Those that have sessions.
    uses: HashMap<i64, ProjectUse>,
    /// How many of them each organization has.
    organizations: HashMap<Owner, usize>,
}

#[derive(Debug)]
struct ProjectUse {
    owner: Owner,
    used: Use,
}

/// Whose a project is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    Organization(OrganizationId),
    /// Nobody has said yet: it counts by itself.
    Unknown(i64),
}

#[derive(Debug, Default)]
struct Use {
    sessions: AtomicUsize,
    bytes: AtomicUsize,
}

impl Use {
    /// First adds, so that nothing is ever below zero.
    fn replace(&self, before: Amount, after: Amount) {
        self.sessions.fetch_add(after.sessions, Ordering::Relaxed);
        self.bytes.fetch_add(after.bytes, Ordering::Relaxed);
        self.sessions.fetch_sub(before.sessions, Ordering::Relaxed);
        self.bytes.fetch_sub(before.bytes, Ordering::Relaxed);
    }

    fn now(&self) -> Amount {
        Amount {
            sessions: self.sessions.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

impl Amount {
    /// What a session takes, if there is one.
    pub(super) fn of(live: Option<&Live>) -> Self {
        Self {
            sessions: usize::from(live.is_some()),
            bytes: live.map_or(0, Live::bytes),
        }
    }

    /// What there is some of.
    pub(super) fn resource(self) -> Option<Resource> {
        let all = [Resource::Sessions, Resource::Bytes];
        all.into_iter().find(|resource| self.get(*resource) > 0)
    }

    pub(super) fn saturating_sub(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.saturating_sub(other.sessions),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.saturating_add(other.sessions),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn min(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.min(other.sessions),
            bytes: self.bytes.min(other.bytes),
        }
    }

    fn get(self, resource: Resource) -> usize {
        match resource {
            Resource::Sessions => self.sessions,
            Resource::Bytes => self.bytes,
        }
    }
}

impl Room {
    /// Room for so many sessions.
    pub(super) fn new(sessions: usize) -> Self {
        Self {
            limit: Amount {
                sessions,
                bytes: sessions.saturating_mul(BYTES_EACH),
            },
            used: Use::default(),
            projects: RwLock::default(),
        }
    }

    /// What is used of it.
    pub(super) fn used(&self) -> Amount {
        self.used.now()
    }

    /// Whether there is room for so many sessions more, however big they are.
    pub(super) fn has_plenty(&self, sessions: usize) -> bool {
        let used = self.used();
        used.sessions + sessions <= self.limit.sessions
            && used.bytes + sessions * MOST_BYTES <= self.limit.bytes
    }

    /// What must be freed so that there is room for `after` in the place of `before`.
    pub(super) fn missing(&self, before: Amount, after: Amount) -> Amount {
        let used = self.used();
        let missing = used
            .plus(after)
            .saturating_sub(before)
            .saturating_sub(self.limit);
        // A session more than come in, where there is too much already: others came at the same
        // time. It is not for one request to free all of it.
        let over = used.saturating_sub(self.limit).min(ONE);
        missing.min(after.saturating_sub(before).plus(over))
    }

    /// Notes that `after` took the place of `before` in a project, whose organization is told
    /// where it is known.
    pub(super) fn change(
        &self,
        project: ProjectKey,
        organization: Option<&OrganizationId>,
        before: Amount,
        after: Amount,
    ) {
        if before == after {
            return;
        }
        self.used.replace(before, after);
        let is_known = {
            let projects = self.projects();
            let present = projects.uses.get(&project.0);
            if let Some(present) = present {
                present.used.replace(before, after);
                if present.used.now().sessions > 0 {
                    return;
                }
            }
            present.is_some()
        };
        let projects = self.projects.write();
        let mut projects = projects.unwrap_or_else(PoisonError::into_inner);
        if is_known {
            projects.remove_if_empty(project);
        } else {
            projects.get(project, organization).replace(before, after);
        }
    }

    /// The project that is furthest over its share, where one of them is about to use more.
    pub(super) fn furthest_over(
        &self,
        resource: Resource,
        growing: ProjectKey,
        by: Amount,
    ) -> Option<ProjectKey> {
        let projects = self.projects();
        let organizations = projects.organizations.len();
        let over = projects.uses.iter().map(|(&project, present)| {
            let siblings = projects.organizations.get(&present.owner);
            let share = self.limit.get(resource)
                / organizations.max(1)
                / siblings.copied().unwrap_or(1).max(1);
            let mut used = present.used.now().get(resource);
            if project == growing.0 {
                used += by.get(resource);
            }
            (used.checked_signed_diff(share), used, ProjectKey(project))
        });
        over.max().map(|(_, _, project)| project)
    }

    fn projects(&self) -> RwLockReadGuard<'_, Projects> {
        self.projects.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Projects {
    /// What a project uses, which may be its first.
    fn get(&mut self, project: ProjectKey, organization: Option<&OrganizationId>) -> &Use {
        let organizations = &mut self.organizations;
        let present = self.uses.entry(project.0).or_insert_with(|| {
            let owner = match organization {
                Some(organization) => Owner::Organization(organization.clone()),
                None => Owner::Unknown(project.0),
            };
            *organizations.entry(owner.clone()).or_default() += 1;
            ProjectUse {
                owner,
                used: Use::default(),
            }
        });
        &present.used
    }

    fn remove_if_empty(&mut self, project: ProjectKey) {
        let Entry::Occupied(present) = self.uses.entry(project.0) else {
            return;
        };
        if present.get().used.now().sessions > 0 {
            return;
        }
        let owner = present.remove().owner;
        if let Entry::Occupied(mut siblings) = self.organizations.entry(owner) {
            *siblings.get_mut() -= 1;
            if *siblings.get() == 0 {
                siblings.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn organization(number: i64) -> OrganizationId {
        format!("organization-{number}").parse().unwrap()
    }

    fn sessions(sessions: usize) -> Amount {
        Amount { sessions, bytes: 0 }
    }

    /// A room in which projects, each of an organization, have so many sessions.
    fn room(limit: usize, projects: &BTreeMap<(i64, i64), usize>) -> Room {
        let room = Room::new(limit);
        for (&(project, of), &has) in projects {
            let of = organization(of);
            room.change(
                ProjectKey(project),
                Some(&of),
                Amount::default(),
                sessions(has),
            );
        }
        room
    }

    fn furthest(room: &Room, growing: i64) -> i64 {
        let one = sessions(1);
        let found = room.furthest_over(Resource::Sessions, ProjectKey(growing), one);
        found.unwrap().0
    }

    #[test]
    fn many_projects_are_no_way_to_a_larger_share() {
        let mut projects = BTreeMap::from([((0, 0), 40)]);
        projects.extend((1..=60).map(|project| ((project, 1), 1)));
        let room = room(100, &projects);
        assert_eq!(room.used(), sessions(100));
        assert_eq!(room.missing(Amount::default(), sessions(1)), sessions(1));
        assert_eq!(furthest(&room, 7), 7);
        assert_ne!(furthest(&room, 0), 0);
        // One that has it all to itself gives of its own.
        let alone = self::room(100, &[((0, 0), 100)].into());
        assert_eq!(furthest(&alone, 0), 0);
    }

    #[test]
    fn what_is_gone_leaves_nothing_behind() {
        let room = room(10, &[((0, 0), 3), ((1, 0), 4)].into());
        for (project, had) in [(0, 3), (1, 4)] {
            room.change(ProjectKey(project), None, sessions(had), Amount::default());
        }
        assert_eq!(room.used(), Amount::default());
        let projects = room.projects();
        assert!(projects.uses.is_empty() && projects.organizations.is_empty());
    }

    proptest! {
        #[test]
        fn whoever_stays_within_a_share_loses_nothing(
            projects in vec((1_usize..50, 0_i64..4), 1..12),
            growing in 0_usize..12,
        ) {
            let growing = growing % projects.len();
            let numbered = projects.iter().zip(0_i64..);
            let projects: BTreeMap<_, _> =
                numbered.map(|(&(has, of), number)| ((number, of), has)).collect();
            let all = projects.values().sum::<usize>();
            let room = room(all, &projects);
            let furthest = furthest(&room, growing as i64);
            let organizations = projects.keys().map(|(_, of)| of);
            let organizations = organizations.collect::<std::collections::BTreeSet<_>>().len();
            let (&(_, of), &has) = projects.iter().nth(furthest as usize).unwrap();
            let siblings = projects.keys().filter(|(_, other)| *other == of).count();
            let has = has + usize::from(furthest as usize == growing);
            prop_assert!(has > all / organizations / siblings);
        }
    }
}
