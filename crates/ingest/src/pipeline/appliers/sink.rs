//! Where what is tracked is kept.

use std::time::Duration;

use paneld_events::{Batch, Erased, EventStore, Pace};
use paneld_repository::{Applied, Repository};

use super::{
    changes::{of_events, of_people},
    copies::Copies,
    refusal::{Refusal, of_catalog, of_store},
};
use crate::pipeline::{
    ingest::Inner,
    spool::{RecordFilter, Spooled, Stretch},
};

/// Big transactions cost less, and nobody sees that a profile is so late.
const CATALOG_PACE: Pace = Pace {
    most: 8_000,
    gather: Duration::from_millis(200),
    gather_busy: Duration::from_millis(200),
    busy: 2_000,
};

/// One of the places where what is tracked is kept.
pub(super) enum Sink {
    Store(EventStore),
    Catalog(Repository),
    Copies(Copies),
}

impl Sink {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Store(_) => "events",
            Self::Catalog(_) => "catalog",
            Self::Copies(_) => "copies",
        }
    }

    /// Whether it has questions to answer beside.
    pub(super) fn is_answering(&self) -> bool {
        match self {
            Self::Store(store) => store.is_answering(),
            Self::Copies(copies) => copies.store.is_answering(),
            Self::Catalog(_) => false,
        }
    }

    /// In which batches it takes records best.
    pub(super) fn pace(&self) -> Pace {
        match self {
            Self::Store(store) => store.pace(),
            Self::Copies(copies) => copies.store.pace(),
            Self::Catalog(_) => CATALOG_PACE,
        }
    }

    /// The records of which it keeps something.
    pub(super) fn wanted(&self) -> RecordFilter {
        match self {
            Self::Store(_) => RecordFilter::All,
            Self::Catalog(_) | Self::Copies(_) => RecordFilter::AboutPeople,
        }
    }

    pub(super) async fn position(&self, inner: &Inner) -> Result<u64, Refusal> {
        match self {
            Self::Store(store) => store.applied_position().await.map_err(of_store),
            Self::Catalog(catalog) => {
                let (id, ancestors) = (inner.spool.id(), inner.spool.ancestors());
                let ancestors = ancestors.map_err(|error| Refusal::Away(Box::new(error)))?;
                if !ancestors.is_empty() {
                    let known = catalog.inherit_position(id, ancestors).await;
                    known.map_err(of_catalog)?;
                }
                catalog.applied_position(id).await.map_err(of_catalog)
            }
            Self::Copies(copies) => copies.position(inner).await,
        }
    }

    /// Where the batch ends that was begun before a start and perhaps not finished.
    pub(super) async fn unfinished_position(&self) -> Result<Option<u64>, Refusal> {
        match self {
            Self::Store(store) => store.unfinished_position().await.map_err(of_store),
            Self::Catalog(_) | Self::Copies(_) => Ok(None),
        }
    }

    /// Tells what erasures removed from the event store, in their order.
    pub(super) async fn apply(
        &self,
        spool: &str,
        records: Vec<Spooled>,
        position: u64,
        stretch: &Stretch,
    ) -> Result<Vec<Erased>, Refusal> {
        match self {
            Self::Store(store) => {
                let changes = of_events(records, stretch);
                let changes = changes.map_err(|error| Refusal::Rejected(Box::new(error)))?;
                let batch = Batch { position, changes };
                store.apply(batch).await.map_err(of_store)
            }
            Self::Catalog(catalog) => {
                let changes = of_people(records);
                if changes.is_empty() {
                    return Ok(Vec::new());
                }
                let portions = catalog.split_changes(spool, changes).await;
                for (last, changes) in portions.map_err(of_catalog)? {
                    let applied = catalog.apply_people(spool, last, changes).await;
                    count(applied.map_err(of_catalog)?);
                }
                Ok(Vec::new())
            }
            Self::Copies(copies) => {
                copies.apply(position, &records).await?;
                Ok(Vec::new())
            }
        }
    }
}

fn count(applied: Applied) {
    let Applied {
        complaints,
        left_out,
        refused_claims,
    } = applied;
    metrics::counter!("paneld_increments_of_text_total").increment(complaints);
    metrics::counter!("paneld_people_left_out_total").increment(left_out);
    metrics::counter!("paneld_aliases_refused_total").increment(refused_claims);
}
