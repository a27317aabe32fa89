//! What never may be seen: secrets, their hashes, and the headers that carry them.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Caller, Place, ROOT_ID, ROOT_SECRET, Reply, Server};

/// What must not be seen, and all that was.
#[derive(Default)]
struct Watch {
    hidden: Vec<String>,
    seen: String,
}

impl Watch {
    /// Hides credentials, in every form in which they are sent or kept.
    fn hide(&mut self, id: &str, secret: &str) {
        let digest = Sha256::digest(secret.as_bytes());
        let hex = digest.iter().map(|byte| format!("{byte:02x}"));
        self.hidden.extend([
            secret.to_owned(),
            hex.collect(),
            STANDARD.encode(digest),
            STANDARD.encode(format!("{id}:{secret}")),
        ]);
    }

    fn hide_client(&mut self, client: &Json) -> (String, String) {
        let (id, secret) = (client["id"].as_str(), client["secret"].as_str());
        let (id, secret) = (id.unwrap(), secret.unwrap());
        self.hide(id, secret);
        (id.to_owned(), secret.to_owned())
    }

    fn see(&mut self, reply: &Reply) {
        self.seen += &format!("{:?}\n{}\n", reply.headers, reply.text);
    }

    fn assert_hidden(&self, what: &str, text: &str) {
        let text = text.to_lowercase();
        for hidden in &self.hidden {
            if let Some(at) = text.find(&hidden.to_lowercase()) {
                let start = (0..=at.saturating_sub(200))
                    .rev()
                    .find(|&i| text.is_char_boundary(i));
                panic!("{what} shows {hidden}: {}", &text[start.unwrap_or(0)..at]);
            }
        }
    }
}

async fn call_all_ways(watch: &mut Watch, caller: &Caller) {
    let garbage = || Some("{\"name\": \"x".to_owned());
    for (method, path, body) in [
        (Method::GET, "/manage/me", None),
        (Method::GET, "/api/manage/projects?limit=x", None),
        (Method::POST, "/manage/projects", garbage()),
        (Method::POST, "/manage/clients", Some("[1]".to_owned())),
        (Method::PATCH, "/manage/clients/x", Some("{}".to_owned())),
        (Method::PUT, "/manage/projects", Some("{}".to_owned())),
        (Method::GET, "/export/events", None),
        (Method::GET, "/insights/x", None),
        (Method::POST, "/import/events", garbage()),
        (Method::GET, "/nowhere", None),
    ] {
        let reply = caller.call(method, path, body).await.unwrap();
        watch.see(&reply);
    }
}

/// Sends bytes that are no proper request, and returns what came back.
fn send_raw(server: &Server, text: &str) -> String {
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let patience = Some(std::time::Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    // The server may hang up on garbage.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_hash_or_authorization_is_ever_seen() {
    let place = Place::new();
    let mut watch = Watch::default();
    watch.hide(ROOT_ID, ROOT_SECRET);
    let server = place.bootstrapped().with("LOG", "trace").serve();
    let root = server.root();
    call_all_ways(&mut watch, &root).await;

    let project = root
        .create("/manage/projects", json!({"name": "Shop"}))
        .await;
    watch.hide_client(&project["client"]);
    let body = json!({"name": "Root", "type": "root"});
    let client = root.create("/manage/clients", body).await;
    let (id, secret) = watch.hide_client(&client);
    call_all_ways(&mut watch, &server.caller(&id, &secret)).await;

    // Everything that may show clients.
    for path in [
        "/manage/clients",
        "/manage/projects",
        "/manage/me",
        "/openapi.json",
    ] {
        watch.see(&root.get(path).await);
    }
    let own = format!("/manage/clients/{id}");
    watch.see(&root.get(&own).await);
    let renamed = json!({"name": "Renamed", "secret": "a-secret-that-is-not-asked-for"});
    let renamed = Some(renamed.to_string());
    watch.see(&root.call(Method::PATCH, &own, renamed).await.unwrap());

    // Rotation: the old secret for a grace, then the new one.
    let rotate = format!("{own}/rotate");
    let rotated = root.create(&rotate, json!({"graceSeconds": 60})).await;
    let (_, fresh) = watch.hide_client(&rotated);
    for secret in [&secret, &fresh] {
        let caller = server.caller(&id, secret);
        assert_eq!(caller.get("/manage/me").await.status, 200);
        call_all_ways(&mut watch, &caller).await;
    }

    // The other ways to present them, good and bad.
    for (id, secret) in [
        (id.as_str(), fresh.as_str()),
        (id.as_str(), "a-wrong-secret-0123456789"),
        ("not-an-id", "a-secret-without-an-id-4711"),
        (ROOT_ID, &fresh.replace("sec_", "Sec_")),
        (ROOT_ID, &format!("{fresh}é")),
    ] {
        watch.hide(id, secret);
        let pair = STANDARD.encode(format!("{id}:{secret}"));
        for scheme in ["Basic", "Bearer", "Digest"] {
            let authorization = format!("{scheme} {pair}");
            let caller = server.caller_with(&[("authorization", &authorization)]);
            call_all_ways(&mut watch, &caller).await;
        }
        let headers = [
            ("openpanel-client-id", id),
            ("openpanel-client-secret", secret),
        ];
        call_all_ways(&mut watch, &server.caller_with(&headers)).await;
        for broken in [
            format!(
                "GET /manage/me HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {pair}\r\nX Y: z\r\n\r\n"
            ),
            format!("GET /manage/me HTTP/9.9\r\nAuthorization: Basic {pair}\r\n\r\n"),
            format!("openpanel-client-secret: {secret}\r\n\r\n"),
            format!(
                "POST /manage/projects HTTP/1.1\r\nHost: x\r\nopenpanel-client-secret: {secret}\r\nContent-Length: x\r\n\r\n"
            ),
            format!("GET /manage/me HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {pair}\r\n"),
        ] {
            watch.seen += &send_raw(&server, &broken);
        }
    }

    let deleted = root.delete(&own).await;
    watch.see(&deleted);
    assert_eq!(deleted.status, 200);
    let ended = server.stop();
    // It did log: what is not written cannot be seen.
    assert!(ended.stderr.contains("\"level\":\"TRACE\""));
    assert!(ended.stderr.contains("GET /manage/me"));
    watch.assert_hidden("the log", &ended.stderr);
    watch.assert_hidden("standard output", &ended.stdout);
    watch.assert_hidden("a reply", &watch.seen);

    // The second start knows the client, and compares its secret.
    let again = place.bootstrapped().with("LOG", "trace").serve().stop();
    watch.assert_hidden("the second log", &(again.stdout + &again.stderr));
}

/// Demands that no file of the data folder holds any of this in the clear.
fn assert_not_in_data_folder(place: &Place, hidden: &[&str]) {
    for file in std::fs::read_dir(place.data_dir()).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            // That of the event store's temporary files; it must be empty by now.
            assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
            continue;
        }
        // Nothing can be read of the socket.
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for text in hidden {
            let mut windows = bytes.windows(text.len());
            let found = windows.any(|window| window == text.as_bytes());
            assert!(!found, "{text} in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_folder_holds_no_secret_in_the_clear() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let body = json!({"name": "Root", "type": "root"});
    let client = server.root().create("/manage/clients", body).await;
    let secret = client["secret"].as_str().unwrap();
    assert_not_in_data_folder(&place, &[ROOT_SECRET, secret]);
    server.stop();
    assert_not_in_data_folder(&place, &[ROOT_SECRET, secret]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_reply_cannot_be_read_from_the_data_folder() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let key = "an-idempotency-key-4711";
    let root = server.root().with_header("idempotency-key", key);
    let body = json!({"name": "Root", "type": "root"});
    let client = root.create("/manage/clients", body).await;
    // Nor any piece of it: nothing else that is kept is written like this.
    let (secret, piece) = (
        client["secret"].as_str().unwrap(),
        "\"ignoreCorsAndSecret\"",
    );
    assert_not_in_data_folder(&place, &[key, secret, piece]);
    server.stop();
    assert_not_in_data_folder(&place, &[key, secret, piece]);
}
