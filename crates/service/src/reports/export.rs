//! Charts and raw events, for those who take them elsewhere.

use std::collections::{BTreeMap, HashSet};

use paneld_analytics::{ChartAnswer, ChartRequest, EventColumn, EventSelection, RawEventsRequest};
use paneld_domain::Profile;
use paneld_events::{EventBatches, EventsPage, Wide};

use super::{Reports, Subject};
use crate::ServiceError;

/// So many profiles are looked up at once: each may be as big as profiles can be.
const PROFILES_AT_ONCE: usize = 64;

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

    /// The profiles of these events, by the ids that stand there, as far as there are any; and of
    /// how many events these are the profiles: of as many as have at most `most` bytes of
    /// profiles, each counted with each of its events, but of one at least.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn profiles_of(
        &self,
        subject: &Subject,
        ids: &[&str],
        most: usize,
    ) -> Result<(BTreeMap<String, Profile>, usize), ServiceError> {
        let (mut known, mut asked) = (BTreeMap::new(), HashSet::new());
        let mut bytes = 0;
        for (place, &id) in ids.iter().enumerate() {
            if !asked.contains(id) {
                let behind = ids.iter().skip(place);
                let new = behind.filter(|id| asked.insert(**id));
                let new = new.take(PROFILES_AT_ONCE).map(|id| (*id).to_owned());
                let new = new.collect();
                let found = self
                    .repository
                    .list_profiles_by_ids(subject.project.key, new);
                known.extend(found.await?);
            }
            bytes += known.get(id).map_or(0, Wide::bytes);
            if bytes > most && place > 0 {
                return Ok((known, place));
            }
        }
        Ok((known, ids.len()))
    }
}
