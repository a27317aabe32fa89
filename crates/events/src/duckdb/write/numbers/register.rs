//! A table of numbers, and those of them that were used lately.

use std::{collections::HashMap, hash::Hash};

use duckdb::{
    Connection,
    arrow::{array::RecordBatch, error::ArrowError},
};
use paneld_domain::ProjectKey;
use quick_cache::{DefaultHashBuilder, unsync::Cache};

use crate::duckdb::{
    fault::Fault,
    write::{
        append::append,
        columns::{Columns, Row, by_reference},
    },
};

/// The first half of a SHA-256.
pub(super) type Digest = [u8; 16];

/// Numbers by what has them in a project. Each row asks several times, so the hasher is a fast one.
pub(super) type NumbersOf<T> = HashMap<(ProjectKey, T), u32, DefaultHashBuilder>;

/// What has a number in its project.
pub(super) trait Numbered: Copy + Eq + Hash {
    /// By which it is found again.
    fn digest(&self) -> Digest;
}

/// What had no number before.
pub(super) struct New<T> {
    pub(super) digest: Digest,
    pub(super) number: u32,
    pub(super) what: T,
}

/// A digest whose number is asked for, and its place among those that are.
struct Asked {
    digest: Digest,
    place: u32,
}

/// A table of numbers.
pub(super) struct Register {
    table: &'static str,
    remembered: Cache<(ProjectKey, Digest), u32>,
    /// The greatest number of each project; read when it is first needed.
    greatest: Option<HashMap<ProjectKey, u32>>,
}

impl Register {
    pub(super) fn new(table: &'static str, remembered: usize) -> Self {
        Self {
            table,
            remembered: Cache::new(remembered),
            greatest: None,
        }
    }

    /// Finds the numbers of some things, and gives one to each that has none: these are returned,
    /// and are to be written down.
    pub(super) fn number<T: Numbered>(
        &mut self,
        connection: &Connection,
        numbers: &mut NumbersOf<T>,
    ) -> Result<Vec<(ProjectKey, New<T>)>, Fault> {
        let mut unknown = Vec::new();
        for ((project, what), number) in numbers.iter_mut() {
            let digest = what.digest();
            match self.remembered.get(&(*project, digest)) {
                Some(remembered) => *number = *remembered,
                None => unknown.push((*project, digest, *what)),
            }
        }
        let digests = unknown
            .iter()
            .map(|(project, digest, _)| (*project, *digest));
        let found = self.look_up(connection, digests)?;
        let mut given = Vec::new();
        for (place, (project, digest, what)) in unknown.into_iter().enumerate() {
            let number = match found.get(&place) {
                Some(number) => *number,
                None => {
                    let number = self.next(connection, project)?;
                    let new = New {
                        digest,
                        number,
                        what,
                    };
                    given.push((project, new));
                    number
                }
            };
            self.remembered.insert((project, digest), number);
            numbers.insert((project, what), number);
        }
        Ok(given)
    }

    /// The numbers in the table, by the places of the digests.
    fn look_up(
        &self,
        connection: &Connection,
        digests: impl Iterator<Item = (ProjectKey, Digest)>,
    ) -> Result<HashMap<usize, u32>, Fault> {
        let asked = (0..).zip(digests);
        let asked = asked.map(|(place, (project, digest))| (project, Asked { digest, place }));
        let asked = asked.collect::<Vec<_>>();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        connection.execute_batch(
            "CREATE OR REPLACE TEMP TABLE asked_numbers
            (project_key BIGINT, digest UUID, place UINTEGER)",
        )?;
        let rows = asked_rows(&by_reference(&asked))?;
        append(connection, "asked_numbers", rows)?;
        let table = self.table;
        let mut statement = connection.prepare(&format!(
            "SELECT asked.place, known.number FROM asked_numbers asked JOIN {table} known
                ON known.project_key = asked.project_key AND known.digest = asked.digest"
        ))?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found = found.collect::<duckdb::Result<_>>()?;
        connection.execute_batch("DROP TABLE asked_numbers")?;
        Ok(found)
    }

    /// The next number of a project.
    fn next(&mut self, connection: &Connection, project: ProjectKey) -> Result<u32, Fault> {
        let greatest = match &mut self.greatest {
            Some(greatest) => greatest,
            None => {
                let table = self.table;
                let mut statement = connection.prepare(&format!(
                    "SELECT project_key, max(number) FROM {table} GROUP BY project_key"
                ))?;
                let rows =
                    statement.query_map([], |row| Ok((ProjectKey(row.get(0)?), row.get(1)?)))?;
                self.greatest.insert(rows.collect::<duckdb::Result<_>>()?)
            }
        };
        let number = greatest.entry(project).or_default();
        *number = number.checked_add(1).ok_or_else(|| {
            Fault::Store(format!("there is no number left in {}", self.table).into())
        })?;
        Ok(*number)
    }
}

/// The rows of what is asked of a table of numbers.
fn asked_rows(rows: &[Row<'_, Asked>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("digest", |asked| &asked.digest)?;
    columns.counts("place", |asked| asked.place);
    columns.finish()
}
