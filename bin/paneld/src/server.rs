//! The server of this process: as the configuration says.

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
};

use paneld_domain::Clock;
use paneld_server::{
    Builder, CannotGoOn, Chores, Compaction, FirstCredentials, ListeningServer, Live, Upkeep,
};

use crate::{config::Config, metrics::MetricsServer};

/// A running server.
#[derive(Debug)]
pub struct Server {
    listening: ListeningServer,
    metrics: Option<MetricsServer>,
}

impl Server {
    /// Starts a server, and serves metrics where they are wanted.
    ///
    /// # Errors
    /// When any of that cannot be done.
    pub async fn start(config: Config, clock: Clock, chores: Chores) -> anyhow::Result<Self> {
        // Everything that is written here is about people.
        paneld_files::keep_private();
        let metrics = config
            .metrics_listen
            .map(MetricsServer::start)
            .transpose()?;
        let listen = config.listen;
        let builder = builder(config).clock(clock).chores(chores);
        let listening = builder.listen(listen).await?;
        Ok(Self { listening, metrics })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// What it does again and again, for tests that do not want to wait for it.
    pub fn upkeep(&self) -> &Upkeep {
        self.listening.server().upkeep()
    }

    /// What writes files anew, for tests that do not want to wait for it.
    pub fn compaction(&self) -> Option<&Compaction> {
        self.listening.server().compaction()
    }

    /// Those who watch what happens, for tests that do not want to wait for the next beat.
    pub fn live(&self) -> Option<&Live> {
        self.listening.server().live()
    }

    /// Waits until everything that was taken is applied, and so visible.
    pub async fn settle(&self) {
        self.listening.server().settle().await;
    }

    /// Waits until the server cannot go on, and tells why. It is to be stopped then.
    pub async fn failed(&mut self) -> CannotGoOn {
        self.listening.failed().await
    }

    /// Stops: no new connections, requests finish within the shutdown timeout, and what waits
    /// to be written is written.
    ///
    /// # Errors
    /// When serving ended with an error.
    pub async fn stop(self) -> io::Result<()> {
        let served = self.listening.stop().await;
        if let Some(metrics) = self.metrics {
            metrics.stop().await;
        }
        served
    }
}

/// A server that is told what the configuration says.
pub(crate) fn builder(config: Config) -> Builder {
    let mut builder = paneld_server::Server::builder()
        .data_dir(config.data_dir)
        .catalog(config.catalog)
        .events_memory(config.events_memory)
        .spool_limit(config.spool_limit)
        .sessions_limit(config.sessions_limit)
        .erased_within(config.erased_within)
        .limits(config.limits)
        .trusted_proxies(config.trusted_proxies)
        .visitor_address(config.visitor_address)
        .allow_root_creation(config.allow_root_creation)
        .console(config.console)
        .shutdown_timeout(config.shutdown_timeout)
        .heartbeat(config.heartbeat);
    builder = match config.events {
        Some(url) => builder.events(url),
        None => builder.without_events(),
    };
    if let Some(file) = config.geoip {
        builder = builder.geoip(file);
    }
    if let Some(file) = config.asn {
        builder = builder.asn(file);
    }
    if let Some(url) = config.public_url {
        builder = builder.public_url(url);
    }
    if let Some(tls) = config.tls {
        builder = builder.tls(tls.certificate, tls.key);
    }
    if let Some(address) = config.listen_redirect {
        builder = builder.listen_redirect(address);
    }
    if let Some(redis) = config.redis {
        builder = builder.redis(redis);
    }
    if let Some(name) = config.bootstrap.organization {
        builder = builder.organization(name);
    }
    match config.bootstrap.client {
        Some((id, secret)) => builder.root_client(id, secret),
        None if io::stdout().is_terminal() => builder.first_credentials(FirstCredentials::Stdout),
        None => builder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli, config::Gathered};

    #[test]
    fn without_any_setting_it_is_the_server_that_the_library_starts_without_any() {
        let flags = cli::command().get_matches_from(["paneld"]);
        let gathered = Gathered::gather(&flags, []).unwrap();
        let clock = Clock::system();
        let told = builder(Config::read(&gathered).unwrap())
            .first_credentials(FirstCredentials::File)
            .clock(clock.clone());
        let untold = paneld_server::Server::builder()
            .clock(clock)
            .catalog("sqlite:./paneld-data/catalog.sqlite".parse().unwrap())
            .events("duckdb:./paneld-data/events.duckdb".parse().unwrap());
        assert_eq!(format!("{told:?}"), format!("{untold:?}"));
    }
}
