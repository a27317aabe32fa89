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
    Chores, Server,
    config::{Config, Gathered},
};
use paneld_domain::{
    ClientChanges, ClientType, ManualClock, NewClient, Timestamp, parse_timestamp,
};
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
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
    }

    /// Moves the server's clock.
    pub(crate) fn advance(&self, by: Duration) {
        self.time.advance(by);
        self.backends.advance(by);
    }

    /// Makes the server's clock show another time, as when somebody sets it.
    pub(crate) fn set_time(&self, moment: Timestamp) {
        // It takes a moment, in which what comes twice is no longer the same.
        self.time.advance(Duration::from_secs(1));
        self.time.set(moment);
    }

    /// The same, and does what the server does from time to time with its clock.
    pub(crate) async fn set_clock(&self, moment: Timestamp) {
        self.set_time(moment);
        self.server.upkeep().renew_salts().await.unwrap();
        self.end_idle_sessions().await;
    }

    /// Tells those who watch what happens, which the server does by itself once a second.
    pub(crate) async fn beat(&self) {
        self.server.live().unwrap().beat().await.unwrap();
    }

    /// Waits until everything that was tracked is visible.
    pub(crate) async fn settle(&self) {
        self.server.settle().await;
    }

    /// Ends the sessions that are idle by the server's clock, which the server does by itself
    /// from time to time.
    pub(crate) async fn end_idle_sessions(&self) {
        self.server.upkeep().end_idle_sessions().await.unwrap();
    }

    /// Does now what the server does once a minute.
    pub(crate) async fn do_chores(&self) {
        self.server.upkeep().purge_projects().await.unwrap();
        self.server.upkeep().forget_replies().await.unwrap();
        self.server.upkeep().forget_sessions().await.unwrap();
        self.server.upkeep().record_uses().await.unwrap();
    }

    /// Writes files anew if it is time, as the server does by itself from time to time.
    pub(crate) async fn compact_if_due(&self) {
        self.server
            .compaction()
            .unwrap()
            .run_if_due()
            .await
            .unwrap();
    }

    /// Looks whether the files of places and networks changed, as the server does by itself from
    /// time to time.
    pub(crate) async fn reload_databases(&self) {
        self.server.upkeep().reload_databases().await;
    }

    /// Forgets what is older than projects want, as the server does from time to time.
    pub(crate) async fn retain(&self) {
        self.server.upkeep().retain().await.unwrap();
    }

    /// Takes the catalog away.
    pub(crate) fn break_catalog(&self) {
        self.backends
            .break_catalog(&self.folder.path().join("data"));
    }

    /// The folder that holds the server's data folder, `data`.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// A caller with the root client's credentials.
    pub(crate) fn root(&self) -> Caller {
        self.caller(ROOT_ID, ROOT_SECRET)
    }

    /// A caller with these credentials.
    pub(crate) fn caller(&self, id: &str, secret: &str) -> Caller {
        let mut caller = self.anonymous();
        caller
            .headers
            .push(("openpanel-client-id".into(), id.into()));
        caller
            .headers
            .push(("openpanel-client-secret".into(), secret.into()));
        caller
    }

    /// A caller without any credentials.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::anonymous(self.url())
    }

    /// The operator's use cases, on the data of this server while it runs.
    pub(crate) async fn admin(&self) -> Admin {
        let catalog = config(&self.settings).catalog;
        let repository = Repository::open(&catalog).await.unwrap();
        Admin::new(repository, self.time.clock())
    }

    /// Makes another organization of this name, and returns a caller with the credentials of a
    /// root client of it.
    pub(crate) async fn create_organization(&self, name: &str) -> Caller {
        let admin = self.admin().await;
        let organization = admin
            .create_organization(name.parse().unwrap())
            .await
            .unwrap();
        let root = NewClient {
            name: "Root".parse().unwrap(),
            client_type: ClientType::Root,
            project_id: None,
            settings: ClientChanges::default(),
        };
        let made = admin.create_client(organization.id, root).await.unwrap();
        self.caller(&made.client_id.to_string(), made.secret.expose())
    }

    /// Sends exactly these bytes on a connection of their own, and returns all that comes back.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut connection = TcpStream::connect(self.server.address()).unwrap();
        let patience = Duration::from_secs(10);
        connection.set_read_timeout(Some(patience)).unwrap();
        connection.write_all(bytes).unwrap();
        let mut reply = Vec::new();
        connection.read_to_end(&mut reply).unwrap();
        String::from_utf8(reply).unwrap()
    }

    /// Makes a project called `name`, and returns what the reply calls `data`.
    pub(crate) async fn create_project(&self, name: &str) -> Json {
        let reply = self
            .root()
            .post("/manage/projects", json!({"name": name}))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["data"].clone()
    }

    /// Makes a client with this body, and returns what the reply calls `data`.
    pub(crate) async fn create_client(&self, body: Json) -> Json {
        let reply = self.root().post("/manage/clients", body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["data"].clone()
    }

    /// A caller with the credentials of something that was made.
    pub(crate) fn caller_of(&self, client: &Json) -> Caller {
        self.caller(
            client["id"].as_str().unwrap(),
            client["secret"].as_str().unwrap(),
        )
    }
}

async fn boot(settings: &HashMap<String, String>, time: &ManualClock) -> Server {
    let config = config(settings);
    Server::start(config, time.clock(), Chores::WhenAsked)
        .await
        .unwrap()
}

fn config(settings: &HashMap<String, String>) -> Config {
    let environment = settings
        .iter()
        .map(|(name, value)| (format!("PANELD_{name}").into(), value.into()));
    let gathered = Gathered::gather(&no_flags(), environment).unwrap();
    Config::read(&gathered).unwrap()
}

pub(crate) fn no_flags() -> ArgMatches {
    paneld::cli::command().get_matches_from(["paneld"])
}

/// Who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
    headers: Vec<(String, String)>,
}

impl Caller {
    /// A caller of the server at this URL, without any credentials.
    pub(crate) fn anonymous(url: String) -> Self {
        Self {
            http: reqwest::Client::new(),
            url,
            headers: Vec::new(),
        }
    }

    /// The same caller, whose requests also have this header.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    /// The same caller of another server, or of the same where it was started again.
    pub(crate) fn at(&self, server: &TestServer) -> Self {
        Self {
            url: server.url(),
            ..self.clone()
        }
    }

    /// What its requests have in their heads.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Reply {
        self.send_json(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Json) -> Reply {
        self.send_json(Method::PATCH, path, body).await
    }

    /// Sends this text as JSON, whatever it is.
    pub(crate) async fn send_text(&self, method: Method, path: &str, text: &str) -> Reply {
        let caller = self.with_header("content-type", "application/json");
        caller.send(method, path, Some(text.into())).await
    }

    async fn send_json(&self, method: Method, path: &str, body: Json) -> Reply {
        self.send_text(method, path, &body.to_string()).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        request
    }

    /// Asks for something, and returns with the head of the reply.
    pub(crate) async fn open(&self, path: &str) -> reqwest::Response {
        let request = self.request(Method::GET, path, None);
        request.send().await.unwrap()
    }

    /// Sends exactly these bytes, without any content type but the caller's own.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Reply {
        let mut response = self.request(method, path, body).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let is_stream = headers
            .get("content-type")
            .is_some_and(|media_type| media_type == "text/event-stream");
        let text = if is_stream {
            // It ends after ten minutes.
            let first = response.chunk().await.unwrap().unwrap_or_default();
            String::from_utf8(first.to_vec()).unwrap()
        } else {
            response.text().await.unwrap()
        };
        Reply {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Json::Null),
            text,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, when it is JSON, else null.
    pub(crate) body: Json,
    pub(crate) text: String,
}

impl Reply {
    /// A header as text, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Demands success, and returns what the reply calls `data`.
    pub(crate) fn data(&self) -> &Json {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        &self.body["data"]
    }

    /// Demands success, and returns the ids of what is listed, in order.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let listed = self.data().as_array().unwrap();
        let ids = listed.iter().map(|entry| entry["id"].as_str().unwrap());
        ids.collect()
    }

    /// Demands an error in the envelope, with this status and message.
    pub(crate) fn assert_error(&self, status: u16, message: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.body["status"], json!(status), "{}", self.text);
        let reason = self.status.canonical_reason().unwrap();
        assert_eq!(self.body["error"], json!(reason), "{}", self.text);
        assert_eq!(self.body["message"], json!(message), "{}", self.text);
        assert_eq!(self.body["requestId"], json!(self.header("request-id")));
        assert_eq!(self.header("content-type"), "application/json");
    }

    /// Demands 400 for a body with problems at exactly these places, in any order.
    pub(crate) fn assert_invalid_body(&self, paths: &[Json]) {
        self.assert_error(400, "Invalid request body");
        self.assert_paths(paths);
    }

    /// Demands 400 for query parameters with problems at exactly these places, in any order.
    pub(crate) fn assert_invalid_query(&self, paths: &[Json]) {
        self.assert_error(400, "Invalid query parameters");
        self.assert_paths(paths);
    }

    fn assert_paths(&self, expected: &[Json]) {
        let details = self.body["details"].as_array().unwrap();
        let mut paths = details
            .iter()
            .map(|d| d["path"].to_string())
            .collect::<Vec<_>>();
        let mut expected = expected.iter().map(Json::to_string).collect::<Vec<_>>();
        paths.sort();
        expected.sort();
        assert_eq!(paths, expected, "{}", self.text);
        assert!(
            details
                .iter()
                .all(|d| d["message"].as_str().is_some_and(|m| !m.is_empty()))
        );
    }
}

/// Demands a secret as the server generates them, and returns it.
pub(crate) fn assert_secret(secret: &Json) -> &str {
    let secret = secret.as_str().unwrap();
    let random = secret.strip_prefix("sec_").unwrap();
    assert_eq!(random.len(), 49, "{secret}");
    assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    secret
}

/// Demands an id as the server generates them, and returns it.
pub(crate) fn assert_uuid(id: &Json) -> &str {
    let id = id.as_str().unwrap();
    let parsed = id.parse::<paneld_domain::ClientId>().unwrap();
    assert_eq!(parsed.to_string(), id);
    id
}
