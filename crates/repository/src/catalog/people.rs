//! Changes of profiles, groups and aliases, as spools bring them.

use std::collections::BTreeMap;

use diesel::{prelude::*, query_dsl::methods};
use diesel_async::RunQueryDsl;
use paneld_domain::ProjectKey;

use super::{
    Connection, Store, bulk, locked, profiles as stored,
    profiles::{AliasRow, GroupRow, ProfileRow},
    schema::{applied_positions, profile_aliases, profiles, projects},
    sizes, transaction,
};
use crate::{
    Applied, ProjectChange, RepositoryError, SpooledChange,
    lock::Lock,
    people::{Aliases, Changes, Mentions, People, Rows},
    portions::portions_of_changes,
};

/// As many rows as one statement writes. A row has ten values at most; SQLite takes 32,766.
const ROWS: usize = 1_000;
/// As many ids as go into one statement.
const IDS: usize = 10_000;

impl Store {
    pub(crate) async fn applied_position(&self, spool: String) -> Result<u64, RepositoryError> {
        let position = applied_positions::table
            .find(spool)
            .select(applied_positions::position)
            .first::<i64>(&mut self.reader().await?)
            .await
            .optional()?;
        Ok(position.unwrap_or(0).unsigned_abs())
    }

    pub(crate) async fn inherit_position(
        &self,
        spool: String,
        ancestors: Vec<(String, u64)>,
    ) -> Result<(), RepositoryError> {
        transaction!(self, Lock::Nothing, async |connection| {
            for (ancestor, last) in ancestors {
                let position = applied_positions::table
                    .find(ancestor)
                    .select(applied_positions::position)
                    .first::<i64>(connection)
                    .await
                    .optional()?;
                if let Some(position) = position {
                    // What came to the ancestor later is not in this spool.
                    let position = position.unsigned_abs().min(last);
                    advance(connection, &spool, position).await?;
                    break;
                }
            }
            Ok(())
        })
    }

    pub(crate) async fn split_changes(
        &self,
        spool: String,
        mut changes: Vec<SpooledChange>,
    ) -> Result<Vec<(u64, Vec<ProjectChange>)>, RepositoryError> {
        let applied = self.applied_position(spool).await?;
        changes.retain(|(position, _)| *position > applied);
        let mut mentions = BTreeMap::<_, Mentions>::new();
        for (_, (project, _, change)) in &changes {
            mentions.entry(*project).or_default().add(change);
        }
        let mut connection = self.reader().await?;
        let mut sizes = BTreeMap::new();
        for (project, mentions) in mentions {
            let of_project = sizes::of_mentions(&mut connection, project, &mentions).await?;
            sizes.insert(project, of_project);
        }
        Ok(portions_of_changes(&sizes, changes))
    }

    pub(crate) async fn apply_people(
        &self,
        spool: String,
        position: u64,
        changes: Vec<ProjectChange>,
    ) -> Result<Applied, RepositoryError> {
        let mut by_project = BTreeMap::<_, Changes>::new();
        for (project, at, change) in changes {
            by_project.entry(project.0).or_default().push((at, change));
        }
        transaction!(self, Lock::Nothing, async |connection| {
            let mut applied = Applied::default();
            if !advance(connection, &spool, position).await? {
                return Ok(applied);
            }
            let keys = by_project.keys().copied().collect::<Vec<_>>();
            let mut written = Written::default();
            for key in lock_projects(connection, &keys).await? {
                let project = ProjectKey(key);
                let changes = by_project.remove(&key).unwrap_or_default();
                let mut people = load(connection, project, &Mentions::of(&changes)).await?;
                people.apply(changes, &mut applied);
                written.take(connection, project, people).await?;
            }
            written.write(connection).await?;
            Ok(applied)
        })
    }
}

/// Sets how far a spool is applied. Says whether it was not as far before. Whoever applies the
/// same spool at the same time waits here, and finds it done.
async fn advance(
    connection: &mut Connection,
    spool: &str,
    position: u64,
) -> Result<bool, RepositoryError> {
    let position = i64::try_from(position).map_err(RepositoryError::internal)?;
    if position == 0 {
        return Ok(false);
    }
    let statement = diesel::insert_into(applied_positions::table)
        .values((
            applied_positions::spool.eq(spool),
            applied_positions::position.eq(position),
        ))
        .on_conflict(applied_positions::spool)
        .do_update()
        .set(applied_positions::position.eq(position));
    let advanced = methods::FilterDsl::filter(statement, applied_positions::position.lt(position))
        .execute(connection)
        .await?;
    Ok(advanced > 0)
}

/// Those projects that there are. Nobody else changes their people, nor purges them, until the
/// transaction ends. All who lock several do so in the order of their keys, so that none waits
/// for another in a circle.
async fn lock_projects(
    connection: &mut Connection,
    keys: &[i64],
) -> Result<Vec<i64>, RepositoryError> {
    let mut present = Vec::new();
    for keys in keys.chunks(IDS) {
        let projects = projects::table
            .filter(projects::key.eq_any(keys))
            .order(projects::key)
            .select(projects::key);
        present.extend(locked!(projects).load::<i64>(connection).await?);
    }
    Ok(present)
}

/// Everything that changes of these ids may touch.
async fn load(
    connection: &mut Connection,
    project: ProjectKey,
    mentions: &Mentions,
) -> Result<People, RepositoryError> {
    let mentioned = mentions.profiles.union(&mentions.renamed);
    let mut ids = mentioned.cloned().collect::<Vec<_>>();
    let mut aliases = stored::find_aliases(connection, project, &ids).await?;
    if !mentions.renamed.is_empty() {
        let named = aliases.values().map(|alias| &alias.profile_id);
        let renamed = mentions.renamed.iter().chain(named).cloned();
        let renamed = renamed.collect::<Vec<_>>();
        aliases.extend(stored::find_aliases_of(connection, project, &renamed).await?);
    }
    let aliases = Aliases::stored(aliases);
    ids.extend(ids.clone().iter().map(|id| aliases.resolve(id)));
    ids.sort_unstable();
    ids.dedup();
    let groups = mentions.groups.iter().cloned().collect::<Vec<_>>();
    Ok(People {
        profiles: Rows::stored(stored::find_profiles(connection, project, &ids).await?),
        groups: Rows::stored(stored::find_groups(connection, project, &groups).await?),
        aliases,
    })
}

/// Rows of all projects that are to be written.
#[derive(Default)]
struct Written {
    profiles: Vec<ProfileRow>,
    groups: Vec<GroupRow>,
    aliases: Vec<AliasRow>,
}

impl Written {
    /// Takes what changed in a project, and removes what is gone.
    async fn take(
        &mut self,
        connection: &mut Connection,
        project: ProjectKey,
        people: People,
    ) -> Result<(), RepositoryError> {
        let (written, removed) = people.profiles.into_changes();
        for (_, profile) in written {
            self.profiles.push(ProfileRow::new(project, profile)?);
        }
        for ids in removed.chunks(IDS) {
            let of_project = profiles::table.filter(profiles::project_key.eq(project.0));
            diesel::delete(of_project.filter(profiles::id.eq_any(ids)))
                .execute(connection)
                .await?;
        }
        let (written, removed) = people.aliases.into_changes();
        for (alias, named) in written {
            self.aliases.push(AliasRow::new(project, alias, named));
        }
        for ids in removed.chunks(IDS) {
            let of_project =
                profile_aliases::table.filter(profile_aliases::project_key.eq(project.0));
            diesel::delete(of_project.filter(profile_aliases::alias.eq_any(ids)))
                .execute(connection)
                .await?;
        }
        // No group is ever removed.
        for (_, group) in people.groups.into_changes().0 {
            self.groups.push(GroupRow::new(project, group)?);
        }
        Ok(())
    }

    async fn write(self, connection: &mut Connection) -> Result<(), RepositoryError> {
        for rows in portions(self.profiles) {
            bulk::write_profiles(connection, rows).await?;
        }
        for rows in portions(self.groups) {
            bulk::write_groups(connection, rows).await?;
        }
        for rows in portions(self.aliases) {
            bulk::write_aliases(connection, rows).await?;
        }
        Ok(())
    }
}

/// Rows as statements take them.
fn portions<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let portion = rows.by_ref().take(ROWS).collect::<Vec<_>>();
        (!portion.is_empty()).then_some(portion)
    })
}
