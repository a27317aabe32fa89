//! What the spool's file looks like: its tables, and rows of records.

use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, TableError, Value,
};

use super::{fault::Fault, frames::Frame};

/// Rows of records of one commit behind one another, by the position of the last of them.
pub(super) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// By project and device, as they were at the position of the snapshot.
pub(super) const LIVE: TableDefinition<'_, (i64, &str), &[u8]> =
    TableDefinition::new("live_sessions");
/// Records that a sink refused, by position.
pub(super) const SET_ASIDE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("set_aside");
/// The organizations of projects, by the key of the project.
pub(super) const OWNERS: TableDefinition<'_, i64, &str> = TableDefinition::new("owners");
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// The position of the last record that was written before some were removed: they are never
/// given out twice.
pub(super) const LAST: &str = "last";
pub(super) const ID: &str = "id";
/// Up to which position live sessions are in their table.
pub(super) const SNAPSHOT: &str = "snapshot";
/// When a session was last ended early.
pub(super) const CROWDED_AT: &str = "crowded_at";
/// The spools that this one was copied from.
pub(super) const ANCESTORS: &str = "ancestors";
pub(super) const FORMAT: &str = "format";
/// Raised whenever something is written that the versions before cannot read.
pub(super) const THIS_FORMAT: u8 = 5;
/// Files from this format on can be read: what was added since is kinds of changes and tables, and
/// ids of requests are taken over.
pub(super) const OLDEST_FORMAT: u8 = 3;

/// A table; `None` where the file is older than it.
pub(super) fn open_if_there<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<Option<ReadOnlyTable<K, V>>, Fault> {
    match read.open_table(table) {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        table => Ok(Some(table?)),
    }
}

/// The records of a row with their positions.
pub(super) fn numbered(
    last: u64,
    row: &[u8],
) -> Result<impl Iterator<Item = (u64, Frame<'_>)>, Fault> {
    let frames = Frame::all(row)?;
    let first = last + 1 - frames.len() as u64;
    Ok((first..).zip(frames))
}

/// The position of the last record ever written.
pub(super) fn last(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    records: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<u64, Fault> {
    let there = records.last()?.map_or(0, |(last, _)| last.value());
    let before = meta.get(LAST)?.map_or(0, |last| position(last.value()));
    Ok(there.max(before))
}

/// The spools that a restored one was copied from, as they are written in `META`: their ids and
/// last positions, the latest first.
pub(super) fn ancestors(bytes: Option<Vec<u8>>) -> Result<Vec<(String, u64)>, Fault> {
    match bytes {
        Some(bytes) => Ok(postcard::from_bytes(&bytes)?),
        None => Ok(Vec::new()),
    }
}

/// A position, as it is written in `META`.
pub(super) fn position(bytes: &[u8]) -> u64 {
    bytes.try_into().map(u64::from_be_bytes).unwrap_or_default()
}
