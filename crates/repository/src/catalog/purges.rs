//! Purged projects, and what is left of them.

use diesel::{
    dsl::{exists, not},
    prelude::*,
};
use diesel_async::RunQueryDsl;
use paneld_domain::{ProjectKey, Timestamp};

use super::{
    Connection, Store,
    schema::{profile_aliases, profile_groups, profiles, projects, purged_projects},
    transaction,
};
use crate::{RepositoryError, lock::Lock};

/// As many rows of each table as are removed in one unit of work. A project may have millions
/// of profiles, and others wait for the writer.
const PORTION: i64 = 10_000;

impl Store {
    pub(crate) async fn list_purged_projects(&self) -> Result<Vec<ProjectKey>, RepositoryError> {
        // A server of the version before may have been making a project when those that are gone
        // were counted.
        let is_there = projects::table.filter(projects::key.eq(purged_projects::project_key));
        let keys = purged_projects::table
            .filter(not(exists(is_there)))
            .order((purged_projects::purged_at, purged_projects::project_key))
            .select(purged_projects::project_key)
            .load(&mut self.reader().await?)
            .await?;
        Ok(keys.into_iter().map(ProjectKey).collect())
    }

    pub(crate) async fn remove_purged_people(&self) -> Result<bool, RepositoryError> {
        transaction!(self, Lock::Nothing, async |connection| {
            let is_there = projects::table.filter(projects::key.eq(purged_projects::project_key));
            let project = purged_projects::table
                .filter(purged_projects::are_people_gone.eq(false))
                .filter(not(exists(is_there)))
                .order(purged_projects::project_key)
                .select(purged_projects::project_key)
                .first::<i64>(connection)
                .await
                .optional()?;
            let Some(project) = project else {
                return Ok(true);
            };
            if !remove_people(connection, ProjectKey(project)).await? {
                diesel::update(purged_projects::table.find(project))
                    .set(purged_projects::are_people_gone.eq(true))
                    .execute(connection)
                    .await?;
            }
            Ok(false)
        })
    }
}

/// Remembers that a project was purged, and begins to remove its people.
pub(super) async fn begin(
    connection: &mut Connection,
    project: ProjectKey,
    at: Timestamp,
) -> Result<(), RepositoryError> {
    diesel::insert_into(purged_projects::table)
        .values((
            purged_projects::project_key.eq(project.0),
            purged_projects::purged_at.eq(at),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    remove_people(connection, project).await?;
    Ok(())
}

/// Removes a portion of a project's people. Says whether some may be left.
async fn remove_people(
    connection: &mut Connection,
    project: ProjectKey,
) -> Result<bool, RepositoryError> {
    let mut is_left = false;
    macro_rules! remove {
        ($table:ident, $id:ident) => {
            let of_project = $table::table.filter($table::project_key.eq(project.0));
            let ids = of_project
                .select($table::$id)
                .limit(PORTION)
                .load::<String>(connection)
                .await?;
            is_left |= i64::try_from(ids.len()).is_ok_and(|count| count == PORTION);
            if !ids.is_empty() {
                diesel::delete(of_project.filter($table::$id.eq_any(ids)))
                    .execute(connection)
                    .await?;
            }
        };
    }
    remove!(profiles, id);
    remove!(profile_groups, id);
    remove!(profile_aliases, alias);
    Ok(is_left)
}
