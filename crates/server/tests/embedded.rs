//! The whole server in a host's process, as hosts have it: in their app, beside their routes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use paneld_server::{Builder, DataDirError, ListeningServer, Prefix, Server, StartError};
use reqwest::{Client, RequestBuilder, StatusCode, redirect::Policy};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

const ID: &str = "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9";
const SECRET: &str = "sec_0123456789abcdef0123";

/// A server in this folder that is told its root client.
fn builder(folder: &Path) -> Builder {
    Server::builder()
        .data_dir(folder.join("data"))
        .root_client(ID.parse().unwrap(), SECRET.parse().unwrap())
}

/// A host: one route of its own, and paneld below a prefix.
struct Host {
    server: Server,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    url: String,
}

impl Host {
    async fn start(builder: Builder, prefix: &Prefix) -> Self {
        let server = builder.build().await.unwrap();
        let paneld = server.mount(prefix);
        let http = HttpServer::new(move || {
            App::new()
                .route("/own", web::get().to(HttpResponse::Ok))
                .configure(paneld.clone())
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let url = format!("http://{}", http.addrs()[0]);
        let running = http.run();
        let handle = running.handle();
        Self {
            server,
            handle,
            serving: tokio::spawn(running),
            url,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        signed(Client::new().get(format!("{}{path}", self.url)))
    }

    async fn json(&self, path: &str) -> Json {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn track(&self, path: &str) -> StatusCode {
        track(&format!("{}{path}", self.url)).await
    }

    async fn make_project(&self, path: &str) {
        let request = Client::new().post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json");
        let response = signed(request).body(r#"{"name":"Shop"}"#).send().await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }

    async fn stop(self) {
        self.handle.stop(true).await;
        self.serving.await.unwrap().unwrap();
        self.server.stop().await;
    }
}

async fn track(url: &str) -> StatusCode {
    let event = json!({"type": "track", "payload": {"name": "x", "profileId": "p"}});
    let request = Client::new().post(format!("{url}?projectId=shop"));
    let request = request.header("content-type", "application/json");
    let response = signed(request).body(event.to_string()).send().await;
    response.unwrap().status()
}

fn signed(request: RequestBuilder) -> RequestBuilder {
    let request = request.header("openpanel-client-id", ID);
    request.header("openpanel-client-secret", SECRET)
}

async fn listen(builder: Builder) -> ListeningServer {
    builder
        .listen("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn below_a_prefix_everything_works_and_the_host_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(builder(folder.path()), &"/a/b".parse().unwrap()).await;
    host.make_project("/a/b/manage/projects").await;
    for path in [
        "/a/b/track",
        "/a/b/api/track",
        "/a/b//track",
        "/a/b/api//track",
    ] {
        assert_eq!(host.track(path).await, StatusCode::OK, "{path}");
    }
    host.server.settle().await;
    let events = host.json("/a/b/export/events?projectId=shop&event=x").await;
    assert_eq!(events["data"].as_array().unwrap().len(), 4, "{events}");

    let document = host.json("/a/b/openapi.json").await;
    assert_eq!(
        document["servers"],
        json!([{"url": "/a/b"}, {"url": "/a/b/api"}])
    );
    let welcome = host.json("/a/b/").await;
    assert_eq!(welcome["links"]["me"], "/a/b/manage/me");
    let own = host.get("/own").send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
    assert!(!own.headers().contains_key("request-id"));

    let wrong = host.get("/a/b/nothing").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);
    let id = wrong.headers()["request-id"].to_str().unwrap().to_owned();
    let body = wrong.json::<Json>().await.unwrap();
    assert_eq!(body["requestId"], id.as_str());
    for path in ["/manage/me", "/track", "/a/bmanage/me", "/openapi.json"] {
        let response = host.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(!response.headers().contains_key("request-id"), "{path}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_below_the_prefix_too_unless_it_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(
        builder(folder.path()).without_events(),
        &"/a/b".parse().unwrap(),
    )
    .await;
    let http = Client::builder().redirect(Policy::none()).build().unwrap();
    let ask = async |path: &str| {
        let request = http.get(format!("{}{path}", host.url));
        request.header("accept", "text/html").send().await.unwrap()
    };
    for (path, status) in [("/a/b/", 302), ("/a/b/console", 308)] {
        let response = ask(path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()["location"], "/a/b/console/");
    }
    let page = ask("/a/b/console/shop/overview").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(!page.contains("\"/console/"), "{page}");
    assert_eq!(ask("/console/").await.status(), StatusCode::NOT_FOUND);

    let sign_in = http
        .post(format!("{}/a/b/console/session", host.url))
        .header("x-paneld-console", "1")
        .json(&json!({"clientId": ID, "clientSecret": SECRET}));
    let session = sign_in.send().await.unwrap().json::<Json>().await.unwrap();
    assert_eq!(session["publicUrl"], format!("{}/a/b", host.url));
    let of_console = async |host: &Host, document: &str| {
        let document = host.json(document).await;
        let paths = document["paths"].as_object().unwrap().keys();
        let paths = paths.filter(|path| path.contains("/console/") || path.contains("share-links"));
        let has_session = document["components"]["securitySchemes"]
            .get("session")
            .is_some();
        (paths.count(), has_session)
    };
    assert_eq!(of_console(&host, "/a/b/openapi.json").await, (4, true));
    host.stop().await;

    let quiet = builder(folder.path()).without_events().console(false);
    let host = Host::start(quiet, &Prefix::ROOT).await;
    let page = host.get("/console/").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert_eq!(of_console(&host, "/openapi.json").await, (0, false));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_root_the_routes_before_it_are_the_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(builder(folder.path()).without_events(), &Prefix::ROOT).await;
    let own = host.get("/own").send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
    assert_eq!(host.json("/manage/me").await["data"]["client"]["id"], ID);
    let document = host.json("/openapi.json").await;
    assert_eq!(document["servers"], json!([{"url": "/"}, {"url": "/api"}]));
    assert_eq!(host.track("/track").await, StatusCode::SERVICE_UNAVAILABLE);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(builder(folder.path()), &Prefix::ROOT).await;
    host.make_project("/manage/projects").await;
    assert_eq!(host.track("/track").await, StatusCode::OK);
    host.stop().await;

    let server = listen(builder(folder.path())).await;
    server.server().settle().await;
    let address = server.address();
    let url = format!("http://{address}/export/events?projectId=shop&event=x");
    let events = signed(Client::new().get(url)).send().await.unwrap();
    let events = events.json::<Json>().await.unwrap();
    assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(builder(folder.path()), &Prefix::ROOT).await;
    host.make_project("/manage/projects").await;
    assert_eq!(host.track("/track").await, StatusCode::OK);
    let Host {
        server,
        handle,
        serving,
        url,
    } = host;
    server.stop().await;
    let refused = track(&format!("{url}/track")).await;
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    handle.stop(true).await;
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_says_why_and_leaves_nothing_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let first = listen(builder(folder.path())).await;
    let refused = builder(folder.path()).build().await.unwrap_err();
    assert!(
        matches!(refused, StartError::DataDir(DataDirError::InUse(_))),
        "{refused}"
    );
    let address = first.address();
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = builder(elsewhere.path()).listen(address).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StartError::Listen { .. }), "{refused}");
    first.stop().await.unwrap();
    // Neither the folder nor the place in the catalog is taken.
    let again = listen(builder(elsewhere.path())).await;
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_root_client_one_is_made_and_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::builder().data_dir(folder.path().join("data"));
    let server = server.without_events().build().await.unwrap();
    let text = std::fs::read_to_string(folder.path().join("data/initial-credentials")).unwrap();
    assert!(text.contains("client secret: sec_"), "{text}");
    assert!(!text.contains("curl"), "nobody knows the address: {text}");
    server.stop().await;
}
