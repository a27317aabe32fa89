//! What answers with rows as wide as is taken cost in memory: each, and all together.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::support::{Caller, TestServer};

const KIB: usize = 1024;
/// A page of about 14 MiB.
const WIDE_PAGE: &str = "/export/events?limit=90&includes=properties";

/// Events of some 160 KiB; of somebody with a profile that is as big as profiles can be.
async fn import_wide(writer: &Caller, count: u32) {
    for part in 0..count.div_ceil(10) {
        let rows = (0..10).map(|number| {
            let properties = (0..10).map(|key| (key.to_string(), json!("x".repeat(16 * KIB))));
            json!({"name": "wide", "device_id": "d", "profile_id": "fat",
                "created_at": format!("2026-01-14 10:{part:02}:{number:02}"),
                "properties": properties.collect::<serde_json::Map<_, _>>()})
        });
        let taken = writer.post("/import/events", Json::from_iter(rows)).await;
        assert_eq!(taken.status, 200, "{}", taken.text);
    }
}

async fn project(root: &Caller, server: &TestServer, name: &str) -> Caller {
    let made = root.post("/manage/projects", json!({"name": name})).await;
    assert_eq!(made.status, 200, "{}", made.text);
    server.caller_of(&made.data()["client"])
}

/// Asks for a page and reads no more than the status of the answer; all of one that refuses.
fn stall(server: &TestServer, caller: &Caller, path: &str) -> Result<TcpStream, String> {
    let address = server.url().replace("http://", "");
    let mut connection = TcpStream::connect(&address).unwrap();
    let patience = Duration::from_secs(60);
    connection.set_read_timeout(Some(patience)).unwrap();
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in caller.headers() {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut begin = [0; 12];
    connection.read_exact(&mut begin).unwrap();
    if &begin == b"HTTP/1.1 200" {
        return Ok(connection);
    }
    let mut rest = String::new();
    connection.read_to_string(&mut rest).unwrap();
    Err(String::from_utf8_lossy(&begin).into_owned() + &rest)
}

/// Reads what is left of a reply, and how much that is.
fn drain(mut connection: TcpStream) -> usize {
    let (mut part, mut bytes) = (vec![0; 256 * KIB], 0);
    loop {
        match connection.read(&mut part).unwrap() {
            0 => return bytes,
            read => bytes += read,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn long_answers_that_nobody_reads_have_bounds_in_sum() {
    let server = TestServer::start_with(&[("RATE_LIMIT_EXPORT", "off")]).await;
    let corner = server.create_organization("Corner").await;
    let shop = server.root();
    let page = format!("{WIDE_PAGE}&projectId=shop");
    import_wide(&project(&shop, &server, "Shop").await, 90).await;
    let neighbours_page = format!("{WIDE_PAGE}&projectId=home");
    import_wide(&project(&corner, &server, "Home").await, 90).await;
    server.settle().await;
    let whole = shop.get(&page).await;
    assert_eq!(whole.data().as_array().unwrap().len(), 90);
    assert!(whole.text.len() > 13_000 * KIB, "{}", whole.text.len());

    let mut stalled = Vec::new();
    let refused = loop {
        match stall(&server, &shop, &page) {
            Ok(connection) => stalled.push(connection),
            Err(refused) => break refused,
        }
        assert!(stalled.len() < 60, "long answers have no bound in sum");
    };
    assert!(stalled.len() > 3, "{} fit", stalled.len());
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    let why = "Too many long answers of this client or organization are made or sent: ask again \
               in a moment, or for fewer rows";
    assert!(refused.contains(why), "{refused}");
    // What is short is answered, and another organization does not notice.
    let short = shop.get("/export/events?limit=1&projectId=shop").await;
    assert_eq!(short.status, 200, "{}", short.text);
    let neighbour = corner.get(&neighbours_page).await;
    assert_eq!(neighbour.status, 200, "{}", neighbour.text);
    assert_eq!(neighbour.text.len(), whole.text.len());

    // Who reads after all gets all of it, and so there is room again.
    for connection in stalled.into_iter().rev().take(3) {
        assert!(drain(connection) > whole.text.len());
    }
    assert_eq!(shop.get(&page).await.status, 200);
    server.stop().await;
}

/// One profile may stand at each event of an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn profiles_beside_events_have_bounds() {
    let server = TestServer::start_with(&[("RATE_LIMIT_EXPORT", "off")]).await;
    let writer = project(&server.root(), &server, "Shop").await;
    let properties = (0..15).map(|key| (key.to_string(), json!("p".repeat(16 * KIB))));
    let body = json!({"type": "identify", "payload": {"profileId": "fat",
        "properties": properties.collect::<serde_json::Map<_, _>>()}});
    let backend = writer.with_header("user-agent", "node");
    assert_eq!(backend.post("/track", body).await.status, 200);
    let row = |number: usize| {
        json!({"name": "thin", "device_id": "d", "profile_id": "fat", "properties": {},
            "created_at": format!("2026-01-14 10:{:02}:{:02}", number / 60, number % 60)})
    };
    let rows = Json::from_iter((0..200).map(row));
    assert_eq!(writer.post("/import/events", rows).await.status, 200);
    server.settle().await;

    let events = "/export/events?projectId=shop&includes=profile";
    let whole = server.root().get(&format!("{events}&limit=20")).await;
    let rows = whole.data().as_array().unwrap();
    assert_eq!(rows.len(), 20);
    assert!(whole.text.len() > 20 * 15 * 16 * KIB);
    let profile = &rows[0]["profile"];
    let beyond = server.root().get(&format!("{events}&limit=200")).await;
    beyond.assert_invalid_query(&[json!(["limit"])]);

    for format in ["ndjson", "csv", "parquet"] {
        let all = server
            .root()
            .get(&format!("{events}&format={format}"))
            .await;
        assert_eq!(all.status, 200, "{format}: {}", all.text);
        if format == "ndjson" {
            let lines = all.text.lines().map(serde_json::from_str::<Json>);
            let lines = lines.map(Result::unwrap).collect::<Vec<_>>();
            assert_eq!(lines.len(), 200);
            assert!(lines.iter().all(|line| &line["profile"] == profile));
        }
    }
    server.stop().await;
}
