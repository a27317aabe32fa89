//! What a server does again and again.

#[cfg(feature = "events")]
use std::future::ready;
use std::{sync::Arc, time::Duration};

#[cfg(feature = "events")]
use paneld_service::Live;
use paneld_service::{Health, Upkeep};
use tokio::task::JoinSet;

use crate::{
    events::Events,
    repeat::{every, report},
};

/// How often deleted projects and kept replies are looked for whose time is over.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);
/// How often the backends are asked how they are.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// How often sessions are looked at to which nothing came any more.
const SESSIONS_INTERVAL: Duration = Duration::from_secs(15);
/// How often what is older than a project wants is forgotten.
const RETENTION_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// How often last uses are written down. What the API shows is at most a minute old.
const USES_INTERVAL: Duration = Duration::from_secs(30);

const USES_NOT_WRITTEN: &str = "the last uses of clients could not be written down";

/// Does them all, until what is returned is dropped.
pub(crate) fn start(upkeep: &Upkeep, health: &Arc<Health>, events: Option<&Events>) -> JoinSet<()> {
    let mut chores = JoinSet::new();
    let purging = upkeep.clone();
    chores.spawn(every(PURGE_INTERVAL, move || {
        let upkeep = purging.clone();
        async move {
            let purged = upkeep.purge_projects().await;
            report("deleted projects could not be purged", purged);
            let forgotten = upkeep.forget_replies().await;
            report("kept replies could not be forgotten", forgotten);
            let forgotten = upkeep.forget_sessions().await;
            report("ended sessions could not be forgotten", forgotten);
        }
    }));
    let recording = upkeep.clone();
    chores.spawn(every(USES_INTERVAL, move || {
        let upkeep = recording.clone();
        async move { record_uses(&upkeep).await }
    }));
    let ending = upkeep.clone();
    chores.spawn(every(SESSIONS_INTERVAL, move || {
        let upkeep = ending.clone();
        async move {
            let ended = upkeep.end_idle_sessions().await;
            report("idle sessions could not be ended", ended);
            let renewed = upkeep.renew_salts().await;
            report("the salts of today are not known", renewed);
            upkeep.reload_databases().await;
        }
    }));
    let retaining = upkeep.clone();
    chores.spawn(every(RETENTION_INTERVAL, move || {
        let upkeep = retaining.clone();
        async move { report("old events could not be forgotten", upkeep.retain().await) }
    }));
    if let Some(events) = events {
        events.start_chores(&mut chores);
    }
    // What it finds is in the log, for operators whose balancer does not ask.
    let health = Arc::clone(health);
    chores.spawn(every(HEALTH_INTERVAL, move || {
        let health = Arc::clone(&health);
        async move { health.measure().await }
    }));
    chores
}

/// Tells those who watch what happens, again and again.
#[cfg(feature = "events")]
pub(crate) fn start_beats(live: Live, chores: &mut JoinSet<()>) {
    chores.spawn(every(Live::BEAT, move || {
        // What it counts is counted beside, or one slow answer would hold up all who watch.
        drop(live.beat());
        ready(())
    }));
}

/// Writes down when clients were last used, now.
pub(crate) async fn record_uses(upkeep: &Upkeep) {
    report(USES_NOT_WRITTEN, upkeep.record_uses().await);
}
