//! Where secrets are checked that take long to check: beside the workers, few at once, and those
//! that are likely to be right first (decision 0019).

use std::{net::IpAddr, num::NonZero, thread::available_parallelism, time::Duration};

use paneld_auth::{NotChecked, SlowCheck, SlowVerdict};
use paneld_domain::{ClientId, Timestamp};
use paneld_fairness::{Crowded, Turns, spawn_heavy};
use quick_cache::sync::Cache;

use crate::network::Network;

/// How long a check waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is remembered from where a client's secret was right.
const TRUST: Duration = Duration::from_hours(24);
/// How long it is remembered from where it was wrong.
const SUSPICION: Duration = Duration::from_hours(1);
/// How many of each are remembered: a few megabytes.
const REMEMBERED: usize = 16_384;

/// Runs slow checks on threads of their own.
#[derive(Debug)]
pub(crate) struct SlowLane {
    turns: Turns<Network>,
    /// When the secret of a client was right that was sent from a network.
    right: Cache<Caller, Timestamp>,
    /// When it was wrong.
    wrong: Cache<Caller, Timestamp>,
    /// Checks that failed. Imported hashes never change, so they would fail again.
    failed: Cache<[u8; 32], ()>,
}

type Caller = (ClientId, Network);

impl SlowLane {
    pub(crate) fn new() -> Self {
        // A check keeps a processor busy; the workers need theirs.
        let width = available_parallelism().map_or(1, NonZero::get) / 2;
        let width = width.clamp(1, 2);
        Self {
            turns: Turns::new(width, width),
            right: Cache::new(REMEMBERED),
            wrong: Cache::new(REMEMBERED),
            failed: Cache::new(REMEMBERED),
        }
    }

    /// Waits for a turn, asks `admit` then, and runs the check for somebody who calls from
    /// `peer`.
    ///
    /// Not before: behind failures of the same caller, which wait too, it would ask too early.
    pub(crate) async fn run(
        &self,
        check: SlowCheck,
        peer: IpAddr,
        admit: impl AsyncFnOnce() -> Result<(), NotChecked>,
    ) -> Result<SlowVerdict, NotChecked> {
        let fingerprint = check.fingerprint();
        if self.failed.get(&fingerprint).is_some() {
            return Ok(SlowVerdict::wrong());
        }
        let (network, at) = (Network::of(peer), check.asked_at());
        let caller = (check.client_id(), network);
        let rank = self.rank(&caller, at);
        let who = [Network::neighbourhood(peer), network];
        let turn = self.turns.take(rank, who, PATIENCE).await;
        let turn = turn.map_err(|Crowded| NotChecked::Crowded)?;
        admit().await?;
        let ran = spawn_heavy(move || {
            let verdict = check.run();
            // A caller that went away does not make room for another before.
            drop(turn);
            verdict
        });
        let verdict = ran
            .await
            .map_err(|error| NotChecked::Unavailable(Box::new(error)))?;
        if verdict.is_right() {
            self.right.insert(caller, at);
        } else {
            self.wrong.insert(caller, at);
            self.failed.insert(fingerprint, ());
        }
        Ok(verdict)
    }

    /// Who was right within a day goes first, and who was wrong within an hour last.
    fn rank(&self, caller: &Caller, now: Timestamp) -> u8 {
        let within = |past: &Cache<Caller, Timestamp>, time| {
            let age = |at: Timestamp| (now - at).to_std().unwrap_or_default();
            past.get(caller).is_some_and(|at| age(at) < time)
        };
        if within(&self.right, TRUST) {
            0
        } else if within(&self.wrong, SUSPICION) {
            2
        } else {
            1
        }
    }
}
