//! The server: wired, started and stopped.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, web};
use anyhow::Context as _;
use paneld_auth::{Authenticator, CredentialStore};
use paneld_domain::Clock;
use paneld_guard::{BodyBudget, Guard, Requests};
use paneld_http::Services;
use paneld_ratelimit::Limiter;
use paneld_service::{
    Admin, Health, Identity, Manage, ManageSettings, Repository, ServiceError, Upkeep,
};
use tokio::task::JoinHandle;

use crate::{config::Config, data_dir, data_dir::Lock, first_start, metrics};

/// How often deleted projects are looked for whose time is over.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);
/// How often last uses are written down. What the API shows is at most a minute old.
const USES_INTERVAL: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    upkeep: Upkeep,
    chores: Vec<JoinHandle<()>>,
    metrics: Option<ServerHandle>,
    _lock: Lock,
}

impl Server {
    /// Starts a server: takes the data folder, opens the catalog, makes the first credentials,
    /// and listens.
    ///
    /// # Errors
    /// When any of that cannot be done.
    pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        data_dir::prepare(&config.data_dir)?;
        let lock = Lock::take(&config.data_dir)?;
        let repository = Repository::open(&config.catalog)
            .await
            .context("cannot open the catalog")?;
        let store: Arc<dyn CredentialStore> = Arc::new(repository.clone());
        let authenticator = Arc::new(Authenticator::new(store, clock.clone()));
        let services = services(config, &repository, &authenticator, &clock);

        let requests = Requests::new(clock.clone());
        let http = HttpServer::new(move || {
            App::new()
                .wrap(requests.clone())
                .configure(|app| paneld_http::configure(app, &services))
        })
        .disable_signals()
        .shutdown_timeout(config.shutdown_timeout.as_secs())
        .bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = http.addrs().first().copied().unwrap_or(config.listen);

        let metrics = config.metrics_listen.map(metrics::serve).transpose()?;

        // Before the first request can come in, but with the address known for what is printed.
        let admin = Admin::new(repository.clone(), clock.clone());
        first_start::run(&admin, config, address).await?;

        let running = http.run();
        let handle = running.handle();
        let upkeep = Upkeep::new(repository, authenticator, clock);
        tracing::info!(%address, "listening");
        if !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                "listening beyond loopback without TLS: credentials can be read on the way \
                 unless a proxy in front encrypts"
            );
        }
        Ok(Self {
            address,
            handle,
            serving: tokio::spawn(running),
            chores: chores(&upkeep),
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

    /// Stops: no new connections, requests finish within the shutdown timeout, and what waits
    /// to be written is written.
    ///
    /// # Errors
    /// When serving ended with an error.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.handle.stop(true).await;
        self.finish().await
    }

    /// Waits until serving ends by itself, which it does only with an error.
    ///
    /// # Errors
    /// That error.
    pub async fn wait(&mut self) -> anyhow::Result<()> {
        (&mut self.serving).await??;
        Ok(())
    }

    async fn finish(self) -> anyhow::Result<()> {
        for chore in &self.chores {
            chore.abort();
        }
        report("the last uses of clients", self.upkeep.record_uses().await);
        self.serving.await??;
        if let Some(metrics) = self.metrics {
            metrics.stop(false).await;
        }
        Ok(())
    }
}

fn services(
    config: &Config,
    repository: &Repository,
    authenticator: &Arc<Authenticator>,
    clock: &Clock,
) -> Services {
    let limiter = Arc::new(Limiter::new(clock.clone()));
    let settings = ManageSettings {
        limits: config.limits,
        allow_root_creation: config.allow_root_creation,
    };
    let manage = Manage::new(
        repository.clone(),
        Arc::clone(authenticator),
        clock.clone(),
        settings,
    );
    Services {
        guard: Guard::new(
            Arc::clone(authenticator),
            Arc::clone(&limiter),
            config.limits,
            config.trusted_proxies.clone(),
        ),
        body_budget: web::Data::new(BodyBudget::default()),
        manage: web::Data::new(manage),
        identity: web::Data::new(Identity::new(limiter, config.limits)),
        health: web::Data::new(Health::new(repository.clone(), clock.clone())),
    }
}

fn chores(upkeep: &Upkeep) -> Vec<JoinHandle<()>> {
    let purge = {
        let upkeep = upkeep.clone();
        every(PURGE_INTERVAL, move || {
            let upkeep = upkeep.clone();
            async move {
                report(
                    "the purge of deleted projects",
                    upkeep.purge_projects().await,
                )
            }
        })
    };
    let uses = {
        let upkeep = upkeep.clone();
        every(USES_INTERVAL, move || {
            let upkeep = upkeep.clone();
            async move { report("the last uses of clients", upkeep.record_uses().await) }
        })
    };
    vec![purge, uses]
}

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

fn report(what: &str, result: Result<(), ServiceError>) {
    if let Err(error) = result {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "could not write down {what}; it will be tried again");
    }
}
