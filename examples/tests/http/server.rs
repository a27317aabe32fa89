//! The examples of `paneld-server`, spoken to over HTTP.

use std::{path::Path, time::Duration};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Example;

/// An example with a server in it, in a folder of its own.
struct Paneld {
    url: String,
    id: String,
    secret: String,
    _example: Example,
    _folder: TempDir,
}

impl Paneld {
    fn start(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut example = Example::start(program, &[data.to_str().unwrap()]);
        let (_where_credentials_are, called) = (example.printed(), example.printed());
        let [id, secret] = first_credentials(&data);
        Self {
            url: called.url.strip_suffix("/manage/me").unwrap().to_owned(),
            id,
            secret,
            _example: example,
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
    let paneld = Paneld::start(env!("CARGO_BIN_EXE_embed_the_server"));
    let root = paneld.url.strip_suffix("/analytics").unwrap();
    let own = reqwest::get(format!("{root}/shop")).await.unwrap();
    assert_eq!(own.text().await.unwrap(), "Everything is sold out\n");
    let elsewhere = reqwest::get(format!("{root}/track")).await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);

    let project = json!({"name": "Shop"});
    let made = paneld.post("/manage/projects", project).await;
    assert_eq!(made, StatusCode::OK);
    let event = json!({"type": "track", "payload": {"name": "bought"}});
    let tracked = paneld.post("/track?projectId=shop", event).await;
    assert_eq!(tracked, StatusCode::OK);
    let count = async || paneld.get("/v1/events/count?projectId=shop").await;
    let visible = tokio::time::timeout(Duration::from_secs(30), async {
        while count().await["count"] != 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    visible.await.unwrap();
    let document = paneld.get("/openapi.json").await;
    assert_eq!(document["servers"][0]["url"], "/analytics");
}

#[tokio::test]
async fn manage_only() {
    let paneld = Paneld::start(env!("CARGO_BIN_EXE_manage_only"));
    let project = json!({"name": "Shop"});
    let made = paneld.post("/manage/projects", project).await;
    assert_eq!(made, StatusCode::OK);
    let projects = paneld.get("/manage/projects").await;
    assert_eq!(projects["data"][0]["id"], "shop");
    let event = json!({"type": "track", "payload": {"name": "bought"}});
    let tracked = paneld.post("/track?projectId=shop", event).await;
    let document = paneld.get("/openapi.json").await;
    if cfg!(feature = "events") {
        assert_eq!(tracked, StatusCode::SERVICE_UNAVAILABLE);
    } else {
        assert_eq!(tracked, StatusCode::NOT_FOUND);
        assert!(document["paths"].get("/track").is_none());
    }
}
