//! Charts and raw events, for those who take them elsewhere.

use std::collections::{BTreeMap, HashSet};

use paneld_analytics::{ChartAnswer, ChartRequest, EventColumn, EventSelection, RawEventsRequest};
use paneld_domain::Profile;
use paneld_events::{EventBatches, EventsPage, Wide};

use super::{Reports, Subject};
use crate::ServiceError;

/// So many profiles are looked up at once: each may be as big as profiles can be.
const PROFILES_AT_ONCE: usize = 32;

impl Reports {
    /// A chart.
    ///
    /// # Errors
    /// When it would have too many points, or the event store is away.
    pub async fn chart(
        &self,
        subject: &Subject,
        request: ChartRequest,
    ) -> Result<ChartAnswer, ServiceError> {
        let rows = self
            .store(subject)
            .chart(subject.scope(), request.clone())
            .await?;
        let answer = subject
            .compute()
            .run(move || ChartAnswer::of(&request, rows));
        answer
            .await?
            .map_err(|problem| ServiceError::Question(vec![problem]))
    }

    /// A part of a list of raw events.
    ///
    /// # Errors
    /// When a store is away.
    pub async fn events(
        &self,
        subject: &Subject,
        mut request: RawEventsRequest,
    ) -> Result<EventsPage, ServiceError> {
        self.resolve(subject, &mut request.selection).await?;
        let store = self.store(subject);
        let page = store.list_events(subject.scope(), request);
        Ok(page.await?)
    }

    /// How many raw events there are.
    ///
    /// # Errors
    /// When a store is away.
    pub async fn count_selected(
        &self,
        subject: &Subject,
        mut selection: EventSelection,
    ) -> Result<u64, ServiceError> {
        self.resolve(subject, &mut selection).await?;
        let store = self.store(subject);
        let count = store.count_selected(subject.scope(), selection);
        Ok(count.await?)
    }

    /// Raw events, however many there are; times as texts, or as what they are.
    ///
    /// # Errors
    /// When a store is away, or when others take too many events at the same time.
    pub async fn stream_events(
        &self,
        subject: &Subject,
        mut request: RawEventsRequest,
        columns: Vec<EventColumn>,
        times_as_text: bool,
    ) -> Result<EventBatches, ServiceError> {
        self.resolve(subject, &mut request.selection).await?;
        let scope = subject.scope();
        let store = self.store(subject);
        let batches = store.stream_events(scope, request, columns, times_as_text);
        Ok(batches.await?)
    }

    /// A profile may be called by an alias.
    async fn resolve(
        &self,
        subject: &Subject,
        selection: &mut EventSelection,
    ) -> Result<(), ServiceError> {
        if let Some(id) = &selection.profile_id {
            let id = self.repository.resolve_alias(subject.project.key, id).await;
            selection.profile_id = Some(id?);
        }
        Ok(())
    }

    /// Looks up the profiles of events, by the ids that stand there. Tells of how many of the
    /// events they are: of as many as have at most `most` bytes of profiles, each counted with
    /// each of its events, but of one at least. `count` is told how many bytes were read, some at
    /// a time, and may refuse them.
    ///
    /// # Errors
    /// When the catalog cannot be asked, or the bytes were refused.
    pub async fn look_up_profiles(
        &self,
        subject: &Subject,
        beside: &mut ProfilesBeside,
        ids: &[&str],
        most: usize,
        mut count: impl FnMut(usize) -> Result<(), ServiceError>,
    ) -> Result<usize, ServiceError> {
        let mut bytes = 0;
        for (place, &id) in ids.iter().enumerate() {
            if !beside.0.contains_key(id) {
                let new = beside.next_unknown(ids.iter().skip(place));
                let found = self
                    .repository
                    .list_profiles_by_ids(subject.project.key, new.clone());
                let mut found = found.await?;
                count(found.values().map(Wide::bytes).sum())?;
                let new = new.into_iter().map(|id| {
                    let profile = found.remove(&id);
                    (id, profile)
                });
                beside.0.extend(new);
            }
            bytes += beside.get(id).map_or(0, Wide::bytes);
            if bytes > most && place > 0 {
                return Ok(place);
            }
        }
        Ok(ids.len())
    }
}

/// Profiles that stand beside events, by the ids that stand there; also those ids of which there
/// is none.
#[derive(Debug, Default)]
pub struct ProfilesBeside(BTreeMap<String, Option<Profile>>);

impl ProfilesBeside {
    /// The profile that this id finds, if there is one and it was looked up.
    pub fn get(&self, id: &str) -> Option<&Profile> {
        self.0.get(id)?.as_ref()
    }

    /// Forgets all but those of these ids.
    pub fn keep(&mut self, ids: &[&str]) {
        let ids = ids.iter().collect::<HashSet<_>>();
        self.0.retain(|id, _| ids.contains(&id.as_str()));
    }

    /// The next ids that were not looked up yet, each once.
    fn next_unknown<'a>(&self, ids: impl Iterator<Item = &'a &'a str>) -> Vec<String> {
        let mut next = HashSet::new();
        let unknown = ids.filter(|id| !self.0.contains_key(**id) && next.insert(**id));
        let unknown = unknown.take(PROFILES_AT_ONCE);
        unknown.map(|id| (*id).to_owned()).collect()
    }
}
