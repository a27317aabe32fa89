//! The server: wired, started and stopped.

use std::{
    net::{Shutdown, SocketAddr},
    num::NonZero,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Extensions, ServerHandle},
    web,
};
use anyhow::{Context as _, bail};
use paneld_auth::{Authenticator, CredentialStore};
use paneld_domain::{Clock, ErrorChain};
use paneld_guard::{BodyBudget, Connections, Guard, Requests};
use paneld_http::{EventServices, Services};
use paneld_ratelimit::{Limiter, RedisDown};
use paneld_redis::Redis;
use paneld_service::{
    Admin, Compaction, Compute, Erasure, EventStore, EventsUrl, Health, Identity, Manage,
    ManageSettings, NewServer, Pipeline, Profiles, Registration, Reports, Repository, Revocations,
    ServiceError, Standing, Track, Upkeep, current_salts,
    ingest::{Appliers, Ingest, IngestSettings},
};
use socket2::SockRef;
use tokio::{net::TcpStream, task::JoinHandle};
use uuid::Uuid;

use crate::{
    config::{Config, RedisConfig},
    data_dir,
    data_dir::Lock,
    first_start, metrics,
};

/// How often deleted projects and kept replies are looked for whose time is over.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);
/// How often the backends are asked how they are.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// How often sessions are looked at to which nothing came any more.
const SESSIONS_INTERVAL: Duration = Duration::from_secs(15);
/// How often it is looked whether files are to be written anew.
const COMPACTION_INTERVAL: Duration = Duration::from_secs(15);
/// How often what is older than a project wants is forgotten.
const RETENTION_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// How often recorded durations are counted into the metrics.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);
/// How long a caller may leave what was sent to it unread before its connection is ended.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Descriptors that connections must leave to the catalog, the log and the listeners.
const RESERVED_DESCRIPTORS: u64 = 64;
/// How often last uses are written down. What the API shows is at most a minute old.
const USES_INTERVAL: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    /// `None` once its end was told.
    serving: Option<JoinHandle<std::io::Result<()>>>,
    upkeep: Upkeep,
    /// `None` where no events are kept.
    compaction: Option<Arc<Compaction>>,
    registration: Registration,
    /// `None` where no events are kept.
    applying: Option<Applying>,
    chores: Vec<JoinHandle<()>>,
    metrics: Option<ServerHandle>,
    _lock: Lock,
}

/// When a server does what it does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chores {
    /// In intervals of real time.
    ByThemselves,
    /// When [`Server::upkeep`] and [`Server::compaction`] are called: in tests that move the
    /// server's clock, where a chore at its own time would find any day there is.
    WhenAsked,
}

/// The event store, and who writes it.
#[derive(Debug)]
struct Applying {
    appliers: Appliers,
    store: EventStore,
}

impl Server {
    /// Starts a server: takes the data folder, opens the catalog, registers there, makes the
    /// first credentials, and listens.
    ///
    /// # Errors
    /// When any of that cannot be done.
    pub async fn start(config: &Config, clock: Clock, chores: Chores) -> anyhow::Result<Self> {
        data_dir::prepare(&config.data_dir)?;
        let lock = Lock::take(&config.data_dir)?;
        let repository = Repository::open(&config.catalog)
            .await
            .context("cannot open the catalog")?;
        let store: Arc<dyn CredentialStore> = Arc::new(repository.clone());
        let authenticator = Arc::new(Authenticator::new(store, clock.clone()));
        let redis = match &config.redis {
            Some(redis) => Some((connect(redis).await, redis.down)),
            None => None,
        };
        let pipeline = match &config.events {
            Some(url) => Some(open_pipeline(config, url, &repository, &clock).await?),
            None => {
                warn_of_left_spool(config);
                None
            }
        };
        let registration =
            Registration::take(repository.clone(), this_server(config, pipeline.as_ref())).await?;
        // Nothing is written to events before it is known that no other server has some.
        let applying = pipeline
            .as_ref()
            .map(|Pipeline { ingest, store }| Applying {
                appliers: Appliers::start(ingest, store.clone(), repository.clone()),
                store: store.clone(),
            });
        let stores = Stores {
            repository,
            pipeline,
            standing: registration.standing().clone(),
        };
        let compaction = stores.pipeline.as_ref().map(|Pipeline { ingest, store }| {
            Arc::new(Compaction::new(
                stores.repository.clone(),
                ingest.clone(),
                store.clone(),
                clock.clone(),
                config.erased_within,
            ))
        });
        let services = services(config, &stores, &authenticator, redis, &clock)?;
        let Stores {
            repository,
            pipeline,
            ..
        } = stores;
        let health = services.health.clone().into_inner();

        let requests = Requests::new(clock.clone());
        let most = connections_per_worker();
        let connections = Connections::new(most * workers(), config.trusted_proxies.clone());
        let http = HttpServer::new(move || {
            App::new()
                .wrap(requests.clone())
                .configure(|app| paneld_http::configure(app, &services))
        })
        .disable_signals()
        .shutdown_timeout(config.shutdown_timeout.as_secs())
        .workers(workers())
        .max_connections(most)
        .on_connect(move |connection, extensions| {
            if let Some(stream) = connection.downcast_ref::<TcpStream>() {
                end_when_unread(stream);
                end_when_too_many(stream, &connections, extensions);
            }
        })
        .bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = http.addrs().first().copied().unwrap_or(config.listen);

        let metrics = config.metrics_listen.map(metrics::serve).transpose()?;

        // Before the first request can come in, but with the address known for what is printed.
        let admin = Admin::new(repository.clone(), clock.clone());
        first_start::run(&admin, config, address).await?;

        let running = http.run();
        let handle = running.handle();
        let upkeep = Upkeep::new(repository, authenticator, pipeline, clock);
        tracing::info!(%address, "listening");
        for listener in [Some(address), config.metrics_listen].into_iter().flatten() {
            warn_beyond_loopback(listener);
        }
        Ok(Self {
            address,
            handle,
            serving: Some(tokio::spawn(running)),
            chores: match chores {
                Chores::ByThemselves => self::chores(&upkeep, health, compaction.as_ref()),
                Chores::WhenAsked => Vec::new(),
            },
            compaction,
            registration,
            applying,
            metrics,
            upkeep,
            _lock: lock,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it does again and again, for tests that do not want to wait for it.
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }

    /// What writes files anew, for tests that do not want to wait for it.
    pub fn compaction(&self) -> Option<&Compaction> {
        self.compaction.as_deref()
    }

    /// Waits until everything that was taken is applied, and so visible.
    pub async fn settle(&self) {
        if let Some(applying) = &self.applying {
            applying.appliers.settle().await;
        }
    }

    /// Stops: no new connections, requests finish within the shutdown timeout, and what waits
    /// to be written is written.
    ///
    /// # Errors
    /// When serving ended with an error.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.handle.stop(true).await;
        self.finish().await
    }

    /// Waits until the server cannot go on: it is to be stopped then.
    ///
    /// # Errors
    /// Always: why it cannot.
    pub async fn wait(&mut self) -> anyhow::Result<()> {
        let serving = self.serving.as_mut().context("it was waited for before")?;
        let ended = tokio::select! {
            ended = serving => ended,
            beside = self.registration.standing().lost() => return Err(beside.into()),
        };
        self.serving = None;
        ended??;
        bail!("it stopped serving")
    }

    async fn finish(self) -> anyhow::Result<()> {
        for chore in &self.chores {
            chore.abort();
        }
        for chore in self.chores {
            // An ended chore tells nothing: either it was stopped here, or it never ends.
            let _ = chore.await;
        }
        report(USES_NOT_WRITTEN, self.upkeep.record_uses().await);
        if let Some(serving) = self.serving {
            serving.await??;
        }
        if let Some(Applying { appliers, store }) = self.applying {
            appliers.stop().await;
            store.close().await;
        }
        self.registration.give_up().await;
        if let Some(metrics) = self.metrics {
            metrics.stop(false).await;
        }
        Ok(())
    }
}

fn warn_beyond_loopback(address: SocketAddr) {
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "listening beyond loopback without TLS: what is sent, credentials too, can be read \
             on the way unless a proxy in front encrypts"
        );
    }
}

/// Ends connections whose callers do not read: actix would hold them, and all that waits to be
/// written to them, for ever.
fn end_when_unread(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    if let Err(error) = socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT)) {
        tracing::debug!(%error, "a connection could not be given a time limit");
    }
}

/// Ends a connection whose peer has its share of them already; counts it as long as it lasts
/// else.
fn end_when_too_many(stream: &TcpStream, connections: &Connections, kept: &mut Extensions) {
    // One that is already gone has no peer any more.
    let Ok(peer) = stream.peer_addr() else {
        return;
    };
    match connections.open(peer.ip()) {
        Some(connection) => {
            kept.insert(connection);
        }
        None => {
            let ended = SockRef::from(stream).shutdown(Shutdown::Both);
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection could not be ended");
            }
        }
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// As many connections as the process may have descriptors for, at most what actix has by
/// default: more would be accepted and fail, and the catalog with them.
fn connections_per_worker() -> usize {
    const MOST: u64 = 25_600;
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    let each = descriptors.saturating_sub(RESERVED_DESCRIPTORS) / workers() as u64;
    usize::try_from(each.clamp(1, MOST)).unwrap_or(1)
}

pub(crate) async fn connect(redis: &RedisConfig) -> Redis {
    Redis::connect(redis.url.clone(), redis.prefix.clone()).await
}

/// Where everything is kept, and whether events may be taken.
struct Stores {
    repository: Repository,
    pipeline: Option<Pipeline>,
    standing: Standing,
}

/// What the server tells others of itself.
fn this_server(config: &Config, pipeline: Option<&Pipeline>) -> NewServer {
    let run = Uuid::new_v4();
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    NewServer {
        id: match pipeline {
            Some(pipeline) => pipeline.ingest.spool_id().to_owned(),
            None => run.to_string(),
        },
        run,
        has_events: pipeline.is_some(),
        hostname: hostname.trim().to_owned(),
        address: config.listen.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        heartbeat: config.heartbeat,
    }
}

fn spool(config: &Config) -> PathBuf {
    config.data_dir.join("spool.redb")
}

/// What waits in the spool is not applied while events are switched off.
fn warn_of_left_spool(config: &Config) {
    let path = spool(config);
    if path.exists() {
        tracing::warn!(
            path = %path.display(),
            "events are switched off, but the data folder has some of before: they are left alone"
        );
    }
}

async fn open_pipeline(
    config: &Config,
    url: &EventsUrl,
    repository: &Repository,
    clock: &Clock,
) -> anyhow::Result<Pipeline> {
    let temp_dir = config.data_dir.join("tmp");
    Ok(Pipeline {
        ingest: open_ingest(config, repository, clock).await?,
        store: EventStore::new(url, &temp_dir, config.events_memory),
    })
}

async fn open_ingest(
    config: &Config,
    repository: &Repository,
    clock: &Clock,
) -> anyhow::Result<Ingest> {
    let settings = IngestSettings {
        spool: spool(config),
        spool_limit: config.spool_limit,
        sessions_limit: config.sessions_limit,
        places: config.geoip.clone(),
        networks: config.asn.clone(),
    };
    let salts = current_salts(repository, clock.now()).await;
    let salts = salts.context("cannot read the salts of device ids")?;
    Ingest::open(&settings, salts, clock.clone()).context("cannot take what is tracked")
}

fn services(
    config: &Config,
    stores: &Stores,
    authenticator: &Arc<Authenticator>,
    redis: Option<(Redis, RedisDown)>,
    clock: &Clock,
) -> anyhow::Result<Services> {
    let repository = &stores.repository;
    let mut health = Health::new(repository.clone(), stores.pipeline.clone(), clock.clone());
    let (limiter, revocations) = match redis {
        Some((redis, down)) => {
            health = health.with_redis(redis.clone(), down == RedisDown::Closed);
            let revocations = Revocations::shared(Arc::clone(authenticator), &redis);
            (Limiter::shared(redis, down, clock.clone()), revocations)
        }
        None => (
            Limiter::new(clock.clone()),
            Revocations::local(Arc::clone(authenticator)),
        ),
    };
    let limiter = Arc::new(limiter);
    let settings = ManageSettings {
        limits: config.limits,
        allow_root_creation: config.allow_root_creation,
    };
    let manage = Manage::new(repository.clone(), revocations, clock.clone(), settings);
    let guard = Guard::builder()
        .authenticator(Arc::clone(authenticator))
        .limiter(Arc::clone(&limiter))
        .limits(&config.limits)
        .trusted_proxies(config.trusted_proxies.clone())
        .visitor_address(config.visitor_address);
    Ok(Services {
        guard: guard.build()?,
        body_budget: web::Data::new(BodyBudget::new(clock.clone())),
        compute: web::Data::new(Compute::default()),
        manage: web::Data::new(manage),
        events: event_services(stores, clock),
        identity: web::Data::new(Identity::new(limiter, config.limits)),
        health: web::Data::new(health),
    })
}

/// The use cases that need events.
fn event_services(stores: &Stores, clock: &Clock) -> Option<EventServices> {
    let pipeline = stores.pipeline.clone()?;
    let Pipeline { ingest, store } = pipeline.clone();
    let repository = &stores.repository;
    let (standing, clock) = (stores.standing.clone(), || clock.clone());
    let track = Track::new(pipeline, repository.clone(), standing, clock());
    let reports = Reports::new(repository.clone(), store.clone(), clock());
    let erasure = Erasure::new(repository.clone(), ingest.clone(), store, clock());
    let profiles = Profiles::new(repository.clone(), ingest, clock());
    Some(EventServices {
        track: web::Data::new(track),
        reports: web::Data::new(reports),
        erasure: web::Data::new(erasure),
        profiles: web::Data::new(profiles),
    })
}

fn chores(
    upkeep: &Upkeep,
    health: Arc<Health>,
    compaction: Option<&Arc<Compaction>>,
) -> Vec<JoinHandle<()>> {
    let (purging, recording) = (upkeep.clone(), upkeep.clone());
    let purge = every(PURGE_INTERVAL, move || {
        let upkeep = purging.clone();
        async move {
            report(
                "deleted projects could not be purged",
                upkeep.purge_projects().await,
            );
            report(
                "kept replies could not be forgotten",
                upkeep.forget_replies().await,
            );
        }
    });
    let uses = every(USES_INTERVAL, move || {
        let upkeep = recording.clone();
        async move { report(USES_NOT_WRITTEN, upkeep.record_uses().await) }
    });
    let ending = upkeep.clone();
    let sessions = every(SESSIONS_INTERVAL, move || {
        let upkeep = ending.clone();
        async move {
            report(
                "idle sessions could not be ended",
                upkeep.end_idle_sessions().await,
            );
            report(
                "the salts of today are not known",
                upkeep.renew_salts().await,
            );
            upkeep.reload_databases().await;
        }
    });
    let retaining = upkeep.clone();
    let retention = every(RETENTION_INTERVAL, move || {
        let upkeep = retaining.clone();
        async move { report("old events could not be forgotten", upkeep.retain().await) }
    });
    let compacting = compaction.map(|compaction| {
        let compaction = Arc::clone(compaction);
        every(COMPACTION_INTERVAL, move || {
            let compaction = Arc::clone(&compaction);
            async move {
                report(
                    "what was removed is still in some file",
                    compaction.run_if_due().await,
                );
            }
        })
    });
    // What it finds is in the log, for operators whose balancer does not ask.
    let watch = every(HEALTH_INTERVAL, move || {
        let health = Arc::clone(&health);
        async move { health.measure().await }
    });
    let metrics = every(METRICS_INTERVAL, || async { metrics::run_upkeep() });
    let chores = [purge, uses, sessions, retention, watch, metrics];
    chores.into_iter().chain(compacting).collect()
}

const USES_NOT_WRITTEN: &str = "the last uses of clients could not be written down";

fn every<F>(interval: Duration, mut work: impl FnMut() -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            work().await;
        }
    })
}

fn report(what: &'static str, result: Result<(), ServiceError>) {
    if let Err(error) = result {
        tracing::warn!(error = %ErrorChain(&error), "{what}");
    }
}
