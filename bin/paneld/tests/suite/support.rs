//! A real server in this process, on a port and data folder of its own, with a clock that tests
//! set; and a caller that speaks HTTP to it.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use clap::ArgMatches;
use paneld::{
    Server,
    config::{Config, Gathered},
};
use paneld_domain::{ClientChanges, ClientType, ManualClock, NewClient, parse_timestamp};
use paneld_service::{Admin, Repository};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::backends::Backends;

/// When every test begins.
pub(crate) const START: &str = "2026-01-15T10:30:00.000Z";

pub(crate) const ROOT_ID: &str = "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9";
pub(crate) const ROOT_SECRET: &str = "sec_0123456789abcdef0123";

/// A running server.
pub(crate) struct TestServer {
    server: Server,
    time: ManualClock,
    settings: HashMap<String, String>,
    backends: Backends,
    folder: TempDir,
}

impl TestServer {
    /// A server with one organization, Acme, and one root client. Rate limits are off but for
    /// those a test asks for.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, with these settings too: names as in the environment, without `PANELD_`.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_on(Backends::asked_for(), settings).await
    }

    /// The same, with backends that the test chooses.
    pub(crate) async fn start_on(backends: Backends, settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), backends, settings).await
    }

    /// The same, in a folder that may hold a data folder, `data`, already.
    pub(crate) async fn start_in(
        folder: TempDir,
        backends: Backends,
        settings: &[(&str, &str)],
    ) -> Self {
        let data_dir = folder.path().join("data").display().to_string();
        let mut all = backends.settings();
        for (name, value) in [
            ("LISTEN", "127.0.0.1:0"),
            ("DATA_DIR", data_dir.as_str()),
            ("BOOTSTRAP_ORGANIZATION", "Acme"),
            ("BOOTSTRAP_CLIENT_ID", ROOT_ID),
            ("BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET),
            ("RATE_LIMIT_MANAGE", "off"),
            ("RATE_LIMIT_AUTH_FAILURES", "off"),
        ]
        .iter()
        .chain(settings)
        {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        let time = ManualClock::starting_at(parse_timestamp(START).unwrap());
        let server = boot(&all, &time).await;
        Self {
            server,
            time,
            settings: all,
            backends,
            folder,
        }
    }

    /// The same server on the same data, stopped and started again.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(&[]).await
    }

    /// The same, with these settings from then on.
    pub(crate) async fn restart_with(self, settings: &[(&str, &str)]) -> Self {
        self.server.stop().await.unwrap();
        let mut all = self.settings;
        for (name, value) in settings {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        let server = boot(&all, &self.time).await;
        Self {
            server,
            settings: all,
            ..self
        }
    }

    /// The same server, started again after something was done to its data folder.
    pub(crate) async fn restart_after(self, work: impl FnOnce(&std::path::Path)) -> Self {
        self.server.stop().await.unwrap();
        work(&self.folder.path().join("data"));
        let server = boot(&self.settings, &self.time).await;
        Self { server, ..self }
