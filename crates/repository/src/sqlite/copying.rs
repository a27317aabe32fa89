//! A copy of the catalog in a file of its own, and what is in such a file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{BigInt, Text},
};
use tokio::task::spawn_blocking;

use super::{MIGRATIONS, Store, establish, url_of};
use crate::{RepositoryError, migrations};

/// What is in the file of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogContents {
    /// The version of its tables.
    pub version: String,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
}

impl CatalogContents {
    /// Reads a file that no server has open, all of it, so that what is damaged is found. It
    /// blocks, and changes nothing but that it takes in what is in the log.
    ///
    /// # Errors
    /// When there is none, when it is damaged, or when its tables are those of a newer program.
    pub fn of_file(path: &Path) -> Result<Self, RepositoryError> {
        let mut connection =
            SqliteConnection::establish(&url_of(path)?).map_err(RepositoryError::unavailable)?;
        let found = texts(
            &mut connection,
            "SELECT integrity_check AS text FROM pragma_integrity_check",
        )?;
        if found != ["ok"] {
            let found = found.join("; ");
            return Err(RepositoryError::Unsuitable(format!(
                "the catalog is damaged: {found}"
            )));
        }
        find(&mut connection)
    }
}

impl Store {
    pub(crate) async fn copy_to(&self, to: PathBuf) -> Result<CatalogContents, RepositoryError> {
        self.demand_in_place()?;
        let from = self.file.path.clone();
        // On a connection of its own, for it takes a while.
        spawn_blocking(move || copy(&from, &to))
            .await
            .map_err(RepositoryError::internal)?
    }
}

fn copy(from: &Path, to: &Path) -> Result<CatalogContents, RepositoryError> {
    let copy = to
        .to_str()
        .ok_or_else(|| RepositoryError::internal("the path of the copy is not UTF-8"))?
        .replace('\'', "''");
    // SQLite takes an empty file, and leaves its mode as it is.
    paneld_files::make_file(to).map_err(RepositoryError::unavailable)?;
    establish(from)?.batch_execute(&format!("VACUUM INTO '{copy}'"))?;
    let mut copy =
        SqliteConnection::establish(&url_of(to)?).map_err(RepositoryError::unavailable)?;
    // Those that are at work now are not where the copy comes to.
    copy.batch_execute("DELETE FROM servers")?;
    find(&mut copy)
}

fn find(connection: &mut SqliteConnection) -> Result<CatalogContents, RepositoryError> {
    migrations::demand_known(connection, &MIGRATIONS)?;
    let tables = "SELECT name AS text FROM sqlite_schema
        WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut rows = BTreeMap::new();
    for table in texts(connection, tables)? {
        let count = format!("SELECT count(*) AS rows FROM \"{table}\"");
        let count = sql_query(count).get_result::<Count>(connection)?;
        rows.insert(table, count.rows.unsigned_abs());
    }
    let version = "SELECT coalesce(max(version), '') AS text FROM __diesel_schema_migrations";
    let version = texts(connection, version)?.concat();
    Ok(CatalogContents { version, rows })
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

/// The only column of a query, which it calls `text`.
fn texts(connection: &mut SqliteConnection, query: &str) -> Result<Vec<String>, RepositoryError> {
    let lines = sql_query(query).load::<Line>(connection)?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}
