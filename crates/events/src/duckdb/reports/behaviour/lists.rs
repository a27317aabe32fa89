//! Reading a list for each session or profile. They are not put in order by the database, which
//! would hold all events at once for that; and where there are many events, only a part of the
//! sessions or profiles is read at a time.

use duckdb::arrow::{
    array::{ArrayRef, AsArray as _},
    record_batch::RecordBatch,
};

use crate::duckdb::{fault::Fault, sql::Sql};

/// A part of the sessions or profiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    number: u64,
    of: u64,
}

impl Part {
    /// All of them, in parts that have about so many rows each.
    pub(super) fn all(rows: u64, rows_a_part: u64) -> impl Iterator<Item = Self> {
        let of = rows.div_ceil(rows_a_part).max(1);
        (0..of).map(move |number| Self { number, of })
    }

    /// That a session or profile belongs to it.
    pub(super) fn has(self, id: &str) -> Sql {
        if self.of == 1 {
            return Sql::new("TRUE");
        }
        Sql::new(&format!("hash({id}) % "))
            .add(Sql::count(self.of))
            .push(" = ")
            .add(Sql::count(self.number))
    }
}

/// The entries of each list in the first column.
pub(super) fn each_list(
    batch: &RecordBatch,
    mut read: impl FnMut(ArrayRef) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let lists = batch.columns().first();
    let lists = lists.and_then(|column| column.as_list_opt::<i32>());
    let lists = lists.ok_or_else(|| Fault::unexpected("a list"))?;
    for list in lists.iter().flatten() {
        read(list)?;
    }
    Ok(())
}
