//! What changes do to the people of one project, in memory: the rows that a batch of changes
//! touches are loaded, changed in order, and written back at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use paneld_domain::{
    Complaint, Group, PeopleChange, Profile, ProfileChange, ProjectKey, Timestamp,
};

/// What became of a batch of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many changes could not be made as they were asked for, though they count.
    pub complaints: u64,
}

/// Ids of people of one project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleIds {
    /// Of profiles, or aliases of them.
    pub profiles: BTreeSet<String>,
    /// Of groups.
    pub groups: BTreeSet<String>,
}

/// People as they are stored, with the projects they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredPeople {
    /// The ids of all profiles that were looked for, aliases and what they name.
    pub profile_ids: Vec<(ProjectKey, String)>,
    /// The ids of all groups that were looked for.
    pub group_ids: Vec<(ProjectKey, String)>,
    /// Those profiles that there are.
    pub profiles: Vec<(ProjectKey, Profile)>,
    /// Those groups that there are.
    pub groups: Vec<(ProjectKey, Group)>,
}

/// What is copied anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOf {
    /// The people of all projects.
    All,
    /// Those of one project.
    Project(ProjectKey),
}

/// The ids that a batch of changes names.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// Of changed profiles.
    pub(crate) profiles: BTreeSet<String>,
    /// Of what gets another name, and of who is erased: all aliases of these matter.
    pub(crate) renamed: BTreeSet<String>,
    /// Of changed groups.
    pub(crate) groups: BTreeSet<String>,
}

impl Mentions {
    /// The ids that these changes name.
    pub(crate) fn of(changes: &[(Timestamp, PeopleChange)]) -> Self {
        let mut mentions = Self::default();
        for (_, change) in changes {
            match change {
                PeopleChange::Profile(change) => {
                    mentions.profiles.insert(change.profile_id.clone());
                }
                PeopleChange::Group { id, .. } => {
                    mentions.groups.insert(id.clone());
                }
                PeopleChange::Alias { alias, profile_id } => {
                    mentions.renamed.extend([alias.clone(), profile_id.clone()]);
                }
                PeopleChange::EraseProfile { profile_id } => {
                    mentions.renamed.insert(profile_id.clone());
                }
            }
        }
        mentions
    }
}

/// Rows by id, and which of them are to be written.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    present: HashMap<String, T>,
    changed: BTreeSet<String>,
}

impl<T> Rows<T> {
    /// Rows as they are stored.
    pub(crate) fn stored(rows: impl IntoIterator<Item = (String, T)>) -> Self {
        Self {
            present: rows.into_iter().collect(),
            changed: BTreeSet::new(),
        }
    }

    fn set(&mut self, id: String, row: T) {
        self.changed.insert(id.clone());
        self.present.insert(id, row);
    }

    fn remove(&mut self, id: &str) -> Option<T> {
        self.changed.insert(id.to_owned());
        self.present.remove(id)
    }

    /// The rows to write, and the ids of those to remove. In the order of their ids.
    pub(crate) fn into_changes(mut self) -> (Vec<(String, T)>, Vec<String>) {
        let (mut written, mut removed) = (Vec::new(), Vec::new());
        for id in self.changed {
            match self.present.remove(&id) {
                Some(row) => written.push((id, row)),
                None => removed.push(id),
            }
        }
        (written, removed)
    }
}

/// Which profile another id finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) profile_id: String,
    pub(crate) created_at: Timestamp,
}

/// Aliases, found by either end. None of them names an alias.
#[derive(Debug)]
pub(crate) struct Aliases {
    rows: Rows<Alias>,
    by_profile: HashMap<String, BTreeSet<String>>,
}

impl Aliases {
    /// Aliases as they are stored.
    pub(crate) fn stored(rows: BTreeMap<String, Alias>) -> Self {
        let mut by_profile = HashMap::<_, BTreeSet<_>>::new();
        for (alias, row) in &rows {
            let aliases = by_profile.entry(row.profile_id.clone()).or_default();
            aliases.insert(alias.clone());
        }
        Self {
            rows: Rows::stored(rows),
            by_profile,
        }
    }

    /// The profile that an id finds.
    pub(crate) fn resolve(&self, id: &str) -> String {
        let alias = self.rows.present.get(id);
        alias.map_or(id, |alias| &alias.profile_id).to_owned()
    }

    /// All aliases that name this profile, which it has no more.
    fn take_all_of(&mut self, profile_id: &str) -> BTreeSet<String> {
        let aliases = self.by_profile.remove(profile_id).unwrap_or_default();
        for alias in &aliases {
            self.rows.remove(alias);
        }
        aliases
    }

    fn remove(&mut self, alias: &str) {
        let removed = self.rows.remove(alias);
        let of = removed.and_then(|row| self.by_profile.get_mut(&row.profile_id));
        if let Some(aliases) = of {
            aliases.remove(alias);
        }
    }

    fn insert(&mut self, alias: String, row: Alias) {
        self.remove(&alias);
        let aliases = self.by_profile.entry(row.profile_id.clone()).or_default();
        aliases.insert(alias.clone());
        self.rows.set(alias, row);
    }

    /// Gives a profile another id; and those that the other id had before.
    fn name(&mut self, alias: String, profile_id: &str, at: Timestamp) {
        let profile_id = self.resolve(profile_id);
        if alias == profile_id {
            return;
        }
        let row = Alias {
            profile_id,
            created_at: at,
        };
        for alias in self.take_all_of(&alias) {
            self.insert(alias, row.clone());
        }
        self.insert(alias, row);
    }

    pub(crate) fn into_changes(self) -> (Vec<(String, Alias)>, Vec<String>) {
        self.rows.into_changes()
    }
}

/// All that a batch of changes touches in one project. What is not here is not stored.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) profiles: Rows<Profile>,
    pub(crate) groups: Rows<Group>,
    pub(crate) aliases: Aliases,
}

impl People {
    /// Makes changes in their order, and counts the complaints.
    pub(crate) fn apply(&mut self, changes: Vec<(Timestamp, PeopleChange)>) -> u64 {
        let mut complaints = 0;
        for (at, change) in changes {
            match change {
                PeopleChange::Profile(change) => {
                    let complaint = self.change_profile(change, at);
                    complaints += u64::from(complaint.is_some());
                }
                PeopleChange::Group {
                    id,
                    kind,
                    name,
                    properties,
                } => self.change_group(id, kind, name, properties, at),
                PeopleChange::Alias { alias, profile_id } => {
                    self.aliases.name(alias, &profile_id, at);
                }
                PeopleChange::EraseProfile { profile_id } => self.erase(&profile_id),
            }
        }
        complaints
    }

    fn change_profile(&mut self, change: ProfileChange, at: Timestamp) -> Option<Complaint> {
        let id = self.aliases.resolve(&change.profile_id);
        let present = self.profiles.present.remove(&id);
        let mut profile = present.unwrap_or_else(|| Profile::new(id.clone(), at));
        let complaint = profile.apply(change.kind, at);
        self.profiles.set(id, profile);
        complaint
    }

    /// The same group is sent again and again, by every visitor of it.
    fn change_group(
        &mut self,
        id: String,
        kind: String,
        name: String,
        properties: BTreeMap<String, String>,
        at: Timestamp,
    ) {
        let present = self.groups.present.get(&id);
        let mut group = present
            .cloned()
            .unwrap_or_else(|| Group::new(id.clone(), at));
        group.apply(kind, name, properties, at);
        if self.groups.present.get(&id) != Some(&group) {
            self.groups.set(id, group);
        }
    }

    /// Forgets a profile, and what is stored under its other ids: that is the same person.
    fn erase(&mut self, id: &str) {
        let profile_id = self.aliases.resolve(id);
        self.profiles.remove(&profile_id);
        for alias in self.aliases.take_all_of(&profile_id) {
            self.profiles.remove(&alias);
        }
    }
}
