//! Copies of what the catalog keeps of people and groups, for reports that join them. Only what
//! is here writes them. They have a position in the spool of their own, so that events never wait
//! for the catalog.

use duckdb::{Connection, params};
use paneld_domain::{Group, Profile, ProjectKey};

use crate::{
    EventsError, PeopleCopies, PeopleRows,
    duckdb::{
        fault::Fault,
        overflow::{Overflow, Owner as _},
        store::{DuckDbStore, Kind},
        write::{append::append, apply::with_room, record, removals},
    },
};

impl DuckDbStore {
    pub(crate) async fn copied_position(&self) -> Result<u64, EventsError> {
        self.write(|writer| copied_position(&writer.connection))
            .await
    }

    pub(crate) async fn copy_people(&self, copies: PeopleCopies) -> Result<(), EventsError> {
        self.write_again(Kind::Copies, move |writer| {
            with_room(writer, |writer| copy(&mut writer.connection, &copies))
        })
        .await
    }

    pub(crate) async fn begin_new_copies(&self) -> Result<(), EventsError> {
        self.write(|writer| Ok(writer.connection.execute_batch(BEGIN)?))
            .await
    }

    pub(crate) async fn add_new_copies(&self, rows: PeopleRows) -> Result<(), EventsError> {
        self.write(move |writer| {
            with_room(writer, |writer| {
                let transaction = writer.connection.transaction()?;
                append_rows(&transaction, "new_", &rows)?;
                Ok(transaction.commit()?)
            })
        })
        .await
    }

    pub(crate) async fn finish_new_copies(
        &self,
        project: Option<ProjectKey>,
        position: Option<u64>,
    ) -> Result<(), EventsError> {
        self.write(move |writer| {
            with_room(writer, |writer| {
                finish(&mut writer.connection, project, position)
            })
        })
        .await
    }
}

/// On the connection that writes, and gone with it.
const BEGIN: &str = "
    CREATE OR REPLACE TEMP TABLE new_profiles AS FROM profiles LIMIT 0;
    CREATE OR REPLACE TEMP TABLE new_groups AS FROM groups LIMIT 0;
    CREATE OR REPLACE TEMP TABLE new_profile_overflow AS FROM profile_overflow LIMIT 0;
    CREATE OR REPLACE TEMP TABLE new_group_overflow AS FROM group_overflow LIMIT 0;";

/// All tables, each with that of what has no room in it.
const TABLES: [[&str; 2]; 2] = [["profiles", Profile::TABLE], ["groups", Group::TABLE]];

fn copied_position(connection: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT people_position FROM applied";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn copy(connection: &mut Connection, copies: &PeopleCopies) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let before = copied_position(&transaction)?;
    if copies.position.is_some_and(|position| before >= position) {
        return Ok(());
    }
    for project in &copies.purged {
        remove_all(&transaction, *project)?;
    }
    let ids = [&copies.profile_ids, &copies.group_ids];
    for (tables, ids) in TABLES.into_iter().zip(ids) {
        remove(&transaction, tables, ids)?;
    }
    append_rows(&transaction, "", &copies.rows)?;
    if let Some(position) = copies.position {
        transaction.execute("UPDATE applied SET people_position = ?", [position])?;
    }
    transaction.commit()?;
    demand_position(connection, copies.position.unwrap_or(before))
}

fn finish(
    connection: &mut Connection,
    project: Option<ProjectKey>,
    position: Option<u64>,
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    match project {
        Some(project) => remove_all(&transaction, project)?,
        None => {
            let mut removed = 0;
            for table in TABLES.as_flattened() {
                removed += transaction.execute(&format!("DELETE FROM {table}"), [])?;
            }
            if removed > 0 {
                removals::note(&transaction)?;
            }
        }
    }
    for table in TABLES.as_flattened() {
        transaction.execute_batch(&format!("INSERT INTO {table} FROM new_{table}"))?;
    }
    if let Some(position) = position {
        transaction.execute("UPDATE applied SET people_position = ?", [position])?;
    }
    transaction.commit()?;
    if let Some(position) = position {
        demand_position(connection, position)?;
    }
    for table in TABLES.as_flattened() {
        connection.execute_batch(&format!("DROP TABLE new_{table}"))?;
    }
    Ok(())
}

/// A COMMIT after an error says that all is well.
fn demand_position(connection: &Connection, position: u64) -> Result<(), Fault> {
    if copied_position(connection)? == position {
        Ok(())
    } else {
        Err(Fault::Store("nothing was committed".into()))
    }
}

fn remove_all(connection: &Connection, project: ProjectKey) -> Result<(), Fault> {
    for table in TABLES.as_flattened() {
        let sql = format!("DELETE FROM {table} WHERE project_key = ?");
        connection.execute(&sql, [project.0])?;
    }
    removals::note(connection)
}

fn remove(
    connection: &Connection,
    tables: [&str; 2],
    ids: &[(ProjectKey, String)],
) -> Result<(), Fault> {
    match ids {
        [] => {}
        [(project, id)] => {
            for table in tables {
                let sql = format!("DELETE FROM {table} WHERE project_key = ? AND id = ?");
                connection.execute(&sql, params![project.0, id])?;
            }
        }
        _ => {
            connection.execute_batch(
                "CREATE OR REPLACE TEMP TABLE replaced_people (project_key BIGINT, id VARCHAR)",
            )?;
            let keys = ids.iter().map(|(project, id)| (*project, id));
            let keys = record::people_keys(&keys.collect::<Vec<_>>())?;
            append(connection, "replaced_people", keys)?;
            for table in tables {
                connection.execute_batch(&format!(
                    "DELETE FROM {table} USING replaced_people AS replaced
                     WHERE {table}.project_key = replaced.project_key AND {table}.id = replaced.id"
                ))?;
            }
            connection.execute_batch("DROP TABLE replaced_people")?;
        }
    }
    Ok(())
}

/// Appends to the tables, or to those whose names begin like this.
fn append_rows(connection: &Connection, begin: &str, rows: &PeopleRows) -> Result<(), Fault> {
    let table = |name: &str| format!("{begin}{name}");
    if !rows.profiles.is_empty() {
        let rows = rows.profiles.iter().map(|(project, row)| (*project, row));
        let rows = rows.collect::<Vec<_>>();
        let overflow = Overflow::of(&rows);
        let profiles = record::profiles(&rows, &overflow)?;
        append(connection, &table("profiles"), profiles)?;
        overflow.append(connection, &table(Profile::TABLE), &rows)?;
    }
    if !rows.groups.is_empty() {
        let rows = rows.groups.iter().map(|(project, row)| (*project, row));
        let rows = rows.collect::<Vec<_>>();
        let overflow = Overflow::of(&rows);
        append(
            connection,
            &table("groups"),
            record::groups(&rows, &overflow)?,
        )?;
        overflow.append(connection, &table(Group::TABLE), &rows)?;
    }
    Ok(())
}
