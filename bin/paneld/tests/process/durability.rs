//! What survives other processes, signals and sudden ends.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::{Caller, Place, ROOT_ID, ROOT_SECRET};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_data_refuses_and_the_first_goes_on() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let second = place.bootstrapped().run();
    let folder = place.data_dir().display().to_string();
    second.assert_refused(1, &["paneld: another paneld process is using", &folder]);
    let made = json!({"name": "After"});
    let made = server.root().post("/manage/projects", made).await;
    assert_eq!(made.status, 200);
    server.stop();
    place.bootstrapped().serve().stop();
}

/// Creates things until the server is gone, and notes what it acknowledged.
async fn create_until_the_end(
    caller: Caller,
    kind: &'static str,
    noted: Arc<Mutex<Vec<Json>>>,
    made: UnboundedSender<()>,
) {
    for number in 0.. {
        let name = format!("{kind} {number}");
        let body = match kind {
            "projects" => json!({"name": name}),
            "clients" => json!({"name": name, "type": "read", "projectId": "base"}),
            _ => json!({"title": name, "projectId": "base", "datetime": "2026-01-15"}),
        };
        let path = format!("/manage/{kind}");
        match caller
            .call(Method::POST, &path, Some(body.to_string()))
            .await
        {
            Ok(reply) => {
                assert_eq!(reply.status, 200, "{}", reply.text);
                noted.lock().unwrap().push(reply.body["data"].clone());
                // Nobody counts any more when it is enough.
                let _ = made.send(());
            }
            Err(_gone) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_sudden_end() {
    const KINDS: [&str; 3] = ["projects", "clients", "references"];
    let place = Place::new();
    let noted = KINDS.map(|_| Arc::new(Mutex::new(Vec::new())));
    let mut server = place.bootstrapped().serve();
    let base = json!({"name": "base"});
    server.root().create("/manage/projects", base).await;
    for round in 1..=6 {
        let (made, mut count) = unbounded_channel();
        let mut tasks = Vec::new();
        for (kind, noted) in KINDS.into_iter().zip(&noted) {
            for _ in 0..2 {
                let (caller, noted) = (server.root(), Arc::clone(noted));
                let work = create_until_the_end(caller, kind, noted, made.clone());
                tasks.push(tokio::spawn(work));
            }
        }
        // Each round ends somewhere else.
        let enough = 10 + round * 7;
        drop(made);
        for _ in 0..enough {
            let one = count.recv().await;
            one.expect("all callers ended before the server did");
        }
        server.process.signal("KILL");
        for task in tasks {
            task.await.unwrap();
        }
        let ended = server.process.wait_for_end();
        assert_eq!(ended.code, None, "{}", ended.stderr);

        server = place.bootstrapped().serve();
        for (kind, noted) in KINDS.into_iter().zip(&noted) {
            let listed = server.root().get(&format!("/manage/{kind}")).await;
            assert_eq!(listed.status, 200);
            let listed = listed.body["data"].as_array().unwrap().clone();
            for made in noted.lock().unwrap().iter() {
                let found = listed.iter().find(|one| one["id"] == made["id"]);
                let found = found.unwrap_or_else(|| panic!("round {round}: lost {made}"));
                assert_eq!(found["name"], made["name"]);
                assert_eq!(found["title"], made["title"]);
            }
        }
        // A project came with its client, or not at all.
        let projects = noted[0].lock().unwrap().clone();
        let last = &projects.last().unwrap()["client"];
        let (id, secret) = (last["id"].as_str(), last["secret"].as_str());
        let caller = server.caller(id.unwrap(), secret.unwrap());
        assert_eq!(caller.get("/manage/me").await.status, 200);
    }
    server.stop();
}

/// A request that has begun: its head was sent, its body not.
fn begin_request(address: std::net::SocketAddr, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let authorization = STANDARD.encode(format!("{ROOT_ID}:{ROOT_SECRET}"));
    let head = format!(
        "POST /manage/projects HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The interim reply says that the server is at work on the request.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_finishes_when_the_server_is_stopped() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let body = json!({"name": "In flight"}).to_string();
    let mut stream = begin_request(server.address, &body);
    stream.write_all(&body.as_bytes()[..5]).unwrap();

    server.process.signal("TERM");
    server.process.wait_for_log("stopping");
    stream.write_all(&body.as_bytes()[5..]).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert!(reply.contains("\"in-flight\""), "{reply}");
    let ended = server.process.wait_for_end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let server = place.bootstrapped().serve();
    let found = server.root().get("/manage/projects/in-flight").await;
    assert_eq!(found.status, 200);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_hold_the_server_beyond_the_deadline() {
    let place = Place::new();
    let server = place.bootstrapped().with("SHUTDOWN_TIMEOUT", "1").serve();
    let stream = begin_request(server.address, "{\"name\": \"Never\"}");
    let clock = paneld_domain::Clock::system();
    let before = clock.elapsed();
    server.process.signal("TERM");
    let ended = server.process.wait_for_end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // Generous, but well below the time that a body may take to arrive.
    let took = clock.elapsed() - before;
    assert!(took < Duration::from_secs(20), "{took:?}");
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_the_server() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let caller = server.root();
    // Its connection is kept alive for the next request.
    assert_eq!(caller.get("/manage/me").await.status, 200);
    let clock = paneld_domain::Clock::system();
    let before = clock.elapsed();
    let ended = server.stop();
    let took = clock.elapsed() - before;
    assert!(took < Duration::from_secs(15), "{took:?}: {}", ended.stderr);
    assert!(caller.call(Method::GET, "/manage/me", None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_the_server_as_well() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    server.process.signal("INT");
    let ended = server.process.wait_for_end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.log("INFO").iter().any(|l| l["message"] == "stopped"));
}

/// Whoever reads the log must find out why, in the form that machines collect too.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_what_lies_behind_a_failure() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    // From here on the caller is known, and needs no look-up.
    assert_eq!(server.root().get("/manage/me").await.status, 200);
    let file = place.data_dir().join("catalog.sqlite");
    std::fs::rename(&file, place.path().join("hidden")).unwrap();
    let reply = server
        .root()
        .post("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_eq!(reply.status, 503);
    let ended = server.stop();
    let failures = ended.log("ERROR");
    let told = failures.iter().any(|line| {
        let error = line["error"].as_str().unwrap_or_default();
        error.contains("was removed or replaced")
    });
    assert!(told, "{failures:?}");
}
