//! Neighbours: what one organization asks for is not what another one waits for.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::support::{Caller, Reply, TestServer};

/// Takes a second or more of the events below.
const HEAVY: &str = "/insights/shop/metrics?range=12m&filters=[{%22name%22:%22path%22,\
    %22operator%22:%22regex%22,%22value%22:[%22(x%7Cy)*z(x%7Cy)*1$%22]}]";
/// What the neighbour asks.
const LIGHT: &str = "/insights/corner/metrics?range=30d";
/// How many events each of both projects has.
const EVENTS: u32 = 200_000;

/// Two organizations with a project of many events each, `shop` and `corner`.
struct Street {
    server: TestServer,
    shop: Caller,
    corner: Caller,
}

impl Street {
    async fn open() -> Self {
        let unlimited = [
            ("RATE_LIMIT_INSIGHTS", "off"),
            ("RATE_LIMIT_EXPORT", "off"),
            ("RATE_LIMIT_TRACK", "off"),
        ];
        let server = TestServer::start_with(&unlimited).await;
        let corner = server.create_organization("Corner").await;
        for (root, name) in [(&server.root(), "Shop"), (&corner, "Corner")] {
            let made = root.post("/manage/projects", json!({"name": name})).await;
            let writer = server.caller_of(&made.data()["client"]);
            let event = |number: u32| {
                json!({"name": "screen_view", "device_id": format!("d{number}"),
                    "profile_id": "", "path": format!("/{}{number}", "xy".repeat(40)),
                    "created_at": format!("2026-01-{:02} 12:00:00", 1 + number % 14)})
            };
            let events = Json::from_iter((0..200).map(event));
            assert_eq!(writer.post("/import/events", events).await.status, 200);
        }
        server.settle().await;
        let server = server.restart_after(|data| {
            paneld_testing_files::repeat_events(&data.join("events.duckdb"), EVENTS / 200);
        });
        let server = server.await;
        Self {
            shop: server.root(),
            corner: corner.at(&server),
            server,
        }
    }
}

/// Asks the same so many times at once.
fn ask(caller: &Caller, path: &'static str, times: usize) -> JoinSet<Reply> {
    let asking = (0..times).map(|_| {
        let caller = caller.clone();
        async move { caller.get(path).await }
    });
    asking.collect()
}

/// Demands answers, or 503 with a sentence that says whose fault it is; how many are answers.
async fn count_answers(mut asked: JoinSet<Reply>) -> usize {
    let mut answers = 0;
    while let Some(reply) = asked.join_next().await {
        let reply = reply.unwrap();
        if reply.status == 200 {
            answers += 1;
            continue;
        }
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert_eq!(reply.header("retry-after"), "1");
        let message = reply.body["message"].as_str().unwrap();
        let known = [
            "too many questions of this client wait for their answers: ask again in a moment",
            "the answer takes too long: ask for less",
        ];
        assert!(known.contains(&message), "{message}");
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_heavy_reports_of_one_are_not_what_another_waits_for() {
    if paneld_testing::skip_without_duckdb("events are repeated in the file") {
        return;
    }
    let street = Street::open().await;
    assert_eq!(street.shop.get(HEAVY).await.status, 200);
    assert_eq!(street.corner.get(LIGHT).await.status, 200);
    let mut heavy = ask(&street.shop, HEAVY, 100);
    // Those that are too many are told at once, while the others wait.
    let first = heavy.join_next().await.unwrap().unwrap();
    assert_eq!(first.status, 503, "{}", first.text);
    for _ in 0..20 {
        let reply = street.corner.get(LIGHT).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let answered = heavy.len();
    assert!(answered > 20, "only {answered} are left: nobody waited");
    // Nor does anybody of the same organization, with another client.
    let client = json!({"name": "Console", "type": "read", "projectId": "shop"});
    let console = street.server.create_client(client).await;
    let console = street.server.caller_of(&console);
    let live = console.get("/insights/shop/live").await;
    assert_eq!(live.status, 200, "{}", live.text);
    assert!(heavy.len() > 15);
    assert!(count_answers(heavy).await > 0);
    street.server.stop().await;
}

/// Asks for an export, reads its head and then nothing more.
fn stall(street: &Street, caller: &Caller, project: &str) -> TcpStream {
    let address = street.server.url().replace("http://", "");
    let mut connection = TcpStream::connect(&address).unwrap();
    let patience = Duration::from_secs(40);
    connection.set_read_timeout(Some(patience)).unwrap();
    let mut request = format!(
        "GET /export/events?projectId={project}&format=ndjson&includes=region HTTP/1.1\r\n\
         host: {address}\r\n"
    );
    for (name, value) in caller.headers() {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    connection
}

fn demand_head(connection: &mut TcpStream) {
    let mut begin = [0; 12];
    connection.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_that_stall_do_not_keep_others_from_their_exports() {
    if paneld_testing::skip_without_duckdb("events are repeated in the file") {
        return;
    }
    let street = Street::open().await;
    let export = "/export/events?projectId=shop&format=ndjson&limit=1000";
    let neighbour = "/export/events?projectId=corner&format=ndjson&limit=1000";
    // The places of one organization, and all but the last of the other's.
    let mut stalled = (0..2)
        .map(|_| stall(&street, &street.shop, "shop"))
        .collect::<Vec<_>>();
    stalled.push(stall(&street, &street.corner, "corner"));
    for connection in &mut stalled {
        demand_head(connection);
    }
    let reply = street.corner.get(neighbour).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.text.lines().count(), 1_000);
    // Who has stalled readers itself gets a place, too, when one of these has lost it.
    let reply = street.shop.get(export).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.text.lines().count(), 1_000);
    // That one is told by a reply that breaks off.
    let breaks_off = |mut connection: TcpStream| {
        let mut reply = Vec::new();
        let _reset = connection.read_to_end(&mut reply);
        !reply.ends_with(b"0\r\n\r\n")
    };
    assert!(stalled.into_iter().take(2).any(breaks_off));
    street.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_imports_of_one_are_not_what_another_waits_for() {
    let server = TestServer::start_with(&[("RATE_LIMIT_TRACK", "off")]).await;
    let corner = server.create_organization("Corner").await;
    let writer = async |root: &Caller| {
        let made = root.post("/manage/projects", json!({"name": "Shop"})).await;
        server.caller_of(&made.data()["client"])
    };
    let (shop, corner) = (writer(&server.root()).await, writer(&corner).await);
    let row = |number: usize| json!({"name": "x", "created_at": "2026-01-14 10:00:00", "device_id": number.to_string()});
    let rows = |count: usize| Json::from_iter((0..count).map(row));
    let done = Arc::new(AtomicUsize::new(0));
    let heavy = (0..100).map(|_| {
        let (shop, rows, done) = (shop.clone(), rows(500), Arc::clone(&done));
        async move {
            let reply = shop.post("/import/events", rows).await;
            done.fetch_add(1, Ordering::SeqCst);
            reply.status.as_u16()
        }
    });
    let mut heavy = heavy.collect::<JoinSet<_>>();
    assert_eq!(heavy.join_next().await.unwrap().unwrap(), 200);
    let before = done.load(Ordering::SeqCst);
    let reply = corner.post("/import/events", rows(1)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let meanwhile = done.load(Ordering::SeqCst) - before;
    assert!(meanwhile < 50, "it waited for {meanwhile}");
    assert!(heavy.join_all().await.iter().all(|status| *status == 200));
    server.stop().await;
}
