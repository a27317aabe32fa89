//! Several processes on one catalog: those with events of their own, of which there may be one,
//! and those without.

use std::time::Duration;

use paneld_domain::Clock;
use paneld_testing::Database;
use serde_json::{Value as Json, json};

use crate::support::{Caller, Ended, Launch, Place, Server, wait_until};

/// Two heartbeats, and some time for a busy machine.
const TAKEOVER: Duration = Duration::from_secs(40);
/// What waits for no heartbeat is much faster.
const AT_ONCE: Duration = Duration::from_secs(8);

const REFUSAL: [&str; 3] = [
    "another server with events of its own is at work on this catalog",
    "PANELD_EVENTS_URL=off",
    "stop the other server",
];

/// The executable with a data folder of its own, on the catalog that all of a place share.
fn launch(place: &Place, name: &str) -> Launch {
    let catalog = format!("sqlite:{}", place.path().join("shared.sqlite").display());
    launch_on(place, name, &catalog)
}

fn launch_on(place: &Place, name: &str, catalog: &str) -> Launch {
    let folder = place.path().join(name).display().to_string();
    let launch = place.bootstrapped().with("DATA_DIR", &folder);
    launch.with("CATALOG_URL", catalog)
}

fn serve_without_events(place: &Place, name: &str) -> Server {
    launch(place, name).with("EVENTS_URL", "off").serve()
}

async fn make_project(server: &Server) -> Caller {
    let body = json!({"name": "Shop", "cors": ["*"]});
    let project = server.root().create("/manage/projects", body).await;
    let text = |field: &str| project["client"][field].as_str().unwrap().to_owned();
    server.caller(&text("id"), &text("secret"))
}

async fn track(caller: &Caller) -> u16 {
    let event = json!({"type": "track", "payload": {"name": "x"}});
    caller.post("/track", event).await.status.as_u16()
}

/// What the operator sees of the servers.
fn listed(place: &Place) -> Vec<Json> {
    let command = launch(place, "any").args("admin servers list --json");
    command.run().json().as_array().unwrap().clone()
}

async fn assert_second_is_refused(place: &Place, catalog: &str) {
    let one = launch_on(place, "one", catalog).serve();
    let caller = make_project(&one).await;
    let clock = Clock::system();
    let start = clock.elapsed();
    let two = launch_on(place, "two", catalog).run();
    assert!(clock.elapsed() - start < TAKEOVER);
    two.assert_refused(1, &REFUSAL);
    assert_eq!(track(&caller).await, 200);
    let without = launch_on(place, "two", catalog).with("EVENTS_URL", "off");
    let without = without.serve();
    let backends = wait_until(&without, "ready").await;
    assert_eq!(
        backends,
        json!({"catalog": "up", "spool": "off", "events": "off"})
    );
    // What is there of before is left alone, and said.
    without.process.wait_for_log(
        "events are switched off, but the data folder has some of before: they are left alone",
    );
    without.stop();
    one.stop();
    // The place is free.
    launch_on(place, "two", catalog).serve().stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_with_events_is_refused() {
    let place = Place::new();
    let catalog = format!("sqlite:{}", place.path().join("shared.sqlite").display());
    assert_second_is_refused(&place, &catalog).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn a_second_process_with_events_is_refused_on_postgres() {
    let (place, database) = (Place::new(), Database::create());
    assert_second_is_refused(&place, database.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_killed_starts_again_at_once_and_another_after_two_heartbeats() {
    let place = Place::new();
    let clock = Clock::system();
    let one = launch(&place, "one").serve();
    one.process.signal("KILL");
    one.process.wait_for_end();
    let start = clock.elapsed();
    let one = launch(&place, "one").serve();
    let took = clock.elapsed() - start;
    assert!(took < AT_ONCE, "{took:?}");
    one.process.signal("KILL");
    one.process.wait_for_end();

    let start = clock.elapsed();
    let two = launch(&place, "two").serve();
    let took = clock.elapsed() - start;
    assert!(took < TAKEOVER, "{took:?}");
    let listed = listed(&place);
    assert_eq!(listed.len(), 1, "{listed:?}");
    two.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_paused_and_replaced_takes_no_event_and_ends() {
    let place = Place::new();
    let one = launch(&place, "one").serve();
    let caller = make_project(&one).await;
    assert_eq!(track(&caller).await, 200);
    one.process.signal("STOP");
    let two = launch(&place, "two").serve();
    one.process.signal("CONT");
    // It may be gone before it answers.
    let event = json!({"type": "track", "payload": {"name": "x"}}).to_string();
    let answer = caller.call(reqwest::Method::POST, "/track", Some(event));
    if let Ok(reply) = answer.await {
        assert_eq!(reply.status, 503, "{}", reply.text);
    }
    let ended = one.process.wait_for_end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for part in REFUSAL {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    // The other one goes on, and the first one does not come back beside it.
    launch(&place, "one").run().assert_refused(1, &REFUSAL);
    assert_eq!(two.root().get("/manage/me").await.status, 200);
    two.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_paused_and_not_replaced_goes_on() {
    let place = Place::new();
    let one = launch(&place, "one").serve();
    let caller = make_project(&one).await;
    one.process.signal("STOP");
    tokio::time::sleep(Duration::from_secs(11)).await;
    one.process.signal("CONT");
    let clock = Clock::system();
    let start = clock.elapsed();
    while track(&caller).await != 200 {
        assert!(clock.elapsed() - start < AT_ONCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    one.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_all_servers() {
    let place = Place::new();
    let one = launch(&place, "one").with("LISTEN", "127.0.0.1:0").serve();
    let two = serve_without_events(&place, "two");
    let shown = listed(&place);
    let modes = shown
        .iter()
        .map(|server| server["events"].as_str().unwrap());
    assert_eq!(modes.collect::<Vec<_>>(), ["duckdb", "off"]);
    for server in &shown {
        assert_eq!(server["live"], true);
        assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(server["address"], "127.0.0.1:0");
        for field in ["id", "hostname", "startedAt", "heartbeatAt"] {
            assert!(!server[field].as_str().unwrap().is_empty(), "{server}");
        }
    }
    let table = launch(&place, "any").args("admin servers list").run();
    let table = table.output();
    for word in ["events", "heartbeatAt", "duckdb", "off"] {
        assert!(table.contains(word), "{table}");
    }
    // Commands are no servers, and disturb none.
    let again = listed(&place);
    let ids = |servers: &[Json]| -> Vec<Json> {
        servers.iter().map(|server| server["id"].clone()).collect()
    };
    assert_eq!(ids(&again), ids(&shown));
    two.stop();
    one.stop();
    assert_eq!(listed(&place), Vec::<Json>::new());
}

/// How often a process said this.
fn count(ended: &Ended, level: &str, beginning: &str) -> usize {
    let lines = ended.log(level).into_iter();
    lines
        .filter(|line| line["message"].as_str().unwrap().starts_with(beginning))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_named_is_noticed_once() {
    const WARNING: &str = "nearly everything that is tracked comes from one peer";
    for (proxies, expected) in [("none", 1), ("127.0.0.0/8", 0)] {
        let place = Place::new();
        let server = place.bootstrapped().with("TRUSTED_PROXIES", proxies);
        let server = server.serve();
        let body = json!({"name": "Shop", "cors": ["*"]});
        let project = server.root().create("/manage/projects", body).await;
        let id = project["client"]["id"].as_str().unwrap();
        let visitors = (0..16).map(|visitor| {
            let page = server.caller_with(&[
                ("openpanel-client-id", id),
                ("origin", "https://shop.example"),
                ("x-client-ip", &format!("198.51.100.{visitor}")),
            ]);
            tokio::spawn(async move {
                for _ in 0..80 {
                    assert_eq!(track(&page).await, 200);
                }
            })
        });
        for visitor in visitors.collect::<Vec<_>>() {
            visitor.await.unwrap();
        }
        let ended = server.stop();
        assert_eq!(count(&ended, "WARN", WARNING), expected, "{}", ended.stderr);
    }
}
