//! Two processes on one PostgreSQL database: what one does holds for the other.

use std::time::Duration;

use paneld_domain::Clock;
use paneld_testing::Database;
use serde_json::{Value as Json, json};

use crate::{
    backends::Redis,
    support::{
        Caller, Launch, Place, ROOT_ID, Reply, Server, assert_refused_within, status, wait_until,
    },
};

/// The executable with a data folder of its own, on the database. It keeps no events, of which
/// only one server may have some.
fn launch(place: &Place, name: &str, database: &Database) -> Launch {
    let folder = place.path().join(name).display().to_string();
    let launch = place.bootstrapped().with("DATA_DIR", &folder);
    launch
        .with("CATALOG_URL", database.url())
        .with("EVENTS_URL", "off")
}

/// Two servers without Redis.
fn serve_two(place: &Place, database: &Database) -> (Server, Server) {
    let serve = |name| launch(place, name, database).serve();
    (serve("one"), serve("two"))
}

fn text<'a>(thing: &'a Json, field: &str) -> &'a str {
    thing[field].as_str().unwrap()
}

async fn create_root(caller: &Caller) -> Json {
    let body = json!({"name": "Root", "type": "root"});
    caller.create("/manage/clients", body).await
}

fn path_of(client: &Json) -> String {
    format!("/manage/clients/{}", text(client, "id"))
}

/// Everything that ends a client's credentials.
const ENDINGS: [&str; 4] = ["delete", "disable", "expire", "rotate"];

async fn end(caller: &Caller, client: &Json, ending: &str) -> Reply {
    let path = path_of(client);
    match ending {
        "delete" => caller.delete(&path).await,
        "disable" => caller.patch(&path, json!({"enabled": false})).await,
        "expire" => {
            let body = json!({"expiresAt": "2020-01-01T00:00:00Z"});
            caller.patch(&path, body).await
        }
        _ => caller.post(&format!("{path}/rotate"), json!({})).await,
    }
}

/// Demands that a client that one server ended is refused by that server at once, and by the
/// other, which knew it, in time.
async fn assert_ends(one: &Server, two: &Server, limit: Duration) {
    for ending in ENDINGS {
        let client = create_root(&one.root()).await;
        let caller = |server: &Server| server.caller(text(&client, "id"), text(&client, "secret"));
        let (here, there) = (caller(one), caller(two));
        assert_eq!((status(&here).await, status(&there).await), (200, 200));
        let ended = end(&one.root(), &client, ending).await;
        assert_eq!(ended.status, 200, "{ending}: {}", ended.text);
        assert_eq!(status(&here).await, 401, "{ending}");
        assert_refused_within(limit, &there).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn with_redis_they_share_limits_and_revocations() {
    let (place, database, redis) = (Place::new(), Database::create(), Redis::start());
    let limited = |name| {
        let launch = launch(&place, name, &database).with("REDIS_URL", &redis.url());
        launch.with("RATE_LIMIT_MANAGE", "100/1h").serve()
    };
    let (one, two) = (limited("one"), limited("two"));
    for server in [&one, &two] {
        let backends = wait_until(server, "ready").await;
        let expected = json!({"catalog": "up", "spool": "off", "events": "off", "redis": "up"});
        assert_eq!(backends, expected);
    }
    assert_ends(&one, &two, Duration::from_secs(1)).await;

    let mut passed = 0;
    for _ in 0..100 {
        for server in [&one, &two] {
            passed += usize::from(status(&server.root()).await == 200);
        }
    }
    // The clients were made and ended with the same budget.
    assert_eq!(passed, 100 - 2 * ENDINGS.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn without_redis_revocations_take_five_seconds_at_most() {
    let (place, database) = (Place::new(), Database::create());
    let (one, two) = serve_two(&place, &database);
    // A second more than is promised, for the machine may be busy.
    assert_ends(&one, &two, Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn of_the_last_two_roots_that_end_themselves_on_two_servers_one_remains() {
    let (place, database) = (Place::new(), Database::create());
    let (one, two) = serve_two(&place, &database);
    // The credentials of the last root client.
    let mut last = create_root(&one.root()).await;
    assert_eq!(
        end(&one.root(), &json!({"id": ROOT_ID}), "delete")
            .await
            .status,
        200
    );
    for round in 0..8 {
        let ending = ENDINGS[round % 3];
        let caller = |server: &Server, client: &Json| {
            server.caller(text(client, "id"), text(client, "secret"))
        };
        let other = create_root(&caller(&one, &last)).await;
        let (first, second) = (caller(&one, &last), caller(&two, &other));
        // Both are known to their servers, so that only the rule can stop them.
        assert_eq!((status(&first).await, status(&second).await), (200, 200));
        let replies = tokio::join!(end(&first, &last, ending), end(&second, &other, ending));
        let (won, lost, remaining) = match (replies.0.status == 200, replies) {
            (true, (first, second)) => (first, second, other),
            (false, (first, second)) => (second, first, last),
        };
        assert_eq!(won.status, 200, "{ending}: {}", won.text);
        assert_eq!(lost.status, 409, "{ending}: {}", lost.text);
        let expected = "The organization would be left without a usable root client";
        assert_eq!(lost.body["message"], expected);
        for server in [&one, &two] {
            assert_eq!(status(&caller(server, &remaining)).await, 200, "{ending}");
        }
        last = remaining;
    }
}

/// A request that asks to be carried out once.
async fn create_once(server: &Server, key: &str) -> Reply {
    let caller = server.root().with_header("idempotency-key", key);
    let body = json!({"name": key, "type": "root"});
    caller.post("/manage/clients", body).await
}

/// How many clients of this name there are.
async fn count(server: &Server, name: &str) -> usize {
    let listed = server.root().get("/manage/clients").await;
    let listed = listed.body["data"].as_array().unwrap();
    listed
        .iter()
        .filter(|client| client["name"] == name)
        .count()
}

fn is_running(reply: &Reply) -> bool {
    let message = "A request of the same idempotency key is still running";
    reply.status == 409
        && reply.body["message"] == message
        && reply
            .headers
            .get("retry-after")
            .is_some_and(|wait| wait == "1")
}

fn is_replayed(reply: &Reply) -> bool {
    let header = reply.headers.get("idempotent-replayed");
    reply.status == 200 && header.is_some_and(|value| value == "true")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn of_the_same_request_to_both_one_is_carried_out() {
    let (place, database) = (Place::new(), Database::create());
    let (one, two) = serve_two(&place, &database);
    for round in 0..12 {
        let key = format!("key-{round}");
        let (first, second) = tokio::join!(create_once(&one, &key), create_once(&two, &key));
        let is_first = |reply: &Reply| reply.status == 200 && !is_replayed(reply);
        let (made, other) = if is_first(&first) {
            (first, second)
        } else {
            (second, first)
        };
        assert!(is_first(&made), "{}", made.text);
        if is_replayed(&other) {
            assert_eq!(other.text, made.text);
        } else {
            assert!(is_running(&other), "{}", other.text);
        }
        for server in [&one, &two] {
            let again = create_once(server, &key).await;
            assert!(is_replayed(&again), "{}", again.text);
            assert_eq!(again.text, made.text);
            assert_eq!(count(server, &key).await, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn a_server_that_dies_at_work_leaves_its_request_to_the_other() {
    let (place, database) = (Place::new(), Database::create());
    let (one, two) = serve_two(&place, &database);
    assert_eq!(
        (status(&one.root()).await, status(&two.root()).await),
        (200, 200)
    );
    // Somebody holds what all changes of the organization need.
    let holder = database.connect().await;
    let hold = "BEGIN; SELECT 1 FROM organizations FOR UPDATE";
    holder.batch_execute(hold).await.unwrap();
    let caller = one.root().with_header("idempotency-key", "key");
    let body = json!({"name": "key", "type": "root"}).to_string();
    let request = tokio::spawn(async move {
        let method = reqwest::Method::POST;
        caller.call(method, "/manage/clients", Some(body)).await
    });
    wait_until_waiting(&database, 1).await;
    let other = create_once(&two, "key").await;
    assert!(is_running(&other), "{}", other.text);

    one.process.signal("KILL");
    assert!(request.await.unwrap().is_err());
    holder.batch_execute("ROLLBACK").await.unwrap();
    wait_until_waiting(&database, 0).await;
    // The database may notice a moment later that nobody waits for its answer.
    let clock = Clock::system();
    let start = clock.elapsed();
    let made = loop {
        let reply = create_once(&two, "key").await;
        if !is_running(&reply) {
            break reply;
        }
        assert!(clock.elapsed() - start < Duration::from_secs(10));
    };
    assert_eq!(made.status, 200, "{}", made.text);
    assert!(!is_replayed(&made));
    assert_eq!(count(&two, "key").await, 1);
}

/// Waits until so many sessions wait for a lock.
async fn wait_until_waiting(database: &Database, sessions: i64) {
    let client = database.connect().await;
    let (clock, query) = (
        Clock::system(),
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    let start = clock.elapsed();
    while client.query_one(query, &[]).await.unwrap().get::<_, i64>(0) != sessions {
        assert!(clock.elapsed() - start < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn whenever_a_server_dies_its_request_is_carried_out_once() {
    let (place, database) = (Place::new(), Database::create());
    let two = launch(&place, "two", &database).serve();
    for round in 0..8 {
        let one = launch(&place, "one", &database).serve();
        assert_eq!(status(&one.root()).await, 200);
        let key = format!("key-{round}");
        let caller = one.root().with_header("idempotency-key", &key);
        let body = json!({"name": key, "type": "root"}).to_string();
        let request = tokio::spawn(async move {
            let method = reqwest::Method::POST;
            caller.call(method, "/manage/clients", Some(body)).await
        });
        // Each round ends somewhere else, between before the request and after its reply.
        tokio::time::sleep(Duration::from_millis(2 * round)).await;
        one.process.signal("KILL");
        let reply = request.await.unwrap();
        one.process.wait_for_end();

        let clock = Clock::system();
        let start = clock.elapsed();
        let retried = loop {
            let retried = create_once(&two, &key).await;
            if !is_running(&retried) {
                break retried;
            }
            assert!(clock.elapsed() - start < Duration::from_secs(10));
        };
        assert_eq!(retried.status, 200, "{}", retried.text);
        if let Ok(reply) = reply {
            assert!(is_replayed(&retried));
            assert_eq!(retried.text, reply.text);
        }
        assert_eq!(count(&two, &key).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn of_two_first_starts_at_once_one_makes_the_first_client() {
    for _ in 0..3 {
        let (place, database) = (Place::new(), Database::create());
        let start = |name: &str| {
            let folder = place.path().join(name).display().to_string();
            let launch = place.paneld().with("DATA_DIR", &folder);
            let launch = launch.with("CATALOG_URL", database.url());
            launch.with("EVENTS_URL", "off").spawn()
        };
        let servers = [start("one"), start("two")].map(Server::of);
        let found = ["one", "two"].map(|name| {
            let file = place.path().join(name).join("initial-credentials");
            std::fs::read_to_string(file).ok()
        });
        let credentials = found.into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(credentials.len(), 1);
        let value = |label: &str| {
            let (_, rest) = credentials[0].split_once(label).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let (id, secret) = (value("client id:"), value("client secret:"));
        for server in &servers {
            let clients = server.caller(&id, &secret).get("/manage/clients").await;
            let clients = clients.body["data"].as_array().unwrap();
            assert_eq!(clients.len(), 1);
            assert_eq!(clients[0]["id"], json!(id));
        }
        assert_eq!(count_organizations(&database).await, 1);
        for server in servers {
            let ended = server.stop();
            assert!(ended.log("ERROR").is_empty(), "{}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn two_first_starts_at_once_make_the_given_client_once() {
    for _ in 0..3 {
        let (place, database) = (Place::new(), Database::create());
        let processes = ["one", "two"].map(|name| launch(&place, name, &database).spawn());
        for server in processes.map(Server::of) {
            let clients = server.root().get("/manage/clients").await;
            assert_eq!(clients.status, 200, "{}", clients.text);
            assert_eq!(clients.body["data"].as_array().unwrap().len(), 1);
            assert!(server.stop().log("WARN").is_empty());
        }
        assert_eq!(count_organizations(&database).await, 1);
    }
}

async fn count_organizations(database: &Database) -> i64 {
    let client = database.connect().await;
    let count = client.query_one("SELECT count(*) FROM organizations", &[]);
    count.await.unwrap().get(0)
}
