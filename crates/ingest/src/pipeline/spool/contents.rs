//! What is in a spool's file that nobody has open, and giving it another id.

use std::{collections::BTreeMap, path::Path};

use redb::ReadableTable as _;
use redb::{
    Database, ReadOnlyDatabase, ReadableDatabase, ReadableTableMetadata as _, TableHandle as _,
};
use uuid::Uuid;

use super::{
    SpoolError,
    fault::Fault,
    format::{ANCESTORS, ID, META, RECORDS, ancestors, last, numbered},
    known::known,
};

/// What is in the file of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolContents {
    /// The number of its format.
    pub format: u8,
    /// The position of the last record ever written to it.
    pub last: u64,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
}

impl SpoolContents {
    /// Reads a file that was closed well, and changes nothing. It blocks.
    ///
    /// # Errors
    /// When there is none, when it is open elsewhere, when it is damaged, or when it was written
    /// by a newer program.
    pub fn of_file(path: &Path) -> Result<Self, SpoolError> {
        let read = || find(&ReadOnlyDatabase::open(path)?);
        read().map_err(SpoolError::broken)
    }

    /// The same of a file that a server used, which may have been killed: it is mended as a start
    /// would, and the checksums of all pages are compared.
    ///
    /// # Errors
    /// As of [`Self::of_file`].
    pub fn check_file(path: &Path) -> Result<Self, SpoolError> {
        let check = || {
            let mut database = Database::open(path)?;
            if !database.check_integrity()? {
                return Err(Fault::Damaged);
            }
            find(&database)
        };
        check().map_err(SpoolError::broken)
    }
}

/// Gives a restored spool an id of its own, for the one that it was copied from may still be
/// there. It keeps in mind which that was: by it, catalogs know what they have. It blocks.
///
/// # Errors
/// When the file cannot be written.
pub fn renew_spool(path: &Path) -> Result<(), SpoolError> {
    let renew = || {
        let database = Database::open(path)?;
        let contents = find(&database)?;
        let write = database.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            let mut all = ancestors(meta.get(ANCESTORS)?.map(|all| all.value().to_vec()))?;
            let id = meta
                .get(ID)?
                .map(|id| id.value().to_vec())
                .unwrap_or_default();
            let id = String::from_utf8_lossy(&id).into_owned();
            all.insert(0, (id, contents.last));
            meta.insert(ANCESTORS, postcard::to_stdvec(&all)?.as_slice())?;
            meta.insert(ID, Uuid::new_v4().to_string().as_bytes())?;
        }
        Ok(write.commit()?)
    };
    renew().map_err(|fault: Fault| SpoolError::broken(fault))
}

fn find(database: &impl ReadableDatabase) -> Result<SpoolContents, Fault> {
    let format = known(database)?.ok_or(Fault::Empty)?.format;
    let read = database.begin_read()?;
    let records = read.open_table(RECORDS)?;
    for row in records.iter()? {
        let (end, row) = row?;
        numbered(end.value(), row.value())?.for_each(drop);
    }
    let mut rows = BTreeMap::new();
    for table in read.list_tables()? {
        let name = table.name().to_owned();
        rows.insert(name, read.open_untyped_table(table)?.len()?);
    }
    let last = last(&read.open_table(META)?, &records)?;
    Ok(SpoolContents { format, last, rows })
}
