//! People from the catalog to the event store, where reports join them.
//!
//! What changes say is never applied here: the rows that they touch are read from the catalog
//! once it has applied them, and put in the place of the earlier copies. So copies are always
//! some state of the catalog, and copying twice does no harm.

use std::collections::{BTreeMap, BTreeSet};

use paneld_domain::{Group, PeopleChange, Profile, ProjectKey};
use paneld_events::{EventStore, EventsError, PeopleCopies, PeopleRows};
use paneld_repository::{CopyOf, PeopleIds, Repository, StoredPeople};
use tokio::sync::watch;

use super::refusal::{Refusal, of_catalog, of_store};
use crate::pipeline::{
    ingest::Inner,
    record::Change,
    spool::{RecordFilter, Spool, Spooled},
};

/// What keeps the copies.
pub(super) struct Copies {
    pub(super) store: EventStore,
    pub(super) catalog: Repository,
    /// How far the catalog is.
    pub(super) catalog_progress: watch::Receiver<u64>,
}

impl Copies {
    /// How far people are copied. Where that does not go on in this spool, as in a new one, or in
    /// a store that has no copies yet, everybody is copied first.
    pub(super) async fn position(&self, inner: &Inner) -> Result<u64, Refusal> {
        let copied = self.store.copied_position().await.map_err(of_store)?;
        let last = inner.spool.last();
        if last <= copied || goes_on(&inner.spool, copied)? {
            return Ok(copied);
        }
        self.wait_for_catalog(last).await?;
        self.copy_anew(CopyOf::All, Some(last)).await?;
        Ok(last)
    }

    /// Copies the people whom these records change, as many at once as have room in memory.
    pub(super) async fn apply(&self, position: u64, records: &[Spooled]) -> Result<(), Refusal> {
        let touched = Touched::by(records);
        for project in touched.erased {
            self.wait_for_catalog(position).await?;
            self.copy_anew(CopyOf::Project(project), None).await?;
        }
        let mut portions = Vec::new();
        if !touched.ids.is_empty() {
            self.wait_for_catalog(position).await?;
            let split = self.catalog.split_people(touched.ids).await;
            portions = split.map_err(of_catalog)?;
        }
        let last = portions.pop().unwrap_or_default();
        for portion in portions {
            let copies = PeopleCopies {
                position: None,
                ..self.find(portion).await?
            };
            self.store.copy_people(copies).await.map_err(of_store)?;
        }
        // The position is kept even where nothing was changed: else it would not go on in the
        // spool after a restart.
        let copies = PeopleCopies {
            position: Some(position),
            purged: touched.purged,
            ..self.find(last).await?
        };
        self.store.copy_people(copies).await.map_err(of_store)
    }

    /// People as they are in the catalog.
    async fn find(&self, wanted: BTreeMap<ProjectKey, PeopleIds>) -> Result<PeopleCopies, Refusal> {
        if wanted.is_empty() {
            return Ok(PeopleCopies::default());
        }
        let StoredPeople {
            profile_ids,
            group_ids,
            profiles,
            groups,
        } = self.catalog.find_people(wanted).await.map_err(of_catalog)?;
        Ok(PeopleCopies {
            profile_ids,
            group_ids,
            rows: bounded(profiles, groups),
            ..PeopleCopies::default()
        })
    }

    /// What is read from the catalog afterwards is as it was at this position, or later.
    async fn wait_for_catalog(&self, position: u64) -> Result<(), Refusal> {
        let mut progress = self.catalog_progress.clone();
        let reached = progress.wait_for(|&applied| applied >= position).await;
        reached
            .map(|_applied| ())
            .map_err(|stopped| Refusal::Away(Box::new(stopped)))
    }

    /// Copies all people, or all of a project, page by page.
    async fn copy_anew(&self, of: CopyOf, position: Option<u64>) -> Result<(), Refusal> {
        let new = self.store.begin_new_copies().await.map_err(again)?;
        let mut after = None;
        loop {
            let page = self.catalog.list_profiles_after(of, after).await;
            let profiles = page.map_err(of_catalog)?;
            let Some((project, last)) = profiles.last() else {
                break;
            };
            after = Some((*project, last.id.clone()));
            let rows = bounded(profiles, Vec::new());
            new.add(rows).await.map_err(again)?;
        }
        let mut after = None;
        loop {
            let page = self.catalog.list_groups_after(of, after).await;
            let groups = page.map_err(of_catalog)?;
            let Some((project, last)) = groups.last() else {
                break;
            };
            after = Some((*project, last.id.clone()));
            let rows = bounded(Vec::new(), groups);
            new.add(rows).await.map_err(again)?;
        }
        let project = match of {
            CopyOf::All => None,
            CopyOf::Project(project) => Some(project),
        };
        new.finish(project, position).await.map_err(again)
    }
}

/// Rows as they are copied: those of a version before there were bounds are cut.
fn bounded(profiles: Vec<(ProjectKey, Profile)>, groups: Vec<(ProjectKey, Group)>) -> PeopleRows {
    let profiles = profiles.into_iter();
    let groups = groups.into_iter();
    PeopleRows {
        profiles: profiles.map(|(key, row)| (key, row.bounded())).collect(),
        groups: groups.map(|(key, row)| (key, row.bounded())).collect(),
    }
}

/// Whether the record behind this position is in the spool. Positions have no gaps, and nothing
/// goes that is not copied.
fn goes_on(spool: &Spool, copied: u64) -> Result<bool, Refusal> {
    let next = spool.read(RecordFilter::AboutPeople, copied, 1);
    let next = next.map_err(|error| Refusal::Away(Box::new(error)))?;
    Ok(next.last == Some(copied + 1))
}

/// While everything is copied anew, a refusal is no fault of a record: the store may have been
/// closed in between, and have forgotten what was begun.
fn again(error: EventsError) -> Refusal {
    Refusal::Away(Box::new(error))
}

/// Whom some records change.
#[derive(Default)]
struct Touched {
    ids: BTreeMap<ProjectKey, PeopleIds>,
    /// Projects in which somebody was erased: with their aliases, it is forgotten which rows were
    /// theirs.
    erased: BTreeSet<ProjectKey>,
    purged: Vec<ProjectKey>,
}

impl Touched {
    fn by(records: &[Spooled]) -> Self {
        let mut touched = Self::default();
        for Spooled { record, .. } in records {
            for change in &record.changes {
                match change {
                    Change::People(change) => touched.add(record.project(), change),
                    Change::Purge => touched.purged.push(record.project()),
                    _ => {}
                }
            }
        }
        touched
    }

    fn add(&mut self, project: ProjectKey, change: &PeopleChange) {
        let ids = self.ids.entry(project).or_default();
        match change {
            PeopleChange::Profile(change) => {
                ids.profiles.insert(change.profile_id.clone());
            }
            PeopleChange::Group { id, .. } => {
                ids.groups.insert(id.clone());
            }
            PeopleChange::Alias { alias, profile_id }
            | PeopleChange::ClaimAlias { alias, profile_id } => {
                ids.profiles.extend([alias.clone(), profile_id.clone()]);
            }
            PeopleChange::EraseProfile { .. } => {
                self.erased.insert(project);
            }
        }
    }
}
