//! What everything that takes something shares: the spool, live sessions, and what is known of
//! visitors.

use std::sync::{Arc, RwLock, atomic::AtomicI64};

use paneld_domain::Clock;
use paneld_enrich::{Agents, Bots, Networks, Places};

use super::people::last_seen;
use crate::{
    Salts, Visitor,
    pipeline::{
        diagnostics::Diagnostics,
        duplicates::Duplicates,
        progress::Progress,
        record::{Change, Record},
        removals::Removals,
        sessions::{DeviceKey, Held, Live, LiveSessions},
        spool::{Append, RequestKey, Spool, SpoolError},
        watched::Watched,
    },
    request::visitor::Known,
};

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) spool: Spool,
    pub(crate) live: LiveSessions,
    /// When idle sessions were last looked for, in milliseconds since 1970.
    pub(super) swept_at: AtomicI64,
    /// What is to be removed behind what is not applied yet.
    pub(crate) removals: Removals,
    pub(super) duplicates: Duplicates,
    pub(super) salts: RwLock<Arc<Salts>>,
    pub(super) agents: Agents,
    pub(super) bots: Bots,
    pub(super) places: Places,
    pub(super) networks: Networks,
    pub(super) diagnostics: Diagnostics,
    pub(super) clock: Clock,
    pub(crate) progress: Progress,
    pub(crate) watched: Watched,
}

impl Inner {
    /// Writes, and then makes the changes of sessions that go with it. Sessions for which there
    /// is no room any more are ended with it. Returns the position of the last record.
    pub(super) async fn write(
        &self,
        mut held: Held<'_>,
        mut append: Append,
    ) -> Result<u64, SpoolError> {
        if append.is_empty() {
            return Ok(self.spool.last());
        }
        append.grown = held.growth(&append.live);
        let early = held.in_the_way_of(&append.live);
        end_early(&mut append, early);
        let position = self.spool.append(&append).await?;
        held.put(append.live, append.account.organization());
        if let Some(at) = append.crowded_at {
            held.note_crowded(at);
        }
        Ok(position)
    }

    pub(crate) async fn hold_ids(
        &self,
        seen: &[RequestKey],
    ) -> Vec<tokio::sync::MutexGuard<'_, ()>> {
        self.duplicates.hold_ids(seen).await
    }

    pub(super) fn known(&self, visitor: &Visitor, address: std::net::IpAddr) -> Known {
        Known {
            agent: self.agents.read(&visitor.user_agent),
            place: self.places.find(address),
            network: self.networks.find(address),
        }
    }
}

/// Ends sessions before their time, ahead of what this does.
fn end_early(append: &mut Append, sessions: Vec<(DeviceKey, Live)>) {
    let (Some(last), false) = (append.records.last(), sessions.is_empty()) else {
        return;
    };
    let at = last.at;
    append.crowded_at = Some(at.timestamp_millis());
    let mut ends = Vec::with_capacity(sessions.len());
    for (device, live) in sessions {
        metrics::counter!("paneld_sessions_ended_early_total").increment(1);
        let mut changes = Vec::new();
        if !live.is_ended {
            changes.push(Change::Event(Box::new(live.end())));
            changes.extend(last_seen(&live));
        }
        changes.push(Change::Session(Box::new(live.session)));
        ends.push(Record::new(device.project(), at, changes));
        append.live.push((device, None));
    }
    append.records.splice(0..0, ends);
}
