//! Whether a file is a spool, and one that can be read here.

use redb::ReadableDatabase;

use super::{
    fault::Fault,
    format::{FORMAT, ID, META, OLDEST_FORMAT, THIS_FORMAT, open_if_there},
};

/// A spool that is there.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) format: u8,
}

/// The spool in this file; `None` when nothing was ever written.
pub(super) fn known(database: &impl ReadableDatabase) -> Result<Option<Known>, Fault> {
    let Some(meta) = open_if_there(&database.begin_read()?, META)? else {
        return Ok(None);
    };
    let Some(id) = meta.get(ID)? else {
        return Ok(None);
    };
    let format = meta.get(FORMAT)?;
    let format = format.and_then(|format| format.value().first().copied());
    match format.unwrap_or_default() {
        ..OLDEST_FORMAT => Err(Fault::OlderFormat),
        format @ OLDEST_FORMAT..=THIS_FORMAT => Ok(Some(Known {
            id: String::from_utf8_lossy(id.value()).into_owned(),
            format,
        })),
        _ => Err(Fault::NewerFormat),
    }
}
