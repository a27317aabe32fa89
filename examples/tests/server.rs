//! The examples of `paneld-server`, spoken to over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An example at work, in a folder of its own, until this is dropped.
struct Example {
    child: Child,
    url: String,
    id: String,
    secret: String,
    _folder: TempDir,
}

impl Example {
    fn start(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut child = Command::new(program)
            .arg("127.0.0.1:0")
            .arg(&data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let last = printed.map(Result::unwrap).nth(1).unwrap();
        let url = last.split_whitespace().last().unwrap();
        let [id, secret] = first_credentials(&data);
        Self {
            child,
            url: url.strip_suffix("/manage/me").unwrap().to_owned(),
            id,
            secret,
            _folder: folder,
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = Client::new().request(method, format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json");
        request.basic_auth(&self.id, Some(&self.secret))
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK, "{path}");
        reply.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> StatusCode {
        let request = self.request(Method::POST, path).body(body.to_string());
        request.send().await.unwrap().status()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn first_credentials(data: &Path) -> [String; 2] {
    let text = std::fs::read_to_string(data.join("initial-credentials")).unwrap();
    ["client id:", "client secret:"].map(|mark| {
        let mut lines = text.lines().map(str::trim);
        let value = lines.find_map(|line| line.strip_prefix(mark));
        value.unwrap().trim().to_owned()
    })
}

#[cfg(feature = "events")]
#[tokio::test]
async fn embed_the_server() {
    let example = Example::start(env!("CARGO_BIN_EXE_embed_the_server"));
    let root = example.url.strip_suffix("/analytics").unwrap();
    let own = reqwest::get(format!("{root}/shop")).await.unwrap();
    assert_eq!(own.text().await.unwrap(), "Everything is sold out\n");
    let elsewhere = reqwest::get(format!("{root}/track")).await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);

    let project = json!({"name": "Shop"});
    let made = example.post("/manage/projects", project).await;
    assert_eq!(made, StatusCode::OK);
    let event = json!({"type": "track", "payload": {"name": "bought"}});
    let tracked = example.post("/track?projectId=shop", event).await;
    assert_eq!(tracked, StatusCode::OK);
    let count = async || example.get("/v1/events/count?projectId=shop").await;
    let visible = tokio::time::timeout(Duration::from_secs(30), async {
        while count().await["count"] != 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    visible.await.unwrap();
    let document = example.get("/openapi.json").await;
    assert_eq!(document["servers"][0]["url"], "/analytics");
}

#[tokio::test]
async fn manage_only() {
    let example = Example::start(env!("CARGO_BIN_EXE_manage_only"));
    let project = json!({"name": "Shop"});
    let made = example.post("/manage/projects", project).await;
    assert_eq!(made, StatusCode::OK);
    let projects = example.get("/manage/projects").await;
    assert_eq!(projects["data"][0]["id"], "shop");
    let event = json!({"type": "track", "payload": {"name": "bought"}});
    let tracked = example.post("/track?projectId=shop", event).await;
    let document = example.get("/openapi.json").await;
    if cfg!(feature = "events") {
        assert_eq!(tracked, StatusCode::SERVICE_UNAVAILABLE);
    } else {
        assert_eq!(tracked, StatusCode::NOT_FOUND);
        assert!(document["paths"].get("/track").is_none());
    }
}
