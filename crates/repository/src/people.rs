//! What changes do to the people of one project, in memory: the rows that a batch of changes
//! touches are loaded, changed in order, and written back at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use paneld_domain::{
    Group, PeopleChange, Profile, ProfileChange, ProfileChangeKind, ProjectKey, Timestamp,
    bounds::MOST_ALIASES,
};

/// What became of a batch of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many changes could not be made as they were asked for, though they count.
    pub complaints: u64,
    /// How many values, groups and aliases were left out, because there was no room for them.
    pub left_out: u64,
    /// How many claimed aliases have no effect, because they would have changed what is there.
    pub refused_claims: u64,
}

/// Ids of people of one project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleIds {
    /// Of profiles, or aliases of them.
    pub profiles: BTreeSet<String>,
    /// The ids of groups.
    pub groups: BTreeSet<String>,
}

/// People as they are stored, with the projects they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredPeople {
    /// The ids of all profiles that were looked for, aliases and what they name.
    pub profile_ids: Vec<(ProjectKey, String)>,
    /// The ids of all groups that were looked for.
    pub group_ids: Vec<(ProjectKey, String)>,
    /// The profiles of these ids that the catalog has.
    pub profiles: Vec<(ProjectKey, Profile)>,
    /// The groups of these ids that the catalog has.
    pub groups: Vec<(ProjectKey, Group)>,
}

/// The rows that are copied to the event store anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOf {
    /// The people of all projects.
    All,
    /// All rows of one project.
    Project(ProjectKey),
}

/// A change of people of a project, and when it came.
pub type ProjectChange = (ProjectKey, Timestamp, PeopleChange);

/// The same, with the position of its record in the spool.
pub type SpooledChange = (u64, ProjectChange);

/// Changes of one project, in their order.
pub(crate) type Changes = Vec<(Timestamp, PeopleChange)>;

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
            mentions.add(change);
        }
        mentions
    }

    /// Adds those that a change names.
    pub(crate) fn add(&mut self, change: &PeopleChange) {
        match change {
            PeopleChange::Profile(change) => {
                self.profiles.insert(change.profile_id.clone());
            }
            PeopleChange::Group { id, .. } => {
                self.groups.insert(id.clone());
            }
            PeopleChange::Alias { alias, profile_id }
            | PeopleChange::ClaimAlias { alias, profile_id } => {
                self.renamed.extend([alias.clone(), profile_id.clone()]);
            }
            PeopleChange::EraseProfile { profile_id } => {
                self.renamed.insert(profile_id.clone());
            }
        }
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
    /// Whether nobody said so who knows the secret. Then the two are taken for one wherever one
    /// is looked up, but neither goes with the other.
    pub(crate) is_claimed: bool,
}

/// What became of a claimed alias.
#[derive(Debug, Clone, Copy)]
enum Claim {
    /// It is so now, or was so before.
    Holds,
    /// It would change what look-ups find.
    Refused,
    /// There is no room for it.
    LeftOut,
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

    /// Whose an id is for certain.
    fn owner(&self, id: &str) -> String {
        let alias = self.rows.present.get(id);
        let certain = alias.filter(|alias| !alias.is_claimed);
        certain.map_or(id, |alias| &alias.profile_id).to_owned()
    }

    /// The ids that find this profile.
    fn of(&self, profile_id: &str) -> impl Iterator<Item = &str> {
        let aliases = self.by_profile.get(profile_id).into_iter().flatten();
        aliases.map(String::as_str)
    }

    /// Whether a profile may have so many aliases more, claimed or not.
    fn has_room(&self, profile_id: &str, more: usize, is_claimed: bool) -> bool {
        let alike = self.of(profile_id).filter(|alias| {
            let row = self.rows.present.get(*alias);
            row.is_some_and(|row| row.is_claimed == is_claimed)
        });
        alike.count() + more <= MOST_ALIASES
    }

    /// All aliases that name this profile, which it has no more.
    fn take_all_of(&mut self, profile_id: &str) -> Vec<(String, Alias)> {
        let aliases = self.by_profile.remove(profile_id).unwrap_or_default();
        let rows = aliases.into_iter().filter_map(|alias| {
            let row = self.rows.remove(&alias)?;
            Some((alias, row))
        });
        rows.collect()
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

    /// Gives a profile another id; and those that the other id had before. Tells how many ids had
    /// to be left out: all, when there is no room for all.
    fn name(&mut self, alias: String, profile_id: &str, at: Timestamp) -> u64 {
        let profile_id = self.owner(profile_id);
        if alias == profile_id {
            return 0;
        }
        if self.rows.present.contains_key(&profile_id) {
            // Whoever knows the secret says that it is a profile, and no claimed alias.
            self.remove(&profile_id);
        }
        let is_new = self.owner(&alias) != profile_id;
        let more = self.of(&alias).count() + usize::from(is_new);
        if more > 0 && !self.has_room(&profile_id, more, false) {
            return more as u64;
        }
        for (alias, row) in self.take_all_of(&alias) {
            let profile_id = profile_id.clone();
            self.insert(alias, Alias { profile_id, ..row });
        }
        let row = Alias {
            profile_id,
            created_at: at,
            is_claimed: false,
        };
        self.insert(alias, row);
        0
    }

    /// Gives a profile another id, if that finds nothing yet: no alias of its own or of another,
    /// and no profile.
    fn claim(&mut self, alias: String, profile_id: &str, is_profile: bool, at: Timestamp) -> Claim {
        let profile_id = self.resolve(profile_id);
        if self.resolve(&alias) == profile_id {
            return Claim::Holds;
        }
        let is_alias = self.rows.present.contains_key(&alias);
        if is_profile || is_alias || self.of(&alias).next().is_some() {
            return Claim::Refused;
        }
        if !self.has_room(&profile_id, 1, true) {
            return Claim::LeftOut;
        }
        let row = Alias {
            profile_id,
            created_at: at,
            is_claimed: true,
        };
        self.insert(alias, row);
        Claim::Holds
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
    /// Makes changes in their order, as far as there is room for them.
    pub(crate) fn apply(&mut self, changes: Changes, applied: &mut Applied) {
        for (at, change) in changes {
            match change {
                PeopleChange::Profile(change) => self.change_profile(change, at, applied),
                PeopleChange::Group {
                    id,
                    kind,
                    name,
                    properties,
                } => applied.left_out += self.change_group(id, kind, name, properties, at),
                PeopleChange::Alias { alias, profile_id } => {
                    applied.left_out += self.aliases.name(alias, &profile_id, at);
                }
                PeopleChange::ClaimAlias { alias, profile_id } => {
                    let is_profile = self.profiles.present.contains_key(&alias);
                    match self.aliases.claim(alias, &profile_id, is_profile, at) {
                        Claim::Holds => {}
                        Claim::Refused => applied.refused_claims += 1,
                        Claim::LeftOut => applied.left_out += 1,
                    }
                }
                PeopleChange::EraseProfile { profile_id } => self.erase(&profile_id),
            }
        }
    }

    fn change_profile(&mut self, change: ProfileChange, at: Timestamp, applied: &mut Applied) {
        let id = self.aliases.owner(&change.profile_id);
        let present = self.profiles.present.remove(&id);
        if present.is_none() {
            if matches!(
                change.kind,
                ProfileChangeKind::Edited(_) | ProfileChangeKind::LastSeen(_)
            ) {
                return;
            }
            // Who is somebody is nobody else, whatever was claimed before.
            self.aliases.remove(&id);
        }
        let mut profile = present.unwrap_or_else(|| Profile::new(id.clone(), at));
        let before = profile.left_out;
        let complaint = profile.apply(change.kind, at);
        applied.complaints += u64::from(complaint.is_some());
        applied.left_out += profile.left_out.saturating_sub(before);
        self.profiles.set(id, profile);
    }

    /// The same group is sent again and again, by every visitor of it. Tells how much was left
    /// out.
    fn change_group(
        &mut self,
        id: String,
        kind: String,
        name: String,
        properties: BTreeMap<String, String>,
        at: Timestamp,
    ) -> u64 {
        let present = self.groups.present.get(&id);
        let mut group = present
            .cloned()
            .unwrap_or_else(|| Group::new(id.clone(), at));
        let before = group.left_out;
        group.apply(kind, name, properties, at);
        let left_out = group.left_out - before;
        if self.groups.present.get(&id) != Some(&group) {
            self.groups.set(id, group);
        }
        left_out
    }

    /// Forgets a profile, and what is stored under its other ids: that is the same person, unless
    /// it was only claimed.
    fn erase(&mut self, id: &str) {
        let profile_id = self.aliases.owner(id);
        self.aliases.remove(&profile_id);
        self.profiles.remove(&profile_id);
        for (alias, row) in self.aliases.take_all_of(&profile_id) {
            if !row.is_claimed {
                self.profiles.remove(&alias);
            }
        }
    }
}
