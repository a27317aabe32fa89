//! What waits to be applied, by project and organization, and who may add to it.
//!
//! Nobody is refused while the spool is less than half full. Beyond, an organization is refused
//! once it has as many bytes waiting as are left; but in it, a project that has few is not. So
//! nobody is refused but for what it has waiting itself, and the spool is never full:
//! [decision 0018](../../../../docs/decisions/0018-shares.md) has the reckoning.

use std::collections::{HashMap, hash_map::Entry};

use paneld_domain::{OrganizationId, ProjectKey};

use super::{fault::Fault, frames::Frame};

/// How many bytes of records are each project's.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Shares(HashMap<i64, u64>);

impl Shares {
    /// Adds the records of a row.
    pub(super) fn add_row(&mut self, row: &[u8]) -> Result<(), Fault> {
        for frame in Frame::all(row)? {
            self.add_frame(frame)?;
        }
        Ok(())
    }

    /// How many bytes there are in all.
    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn add_frame(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        let bytes = frame.as_bytes().len() as u64;
        *self.0.entry(frame.project()?).or_default() += bytes;
        Ok(())
    }
}

/// Whose a project is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Organization(OrganizationId),
    /// Nobody has said yet: it counts by itself.
    Unknown(i64),
}

/// What waits. Projects and organizations of which nothing does are not in it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    total: u64,
    projects: HashMap<i64, u64>,
    organizations: HashMap<Owner, u64>,
    /// Of all projects that ever were in this spool.
    owners: HashMap<i64, OrganizationId>,
}

impl Backlog {
    pub(super) fn new(owners: HashMap<i64, OrganizationId>, waiting: &Shares) -> Self {
        let mut backlog = Self {
            owners,
            ..Self::default()
        };
        backlog.add(waiting);
        backlog
    }

    /// How many bytes wait in all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The organization of a project, as far as it was told.
    pub(super) fn owner(&self, project: ProjectKey) -> Option<&OrganizationId> {
        self.owners.get(&project.0)
    }

    /// Notes whose a project is.
    pub(super) fn note_owner(&mut self, project: ProjectKey, organization: OrganizationId) {
        let waiting = self.projects.get(&project.0).copied().unwrap_or_default();
        let before = self.owner_of(project.0);
        remove(&mut self.organizations, before, waiting);
        self.owners.insert(project.0, organization.clone());
        let now = Owner::Organization(organization);
        add(&mut self.organizations, now, waiting);
    }

    /// Adds what was written.
    pub(super) fn add(&mut self, written: &Shares) {
        for (&project, &bytes) in &written.0 {
            self.total += bytes;
            add(&mut self.projects, project, bytes);
            let owner = self.owner_of(project);
            add(&mut self.organizations, owner, bytes);
        }
    }

    /// Removes what is applied.
    pub(super) fn remove(&mut self, applied: &Shares) {
        for (&project, &bytes) in &applied.0 {
            self.total = self.total.saturating_sub(bytes);
            remove(&mut self.projects, project, bytes);
            let owner = self.owner_of(project);
            remove(&mut self.organizations, owner, bytes);
        }
    }

    /// Whether more of a project may be added to a spool of so many bytes.
    pub(super) fn may_add(
        &self,
        limit: u64,
        project: ProjectKey,
        organization: Option<&OrganizationId>,
    ) -> bool {
        let owner = match organization {
            Some(organization) => Owner::Organization(organization.clone()),
            None => self.owner_of(project.0),
        };
        let left = limit.saturating_sub(self.total);
        let of_organization = self.organizations.get(&owner).copied().unwrap_or_default();
        let of_project = self.projects.get(&project.0).copied().unwrap_or_default();
        of_organization < left || (of_project < left / 2 && of_organization / 2 < left)
    }

    /// Whose a project is.
    pub(super) fn owner_of(&self, project: i64) -> Owner {
        match self.owners.get(&project) {
            Some(organization) => Owner::Organization(organization.clone()),
            None => Owner::Unknown(project),
        }
    }
}

fn add<K: Eq + std::hash::Hash>(waiting: &mut HashMap<K, u64>, whose: K, bytes: u64) {
    if bytes > 0 {
        *waiting.entry(whose).or_default() += bytes;
    }
}

fn remove<K: Eq + std::hash::Hash>(waiting: &mut HashMap<K, u64>, whose: K, bytes: u64) {
    if let Entry::Occupied(mut present) = waiting.entry(whose) {
        *present.get_mut() = present.get().saturating_sub(bytes);
        if *present.get() == 0 {
            present.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const LIMIT: u64 = 1_000_000;

    fn organization(number: i64) -> OrganizationId {
        format!("organization-{number}").parse().unwrap()
    }

    /// Of so many bytes of this project.
    fn shares(project: i64, bytes: u64) -> Shares {
        Shares([(project, bytes)].into())
    }

    /// Three projects of each of six organizations: the number of a project tells whose it is.
    fn backlog() -> Backlog {
        let owners = (0..18).map(|project| (project, organization(project / 3)));
        Backlog::new(owners.collect(), &Shares::default())
    }

    fn may_add(backlog: &Backlog, project: i64) -> bool {
        backlog.may_add(LIMIT, ProjectKey(project), None)
    }

    /// One request after the other, until it is refused.
    fn flood(backlog: &mut Backlog, project: i64, bytes: u64) -> u64 {
        let mut taken = 0;
        while may_add(backlog, project) {
            backlog.add(&shares(project, bytes));
            taken += bytes;
        }
        taken
    }

    #[test]
    fn a_flood_leaves_room_for_other_organizations_and_for_projects_beside() {
        let mut backlog = backlog();
        assert_eq!(flood(&mut backlog, 0, 1), LIMIT / 2);
        assert!(flood(&mut backlog, 1, 1) > LIMIT / 7);
        assert!(!may_add(&backlog, 0) && !may_add(&backlog, 2));
        // However many projects the flood has, a third is left.
        assert!(backlog.total() <= LIMIT * 2 / 3 + 1);
        assert!(flood(&mut backlog, 3, 1) > LIMIT / 7);
        // And each of the others has a third of what is left at least.
        for project in [6, 9, 12, 15] {
            assert!(flood(&mut backlog, project, 1) > 0);
        }
        assert!(backlog.total() < LIMIT);
    }

    #[test]
    fn what_waits_of_an_unknown_organization_is_known_as_its_own_later() {
        let mut backlog = Backlog::new(HashMap::new(), &shares(7, 10));
        backlog.add(&shares(8, 5));
        backlog.note_owner(ProjectKey(7), organization(1));
        backlog.note_owner(ProjectKey(8), organization(1));
        let owner = Owner::Organization(organization(1));
        assert_eq!(backlog.organizations, [(owner, 15)].into());
        backlog.remove(&shares(7, 10));
        backlog.remove(&shares(8, 5));
        assert_eq!(backlog.total(), 0);
        assert!(backlog.organizations.is_empty() && backlog.projects.is_empty());
    }

    proptest! {
        /// Requests of any size, in any order, of which some are applied meanwhile.
        #[test]
        fn nobody_is_refused_but_for_what_it_has_waiting(
            steps in vec((0_i64..18, 1_u64..LIMIT / 50, any::<bool>()), 1..400),
        ) {
            let mut backlog = backlog();
            let mut waiting = std::collections::VecDeque::new();
            for (project, bytes, is_applied) in steps {
                let of = |backlog: &Backlog| {
                    let owner = backlog.owner_of(project);
                    backlog.organizations.get(&owner).copied().unwrap_or_default()
                };
                if may_add(&backlog, project) {
                    backlog.add(&shares(project, bytes));
                    waiting.push_back((project, bytes));
                } else {
                    let left = LIMIT.saturating_sub(backlog.total());
                    prop_assert!(backlog.total() >= LIMIT / 2, "refused below half");
                    prop_assert!(of(&backlog) >= left, "refused for others' bytes");
                }
                // A last request may go beyond by itself.
                prop_assert!(backlog.total() < LIMIT + LIMIT / 50);
                if is_applied && let Some((project, bytes)) = waiting.pop_front() {
                    backlog.remove(&shares(project, bytes));
                }
            }
            for (project, bytes) in waiting {
                backlog.remove(&shares(project, bytes));
            }
            prop_assert_eq!(backlog.total(), 0);
            prop_assert!(backlog.organizations.is_empty() && backlog.projects.is_empty());
        }
    }
}
