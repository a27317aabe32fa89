//! A project with a client for SDKs, and a recorder in front of its server.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use paneld_domain::parse_timestamp;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    install,
    recorder::Recorder,
    support::{START, TestServer},
};

/// The file of the event store.
const STORE: &str = "events.duckdb";

pub(crate) struct Shop {
    pub(crate) server: TestServer,
    pub(crate) recorder: Recorder,
    id: String,
    secret: String,
    /// Where the event store is, which outlives the server.
    folder: TempDir,
}

impl Shop {
    /// With this origin in its project's `cors`.
    pub(crate) async fn open(origin: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("duckdb:{}", folder.path().join(STORE).display());
        let server = TestServer::start_with(&[("EVENTS_URL", &store)]).await;
        // SDKs tell what time it is on this machine.
        let now = this_machines_time();
        let begin = parse_timestamp(START).unwrap();
        server.advance((now - begin).to_std().unwrap());
        let body = json!({"name": "Shop", "cors": [origin]});
        let made = server.root().post("/manage/projects", body).await;
        let client = made.data()["client"].clone();
        Self {
            recorder: Recorder::before(server.url()),
            id: client["id"].as_str().unwrap().to_owned(),
            secret: client["secret"].as_str().unwrap().to_owned(),
            server,
            folder,
        }
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.id
    }

    pub(crate) fn client_secret(&self) -> &str {
        &self.secret
    }

    /// All events, in the order in which they happened.
    pub(crate) async fn events(&self) -> Vec<Json> {
        self.server.settle().await;
        let includes = "properties,origin,referrer,referrerName,revenue,device,groups,sdkName";
        let path = format!("/export/events?projectId=shop&limit=1000&includes={includes}");
        let reply = self.server.root().get(&path).await;
        let mut events = reply.data().as_array().unwrap().clone();
        events.reverse();
        events
    }

    /// The events of one name.
    pub(crate) async fn events_named(&self, name: &str) -> Vec<Json> {
        let mut events = self.events().await;
        events.retain(|event| event["name"] == name);
        events
    }

    pub(crate) async fn profile(&self, id: &str) -> Json {
        self.server.settle().await;
        let path = format!("/insights/shop/profiles/{id}");
        let reply = self.server.root().get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["profile"].clone()
    }

    pub(crate) async fn close(self) {
        drop(self.close_all_but_store().await);
    }

    /// Stops everything, and returns the folder and the file of the event store in it.
    pub(crate) async fn close_all_but_store(self) -> (TempDir, PathBuf) {
        self.recorder.stop().await;
        self.server.stop().await;
        let file = self.folder.path().join(STORE);
        (self.folder, file)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the programs that are tested have no other clock"
)]
fn this_machines_time() -> paneld_domain::Timestamp {
    std::time::SystemTime::now().into()
}

/// Runs a program beside this one, which goes on serving, and returns what it prints, as JSON.
pub(crate) async fn output_of(mut command: Command) -> Json {
    let output = tokio::task::spawn_blocking(move || {
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
        output
    });
    let output = output.await.unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(&output.stdout);
        panic!("{error}: {text}")
    })
}

/// A script of `npm/`, to be run by Node; nothing where the packages that it imports cannot be
/// installed.
pub(crate) fn script(name: &str) -> Option<Command> {
    let packages = install::npm(
        "sdks",
        include_str!("npm/package.json"),
        include_str!("npm/package-lock.json"),
    )?;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks/npm");
    // Node looks for packages beside the script.
    let beside = packages.join("scripts");
    std::fs::create_dir_all(&beside).unwrap();
    for entry in std::fs::read_dir(scripts).unwrap() {
        let script = entry.unwrap().path();
        if script.extension().is_some_and(|ending| ending != "json") {
            put(&script, &beside);
        }
    }
    let mut node = Command::new("node");
    node.arg(beside.join(name));
    Some(node)
}

/// Copies a file so that no other test ever sees a half of it.
fn put(file: &Path, folder: &Path) {
    let copy = tempfile::NamedTempFile::new_in(folder).unwrap();
    std::fs::copy(file, copy.path()).unwrap();
    copy.persist(folder.join(file.file_name().unwrap()))
        .unwrap();
}
