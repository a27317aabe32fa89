//! What is written to the spool at once.

use std::{collections::HashMap, sync::Arc};

use paneld_domain::{OrganizationId, ProjectKey};

use super::{
    dedup::RequestKey,
    frames::{Frames, LiveTold, NOBODY},
};
use crate::{
    Ids, Target,
    pipeline::{
        record::Record,
        sessions::{DeviceKey, Growth, Kept, Live, LiveChange, Told},
    },
};

/// In whose part of the spool something goes.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// That of a project which is tracked for.
    Of(Arc<Target>),
    /// That of a project of which only the key is known.
    Project(ProjectKey),
    /// Nobody's: what makes room, and is asked for seldom, goes ahead of what is tracked.
    Upkeep,
}

impl Account {
    pub(crate) fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Of(target) => Some(&target.organization),
            Self::Project(_) | Self::Upkeep => None,
        }
    }
}

/// What is written in one transaction, or not at all.
#[derive(Debug)]
pub(crate) struct Append {
    /// Whose it is.
    pub(crate) account: Account,
    /// The records, in the order in which they are to be applied.
    pub(crate) records: Vec<Record>,
    /// The sessions of devices as they are now. They go with the last record.
    pub(crate) live: Vec<LiveChange<Live>>,
    /// How those of them have grown that are not written whole.
    pub(crate) grown: HashMap<DeviceKey, Growth>,
    /// The ids that callers gave, and what was replied.
    pub(crate) seen: Vec<(RequestKey, Ids)>,
    /// When sessions were ended early, in milliseconds since 1970; if this ends some.
    pub(crate) crowded_at: Option<i64>,
}

impl Append {
    /// What the record tells of sessions: of those that have grown, only how.
    fn told(&self, live: &[LiveChange<Kept>]) -> Result<Vec<LiveTold>, postcard::Error> {
        let changes = self.live.iter().zip(live);
        let told = changes.map(|((device, live), (_, kept))| {
            let told = match (live, kept, self.grown.get(device)) {
                (Some(live), _, Some(growth)) => growth.told(live.session.id.clone())?,
                (_, Some(kept), _) => Told::Whole(kept.clone()),
                (_, None, _) => Told::Gone,
            };
            Ok((device.clone(), told))
        });
        told.collect()
    }

    /// Makes it ready to be written.
    pub(super) fn encode(&self) -> Result<Entry, postcard::Error> {
        let live = self.live.iter().map(|(device, live)| {
            let live = live.as_ref().map(Kept::new).transpose()?;
            Ok((device.clone(), live))
        });
        let live = live.collect::<Result<Vec<_>, postcard::Error>>()?;
        let mut records = Frames::default();
        if let Some((last, others)) = self.records.split_last() {
            for record in others {
                records.push(record, NOBODY)?;
            }
            if self.grown.is_empty() {
                records.push(last, live.as_slice())?;
            } else {
                records.push(last, self.told(&live)?.as_slice())?;
            }
        }
        let target = match &self.account {
            Account::Of(target) => Some(Arc::clone(target)),
            Account::Project(_) | Account::Upkeep => None,
        };
        Ok(Entry {
            target,
            records,
            live,
            seen: self.seen.clone(),
            crowded_at: self.crowded_at,
        })
    }
}

impl Append {
    /// A record, unless it changes nothing.
    pub(crate) fn new(account: Account, record: Record) -> Self {
        Self::with_live(account, record, Vec::new())
    }

    /// A record with what it changes of live sessions, unless it changes nothing.
    pub(crate) fn with_live(account: Account, record: Record, live: Vec<LiveChange<Live>>) -> Self {
        let changes = !(record.changes.is_empty() && live.is_empty());
        Self {
            account,
            records: changes.then_some(record).into_iter().collect(),
            live,
            grown: HashMap::new(),
            seen: Vec::new(),
            crowded_at: None,
        }
    }

    pub(crate) fn with_seen(self, seen: Option<RequestKey>, ids: &Ids) -> Self {
        let seen = seen.map(|seen| (seen, ids.clone()));
        Self {
            seen: seen.into_iter().collect(),
            ..self
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.seen.is_empty()
    }
}

/// What is appended, ready to be written.
#[derive(Debug)]
pub(super) struct Entry {
    /// For which project, where that is known.
    pub(super) target: Option<Arc<Target>>,
    pub(super) records: Frames,
    pub(super) live: Vec<LiveChange<Kept>>,
    pub(super) seen: Vec<(RequestKey, Ids)>,
    pub(super) crowded_at: Option<i64>,
}

impl Entry {
    /// How many bytes of records and live sessions are to be written.
    pub(super) fn bytes(&self) -> usize {
        let live = self.live.iter().filter_map(|(_, live)| live.as_ref());
        let live = live.map(|live| live.as_bytes().len()).sum::<usize>();
        self.records.as_bytes().len() + live
    }
}
