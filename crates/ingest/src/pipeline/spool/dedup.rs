//! The ids that callers gave requests, and what was replied.
//!
//! Anybody can send them, so there are only so many, of each project and in all; beyond, the
//! oldest of who has most go. A transaction takes a few away, and the next ones go on with it.

use std::collections::HashMap;

use paneld_domain::ProjectKey;
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata as _, Table,
    TableDefinition, WriteTransaction,
};
use uuid::Uuid;

use super::{backlog::Owner, fault::Fault, format::open_if_there};
use crate::Ids;

/// The id that a caller gave a request, so that repeating it changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestKey {
    pub(crate) project: ProjectKey,
    pub(crate) id: Uuid,
    /// When it came first, in milliseconds since 1970.
    pub(crate) at: i64,
}

/// By project and id: when it came, in milliseconds since 1970, and what was replied.
pub(super) const REQUEST_IDS: TableDefinition<'_, DedupKey, (i64, &[u8])> =
    TableDefinition::new("ids");
/// The same ids by project and time.
pub(super) const REQUEST_IDS_BY_TIME: TableDefinition<'_, (i64, i64, u128), ()> =
    TableDefinition::new("ids_by_time");
/// By project: how many there are, and when the oldest came.
pub(super) const REQUEST_IDS_COUNTS: TableDefinition<'_, i64, (u64, i64)> =
    TableDefinition::new("id_counts");

/// As formats up to 4 have them: by project and id, what was replied.
pub(super) const OLD_REQUEST_IDS: TableDefinition<'_, DedupKey, &[u8]> =
    TableDefinition::new("seen_ids");
/// The same ids by time and project.
pub(super) const OLD_REQUEST_IDS_BY_TIME: TableDefinition<'_, (i64, i64, u128), ()> =
    TableDefinition::new("seen_ids_by_time");

/// A project, and an id.
pub(super) type DedupKey = (i64, u128);

/// How many ids a transaction removes or moves, beside as many as it adds.
const AT_ONCE: usize = 512;

/// Where there are too many in all, who has most gives up one of so many ids, and then it is looked
/// who has most now.
const A_FEW: u64 = 64;

/// How many ids there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct DedupLimits {
    pub(super) of_project: u64,
    pub(super) in_all: u64,
}

impl DedupLimits {
    pub(super) const USUAL: Self = Self {
        of_project: 1_000_000,
        in_all: 4_000_000,
    };
}

/// Which ids are to be removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct TidyUp {
    pub(super) limits: DedupLimits,
    /// Those that came before this time, if some are.
    pub(super) before: Option<i64>,
    /// Whether some may be left of what was to be removed before.
    pub(super) had_more: bool,
}

/// What a transaction did with ids.
#[derive(Debug, Default)]
pub(super) struct DedupChanges {
    /// Those that it added or removed.
    pub(super) touched: Vec<DedupKey>,
    /// How many went because there were too many.
    pub(super) forgotten_early: u64,
    /// Whether more are to be removed or moved.
    pub(super) has_more: bool,
}

/// The tables of ids in a transaction that writes.
pub(super) struct DedupTables<'t> {
    by_id: Table<'t, DedupKey, (i64, &'static [u8])>,
    by_time: Table<'t, (i64, i64, u128), ()>,
    counts: Table<'t, i64, (u64, i64)>,
    /// What is not in the table of counts yet.
    added: HashMap<i64, (u64, i64)>,
    changes: DedupChanges,
}

impl<'t> DedupTables<'t> {
    /// Makes those that are missing, too.
    pub(super) fn open(write: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            by_id: write.open_table(REQUEST_IDS)?,
            by_time: write.open_table(REQUEST_IDS_BY_TIME)?,
            counts: write.open_table(REQUEST_IDS_COUNTS)?,
            added: HashMap::new(),
            changes: DedupChanges::default(),
        })
    }

    /// Notes an id, and what was replied.
    pub(super) fn note(&mut self, seen: &RequestKey, ids: &Ids) -> Result<(), Fault> {
        let key = (seen.project.0, seen.id.as_u128());
        self.add(key, seen.at, &postcard::to_stdvec(ids)?)
    }

    fn add(&mut self, key: DedupKey, at: i64, ids: &[u8]) -> Result<(), Fault> {
        let (project, id) = key;
        let before = put(&mut self.by_id, &mut self.by_time, key, at, ids)?;
        let (count, oldest) = self.added.entry(project).or_insert((0, at));
        *oldest = at.min(*oldest);
        if before.is_none() {
            *count += 1;
        }
        self.changes.touched.push((project, id));
        Ok(())
    }

    /// Removes ids of which there are too many, and those that came before a time; and takes over
    /// what older versions wrote. Of all that only some, and more only where more was added.
    pub(super) fn tidy(
        &mut self,
        write: &WriteTransaction,
        TidyUp {
            limits,
            before,
            had_more,
        }: TidyUp,
        owner_of: impl Fn(i64) -> Owner,
    ) -> Result<DedupChanges, Fault> {
        let adopts = self.adopt(write, limits)?;
        let most = self.note_counts()?;
        let is_crowded = most > limits.of_project || self.by_id.len()? > limits.in_all;
        if !(is_crowded || had_more || before.is_some()) {
            self.changes.has_more = adopts;
            return Ok(std::mem::take(&mut self.changes));
        }
        let mut left = AT_ONCE + self.changes.touched.len();
        let mut counts = Vec::new();
        for row in self.counts.iter()? {
            let (project, count) = row?;
            counts.push((project.value(), count.value()));
        }
        if let Some(before) = before {
            for (project, (count, oldest)) in &mut counts {
                if *oldest < before && left > 0 {
                    let removed = self.remove_oldest(*project, before, left)?;
                    left -= removed;
                    *count = count.saturating_sub(removed as u64);
                }
            }
        }
        let mut in_excess = InExcess::new(counts, limits, owner_of);
        while left > 0
            && let Some((project, excess)) = in_excess.next()
        {
            let most = usize::try_from(excess).unwrap_or(left).min(left);
            let removed = self.remove_oldest(project, i64::MAX, most)?;
            if removed == 0 {
                break;
            }
            left -= removed;
            in_excess.note_removed(project, removed as u64);
            self.changes.forgotten_early += removed as u64;
        }
        self.changes.has_more = adopts || left == 0;
        Ok(std::mem::take(&mut self.changes))
    }

    /// Writes how many were added to each project. Tells how many the one with most of them has.
    fn note_counts(&mut self) -> Result<u64, Fault> {
        let mut most = 0;
        for (project, (added, since)) in self.added.drain() {
            let present = self.counts.get(project)?.map(|count| count.value());
            let (count, oldest) = present.unwrap_or((0, since));
            let now = (count + added, oldest.min(since));
            self.counts.insert(project, now)?;
            most = most.max(now.0);
        }
        Ok(most)
    }

    /// Removes the oldest ids of a project that came before a time. Tells how many.
    fn remove_oldest(&mut self, project: i64, before: i64, most: usize) -> Result<usize, Fault> {
        let all = (project, i64::MIN, u128::MIN)..(project, before, u128::MIN);
        let mut removed = 0;
        for entry in self.by_time.extract_from_if(all, |_, ()| true)?.take(most) {
            let (_, _, id) = entry?.0.value();
            self.by_id.remove((project, id))?;
            self.changes.touched.push((project, id));
            removed += 1;
        }
        let rest = (project, i64::MIN, u128::MIN)..=(project, i64::MAX, u128::MAX);
        let oldest = self.by_time.range(rest)?.next().transpose()?;
        let oldest = oldest.map(|(key, _)| key.value().1);
        let count = self.counts.remove(project)?.map_or(0, |row| row.value().0);
        if let Some(oldest) = oldest {
            let count = count.saturating_sub(removed as u64);
            self.counts.insert(project, (count, oldest))?;
        }
        Ok(removed)
    }

    /// Takes over some of what older versions wrote, the oldest first; what would have to go at
    /// once goes. Tells whether there is more.
    fn adopt(&mut self, write: &WriteTransaction, limits: DedupLimits) -> Result<bool, Fault> {
        let is_old = |name: &str| name == redb::TableHandle::name(&OLD_REQUEST_IDS_BY_TIME);
        let mut tables = write.list_tables()?;
        if !tables.any(|table| is_old(redb::TableHandle::name(&table))) {
            return Ok(false);
        }
        let mut old = write.open_table(OLD_REQUEST_IDS)?;
        let mut old_by_time = write.open_table(OLD_REQUEST_IDS_BY_TIME)?;
        for _ in 0..AT_ONCE {
            let is_crowded = old_by_time.len()? > limits.in_all;
            let Some((key, _)) = old_by_time.pop_first()? else {
                break;
            };
            let (at, project, id) = key.value();
            let ids = old.remove((project, id))?;
            if is_crowded {
                self.changes.forgotten_early += 1;
            } else if let Some(ids) = ids {
                self.add((project, id), at, ids.value())?;
            }
        }
        if !old_by_time.is_empty()? {
            return Ok(true);
        }
        drop((old, old_by_time));
        write.delete_table(OLD_REQUEST_IDS)?;
        write.delete_table(OLD_REQUEST_IDS_BY_TIME)?;
        Ok(false)
    }
}

/// Writes an id to two tables. Tells when it came, if it was there already.
pub(super) fn put(
    by_id: &mut Table<'_, DedupKey, (i64, &'static [u8])>,
    by_time: &mut Table<'_, (i64, i64, u128), ()>,
    key: DedupKey,
    at: i64,
    ids: &[u8],
) -> Result<Option<i64>, Fault> {
    let (project, id) = key;
    let before = by_id.insert(key, (at, ids))?.map(|row| row.value().0);
    if let Some(before) = before.filter(|before| *before != at) {
        by_time.remove((project, before, id))?;
    }
    by_time.insert((project, at, id), ())?;
    Ok(before)
}

/// Who has more ids than there may be.
struct InExcess {
    counts: HashMap<i64, (u64, Owner)>,
    /// How many each organization has; only if there are too many in all.
    of_owners: HashMap<Owner, u64>,
    total: u64,
    limits: DedupLimits,
}

impl InExcess {
    fn new(
        counts: Vec<(i64, (u64, i64))>,
        limits: DedupLimits,
        owner_of: impl Fn(i64) -> Owner,
    ) -> Self {
        let total = counts.iter().map(|(_, (count, _))| count).sum::<u64>();
        let is_relevant = |count: u64| total > limits.in_all || count > limits.of_project;
        let counts = counts.into_iter();
        let counts = counts.filter(|(_, (count, _))| is_relevant(*count));
        let counts = counts.map(|(project, (count, _))| (project, (count, owner_of(project))));
        let counts = counts.collect::<HashMap<_, _>>();
        let mut of_owners = HashMap::<_, u64>::new();
        for (count, owner) in counts.values() {
            *of_owners.entry(owner.clone()).or_default() += count;
        }
        Self {
            counts,
            of_owners,
            total,
            limits,
        }
    }

    /// The project that is to give some up, and how many: one that has too many itself; or else
    /// that with most, of the organization with most, a few before it is looked again.
    fn next(&self) -> Option<(i64, u64)> {
        let counts = || self.counts.iter().map(|(project, row)| (*project, row));
        let limit = self.limits.of_project;
        if let Some((project, (count, _))) = counts().find(|(_, (count, _))| *count > limit) {
            return Some((project, count - limit));
        }
        let excess = self.total.saturating_sub(self.limits.in_all);
        let of_owner = |owner| self.of_owners.get(owner).copied();
        let most = counts().max_by_key(|(_, (count, owner))| (of_owner(owner), *count));
        let (project, (count, _)) = most.filter(|_| excess > 0)?;
        Some((project, excess.min(count / A_FEW).max(1)))
    }

    fn note_removed(&mut self, project: i64, removed: u64) {
        self.total = self.total.saturating_sub(removed);
        if let Some((count, owner)) = self.counts.get_mut(&project) {
            *count = count.saturating_sub(removed);
            if let Some(of_owner) = self.of_owners.get_mut(owner) {
                *of_owner = of_owner.saturating_sub(removed);
            }
        }
    }
}

/// The tables of ids, to be read.
pub(super) struct DedupReader {
    by_id: Option<ReadOnlyTable<DedupKey, (i64, &'static [u8])>>,
    old: Option<ReadOnlyTable<DedupKey, &'static [u8]>>,
}

impl DedupReader {
    pub(super) fn open(read: &ReadTransaction) -> Result<Self, Fault> {
        Ok(Self {
            by_id: open_if_there(read, REQUEST_IDS)?,
            old: open_if_there(read, OLD_REQUEST_IDS)?,
        })
    }

    /// What was replied to the request of this id.
    pub(super) fn find(&self, seen: &RequestKey) -> Result<Option<Ids>, Fault> {
        let key = (seen.project.0, seen.id.as_u128());
        if let Some(by_id) = &self.by_id
            && let Some(row) = by_id.get(key)?
        {
            return Ok(Some(postcard::from_bytes(row.value().1)?));
        }
        let ids = match &self.old {
            Some(old) => old.get(key)?,
            None => None,
        };
        let ids = ids.map(|ids| postcard::from_bytes(ids.value()));
        Ok(ids.transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use redb::ReadableDatabase as _;

    use super::*;
    use crate::pipeline::spool::{
        Append, Spool,
        format::{FORMAT, META},
        tests::append,
    };

    const FEW: DedupLimits = DedupLimits {
        of_project: 10,
        in_all: 25,
    };

    fn seen(project: i64, number: u128) -> RequestKey {
        RequestKey {
            project: ProjectKey(project),
            id: Uuid::from_u128(number),
            at: i64::try_from(number).unwrap(),
        }
    }

    fn ids() -> Ids {
        Ids {
            device_id: "phone".to_owned(),
            session_id: "visit".to_owned(),
        }
    }

    async fn note(spool: &Spool, project: i64, numbers: std::ops::Range<u128>) {
        let noted = numbers.map(|number| (seen(project, number), ids()));
        let append = Append {
            seen: noted.collect(),
            ..append("/")
        };
        spool.append(&append).await.unwrap();
    }

    /// Which of these are known.
    async fn known(spool: &Spool, project: i64, numbers: std::ops::Range<u128>) -> BTreeSet<u128> {
        let all = numbers.map(|number| seen(project, number)).collect();
        let found = spool.seen_of(all).await.unwrap();
        found.iter().map(Uuid::as_u128).collect()
    }

    /// Waits until everything is removed that is to be.
    async fn settle(spool: &Spool) {
        spool.set_aside(0).await.unwrap();
        let has_more = || spool.tables.with(excess).unwrap();
        while has_more() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// How many ids older versions wrote.
    fn excess(database: &redb::Database) -> Result<u64, Fault> {
        let old = open_if_there(&database.begin_read()?, OLD_REQUEST_IDS_BY_TIME)?;
        Ok(old.map_or(Ok(0), |old| old.len())?)
    }

    fn open(path: &Path) -> Spool {
        Spool::open_with(path, 10_000_000, 0, FEW).unwrap()
    }

    #[tokio::test]
    async fn the_oldest_ids_of_who_has_most_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = open(&path);
        for number in 0..30 {
            note(&spool, 7, number..number + 1).await;
        }
        note(&spool, 8, 0..6).await;
        assert_eq!(known(&spool, 7, 0..30).await, (20..30).collect());
        assert_eq!(known(&spool, 8, 0..6).await, (0..6).collect());
        // The same ones once more are no more than there were.
        note(&spool, 7, 20..30).await;
        assert_eq!(known(&spool, 7, 20..30).await.len(), 10);
        drop(spool);

        let spool = open(&path);
        // 26 in all: one of the ten goes, and nobody else's.
        note(&spool, 9, 0..10).await;
        assert_eq!(known(&spool, 8, 0..6).await.len(), 6);
        let left = known(&spool, 7, 0..30).await.len() + known(&spool, 9, 0..10).await.len();
        assert_eq!(left, 19);
        // Nobody is refused, whatever comes at once; and nobody gives up more than others.
        note(&spool, 8, 100..1_000).await;
        let left = [
            known(&spool, 7, 0..30).await,
            known(&spool, 8, 0..1_000).await,
            known(&spool, 9, 0..10).await,
        ];
        assert!(left[0].is_subset(&(21..30).collect()), "{left:?}");
        assert!(left[1].is_subset(&(991..1_000).collect()), "{left:?}");
        let mut counts = left.map(|ids| ids.len());
        counts.sort_unstable();
        assert_eq!(counts, [8, 8, 9]);
    }

    #[test]
    fn the_organization_with_most_gives_up_ids_of_its_project_with_most() {
        let owner =
            |project: i64| Owner::Organization(format!("org-{}", project / 10).parse().unwrap());
        let counts = [(1, 6), (2, 4), (3, 5), (11, 9), (12, 3)];
        let counts = counts.map(|(project, count)| (project, (count, 0)));
        let in_excess = InExcess::new(counts.into(), FEW, owner);
        assert_eq!(in_excess.next(), Some((1, 1)));
    }

    /// As a version before wrote them.
    fn write_old(path: &Path, project: i64, numbers: std::ops::Range<u128>) {
        let database = redb::Database::open(path).unwrap();
        let write = database.begin_write().unwrap();
        {
            let mut meta = write.open_table(META).unwrap();
            meta.insert(FORMAT, [4].as_slice()).unwrap();
            let mut old = write.open_table(OLD_REQUEST_IDS).unwrap();
            let mut by_time = write.open_table(OLD_REQUEST_IDS_BY_TIME).unwrap();
            let ids = postcard::to_stdvec(&ids()).unwrap();
            for number in numbers {
                let at = i64::try_from(number).unwrap();
                old.insert((project, number), ids.as_slice()).unwrap();
                by_time.insert((at, project, number), ()).unwrap();
            }
        }
        write.commit().unwrap();
    }

    #[tokio::test]
    async fn ids_of_older_versions_are_known_and_taken_over_step_by_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        drop(Spool::open(&path, 10_000_000, 0).unwrap());
        write_old(&path, 7, 0..3_000);
        let spool = Spool::open(&path, 10_000_000, 0).unwrap();
        assert_eq!(known(&spool, 7, 0..4_000).await.len(), 3_000);
        assert_eq!(spool.tables.with(excess).unwrap(), 3_000);
        assert_eq!(spool.seen(seen(7, 9)).await.unwrap(), Some(ids()));
        note(&spool, 7, 3_000..3_001).await;
        assert!(spool.tables.with(excess).unwrap() > 0, "all at once");
        assert_eq!(known(&spool, 7, 0..4_000).await.len(), 3_001);
        settle(&spool).await;
        assert_eq!(known(&spool, 7, 0..4_000).await.len(), 3_001);
        // Their day ends as it would have.
        let before = paneld_domain::Timestamp::from_timestamp_millis(2_999).unwrap();
        spool.forget_seen(before).unwrap();
        while !known(&spool, 7, 0..2_999).await.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(known(&spool, 7, 0..4_000).await, [2_999, 3_000].into());
        drop(spool);

        // There may be more of them than there may be now.
        let path = folder.path().join("crowded");
        drop(open(&path));
        write_old(&path, 7, 0..2_000);
        write_old(&path, 8, 1_995..2_000);
        let spool = open(&path);
        note(&spool, 9, 3_000..3_001).await;
        settle(&spool).await;
        assert_eq!(known(&spool, 7, 0..2_000).await, (1_990..2_000).collect());
        assert_eq!(known(&spool, 8, 0..2_000).await.len(), 5);
        assert_eq!(known(&spool, 9, 3_000..3_001).await.len(), 1);
        // And the file can be written anew.
        let never = paneld_domain::Timestamp::from_timestamp_millis(0).unwrap();
        spool.compact(never).await.unwrap();
        assert_eq!(known(&spool, 7, 0..2_000).await, (1_990..2_000).collect());
    }
}
