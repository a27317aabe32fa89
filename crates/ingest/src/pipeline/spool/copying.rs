//! Copying tables to another file.

use redb::{
    Database, Key, ReadTransaction, ReadableTable as _, TableDefinition, TableHandle as _, Value,
    WriteTransaction,
};

use super::{
    dedup::{REQUEST_IDS, REQUEST_IDS_BY_TIME, REQUEST_IDS_COUNTS},
    fault::Fault,
    format::{LIVE, META, OWNERS, RECORDS, SET_ASIDE, open_if_there},
};

/// How many rows are copied between two looks whether to go on.
const AT_ONCE: usize = 4_096;

/// Copies a table. Between some rows and the next, `may_go_on` says whether to.
fn copy_table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    may_go_on: impl Fn() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some(rows) = open_if_there(from, table)? else {
        return Ok(());
    };
    let mut copies = to.open_table(table)?;
    for (index, row) in rows.iter()?.enumerate() {
        if index % AT_ONCE == 0 {
            may_go_on()?;
        }
        let (key, value) = row?;
        copies.insert(key.value(), value.value())?;
    }
    Ok(())
}

/// Copies all tables, as they were when the transaction began, to an empty file.
pub(super) fn copy_all(
    from: &ReadTransaction,
    new: &Database,
    may_go_on: impl Fn() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let to = new.begin_write()?;
    copy_table(from, &to, REQUEST_IDS, &may_go_on)?;
    copy_table(from, &to, REQUEST_IDS_BY_TIME, &may_go_on)?;
    copy_all_but_ids(from, &to, may_go_on)?;
    Ok(to.commit()?)
}

/// Copies all tables but those of the ids of requests, which are there already.
pub(super) fn copy_all_but_ids(
    from: &ReadTransaction,
    to: &WriteTransaction,
    may_go_on: impl Fn() -> Result<(), Fault>,
) -> Result<(), Fault> {
    copy_table(from, to, REQUEST_IDS_COUNTS, &may_go_on)?;
    copy_table(from, to, RECORDS, &may_go_on)?;
    copy_table(from, to, LIVE, &may_go_on)?;
    copy_table(from, to, SET_ASIDE, &may_go_on)?;
    copy_table(from, to, OWNERS, &may_go_on)?;
    copy_table(from, to, META, &may_go_on)?;
    demand_all_tables(from, to)
}

/// A table that nobody thought of here must not be lost.
fn demand_all_tables(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Fault> {
    let copied = to.list_tables()?.map(|table| table.name().to_owned());
    let copied = copied.collect::<Vec<_>>();
    for table in from.list_tables()? {
        if !copied.iter().any(|name| name == table.name()) {
            return Err(Fault::NotCopied(table.name().to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::pipeline::spool::{
        RecordFilter, Spool, renew_spool,
        tests::{append, everywhere},
    };

    const LIMIT: u64 = 10_000_000;

    fn positions(spool: &Spool) -> Vec<u64> {
        let records = spool.read(RecordFilter::All, 0, 1_000).unwrap().records;
        records.iter().map(|spooled| spooled.position).collect()
    }

    #[tokio::test]
    async fn a_copy_is_the_spool_of_its_moment_and_gets_an_id_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool"), LIMIT, 0).unwrap();
        for _ in 0..3 {
            spool.append(&append("/")).await.unwrap();
        }
        spool.trim(everywhere(1)).unwrap();
        spool.set_aside(0).await.unwrap();
        let snapshot = spool.snapshot().unwrap();
        // Whatever becomes of it.
        spool.append(&append("/")).await.unwrap();
        spool.trim(everywhere(3)).unwrap();
        spool.set_aside(0).await.unwrap();
        assert_eq!(positions(&spool), [4]);
        let path = folder.path().join("copy");
        let contents = snapshot.copy_to(&path).unwrap();
        assert_eq!((contents.last, contents.rows["records"]), (3, 2));

        renew_spool(&path).unwrap();
        let copy = Spool::open(&path, LIMIT, 100).unwrap();
        assert_eq!((copy.last(), positions(&copy)), (3, vec![2, 3]));
        assert_ne!(copy.id(), spool.id());
        assert_eq!(copy.ancestors().unwrap(), [(spool.id().to_owned(), 3)]);
        assert_eq!(copy.append(&append("/")).await.unwrap(), 4);
        // One copy of the copy knows both.
        let second = folder.path().join("second");
        copy.snapshot().unwrap().copy_to(&second).unwrap();
        renew_spool(&second).unwrap();
        let second = Spool::open(&second, LIMIT, 100).unwrap();
        let expected = [(copy.id().to_owned(), 4), (spool.id().to_owned(), 3)];
        assert_eq!(second.ancestors().unwrap(), expected);
    }
}
