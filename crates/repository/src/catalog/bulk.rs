//! Statements that write many rows.

use diesel::{prelude::*, upsert::excluded};

use super::{
    Connection, execute_many,
    profiles::{AliasRow, GroupRow, ProfileRow},
    schema::{profile_aliases, profile_groups, profiles},
};
use crate::RepositoryError;

/// Makes profiles, or replaces them.
pub(super) async fn write_profiles(
    connection: &mut Connection,
    rows: Vec<ProfileRow>,
) -> Result<(), RepositoryError> {
    execute_many!(connection, |rows| diesel::insert_into(profiles::table)
        .values(rows)
        .on_conflict((profiles::project_key, profiles::id))
        .do_update()
        .set((
            profiles::first_name.eq(excluded(profiles::first_name)),
            profiles::last_name.eq(excluded(profiles::last_name)),
            profiles::email.eq(excluded(profiles::email)),
            profiles::avatar.eq(excluded(profiles::avatar)),
            profiles::properties.eq(excluded(profiles::properties)),
            profiles::group_ids.eq(excluded(profiles::group_ids)),
            profiles::created_at.eq(excluded(profiles::created_at)),
            profiles::last_seen_at.eq(excluded(profiles::last_seen_at)),
            profiles::left_out.eq(excluded(profiles::left_out)),
        )))?;
    Ok(())
}

/// Makes groups, or replaces them.
pub(super) async fn write_groups(
    connection: &mut Connection,
    rows: Vec<GroupRow>,
) -> Result<(), RepositoryError> {
    execute_many!(connection, |rows| diesel::insert_into(
        profile_groups::table
    )
    .values(rows)
    .on_conflict((profile_groups::project_key, profile_groups::id))
    .do_update()
    .set((
        profile_groups::kind.eq(excluded(profile_groups::kind)),
        profile_groups::name.eq(excluded(profile_groups::name)),
        profile_groups::properties.eq(excluded(profile_groups::properties)),
        profile_groups::updated_at.eq(excluded(profile_groups::updated_at)),
        profile_groups::left_out.eq(excluded(profile_groups::left_out)),
    )))?;
    Ok(())
}

/// Makes aliases, or replaces them.
pub(super) async fn write_aliases(
    connection: &mut Connection,
    rows: Vec<AliasRow>,
) -> Result<(), RepositoryError> {
    execute_many!(connection, |rows| diesel::insert_into(
        profile_aliases::table
    )
    .values(rows)
    .on_conflict((profile_aliases::project_key, profile_aliases::alias))
    .do_update()
    .set((
        profile_aliases::profile_id.eq(excluded(profile_aliases::profile_id)),
        profile_aliases::created_at.eq(excluded(profile_aliases::created_at)),
        profile_aliases::is_claimed.eq(excluded(profile_aliases::is_claimed)),
    )))?;
    Ok(())
}
