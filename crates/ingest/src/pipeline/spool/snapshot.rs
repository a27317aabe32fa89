//! The spool as it was at one moment, to be copied to another file.

use std::{path::Path, sync::Arc};

use redb::ReadTransaction;

use super::{
    SpoolError, contents::SpoolContents, copying::copy_all, fault::Fault, file::open,
    tables::Tables,
};

/// The spool as it was at one moment.
pub(crate) struct Snapshot {
    tables: Arc<Tables>,
    from: ReadTransaction,
}

impl Snapshot {
    pub(super) fn of(tables: &Arc<Tables>) -> Result<Self, SpoolError> {
        Ok(Self {
            from: tables.snapshot()?,
            tables: Arc::clone(tables),
        })
    }

    /// Copies it to a file that is not there yet. Writing goes on meanwhile. It blocks.
    pub(crate) fn copy_to(self, path: &Path) -> Result<SpoolContents, SpoolError> {
        let new = open(path).map_err(SpoolError::broken)?;
        // Where the file has to be opened anew, nothing may keep the old one open.
        let may_go_on = || match self.tables.is_open() {
            true => Ok(()),
            false => Err(Fault::NotOpen),
        };
        copy_all(&self.from, &new, may_go_on).map_err(SpoolError::broken)?;
        drop(new);
        SpoolContents::of_file(path)
    }
}
