//! Several processes on one Redis, which goes away and comes back.

use std::time::Duration;

use paneld_domain::Clock;
use serde_json::json;

use crate::{
    backends::Redis,
    support::{Launch, Place, Server, assert_refused_within, status, wait_until},
};

/// The executable with a data folder of its own, on the catalog that all of a place share.
fn launch(place: &Place, name: &str, redis: &Redis) -> Launch {
    let folder = place.path().join(name).display().to_string();
    let catalog = place.path().join("shared.sqlite");
    place
        .bootstrapped()
        .with("DATA_DIR", &folder)
        .with("CATALOG_URL", &format!("sqlite:{}", catalog.display()))
        .with("EVENTS_URL", "off")
        .with("REDIS_URL", &redis.url())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn two_processes_share_the_budget_and_hear_of_revocations() {
    let (place, redis) = (Place::new(), Redis::start());
    let limited = |name| launch(&place, name, &redis).with("RATE_LIMIT_MANAGE", "200/1h");
    let (one, two) = (limited("one").serve(), limited("two").serve());
    for server in [&one, &two] {
        assert_eq!(wait_until(server, "ready").await["redis"], "up");
    }
    for action in ["delete", "disable", "rotate", "command line"] {
        let body = json!({"name": action, "type": "root"});
        let client = one.root().create("/manage/clients", body).await;
        let id = client["id"].as_str().unwrap();
        let caller = two.caller(id, client["secret"].as_str().unwrap());
        assert_eq!(status(&caller).await, 200);
        let path = format!("/manage/clients/{id}");
        let changed = match action {
            "delete" => one.root().delete(&path).await.status,
            "disable" => {
                let body = json!({"enabled": false});
                one.root().patch(&path, body).await.status
            }
            "rotate" => {
                let body = json!({"graceSeconds": 0});
                one.root()
                    .post(&format!("{path}/rotate"), body)
                    .await
                    .status
            }
            _ => {
                let command = launch(&place, "one", &redis).args("admin clients delete");
                command.arg(id).run().output();
                reqwest::StatusCode::OK
            }
        };
        assert_eq!(changed, 200, "{action}");
        assert_refused_within(Duration::from_secs(1), &caller).await;
    }

    let (one_root, two_root) = (one.root(), two.root());
    let mut passed = 0;
    for _ in 0..200 {
        for caller in [&one_root, &two_root] {
            passed += u32::from(status(caller).await == 200);
        }
    }
    // Four clients were made, and three were changed, with the same budget.
    assert_eq!(passed, 200 - 7);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn redis_may_be_killed_under_traffic() {
    let (place, mut redis) = (Place::new(), Redis::start());
    let server = launch(&place, "data", &redis).with("RATE_LIMIT_MANAGE", "1000000/10s");
    let server = server.serve();
    wait_until(&server, "ready").await;
    let traffic = || {
        let callers = (0..8).map(|_| {
            let root = server.root();
            tokio::spawn(async move {
                let (clock, mut slowest) = (Clock::system(), Duration::ZERO);
                let start = clock.elapsed();
                while clock.elapsed() - start < Duration::from_secs(2) {
                    let asked = clock.elapsed();
                    assert_eq!(status(&root).await, 200);
                    slowest = slowest.max(clock.elapsed() - asked);
                }
                slowest
            })
        });
        let callers = callers.collect::<Vec<_>>();
        async move {
            let mut slowest = Duration::ZERO;
            for caller in callers {
                slowest = slowest.max(caller.await.unwrap());
            }
            slowest
        }
    };
    let baseline = traffic().await;
    let bound = baseline + Duration::from_millis(300);
    for _ in 0..2 {
        let under_traffic = traffic();
        tokio::time::sleep(Duration::from_millis(500)).await;
        redis.kill();
        assert_eq!(wait_until(&server, "degraded").await["redis"], "down");
        redis.restart();
        assert_eq!(wait_until(&server, "ready").await["redis"], "up");
        let slowest = under_traffic.await;
        assert!(slowest < bound, "{slowest:?} where {baseline:?} is usual");
    }
    let ended = server.stop();
    assert!(ended.log("ERROR").is_empty(), "{}", ended.stderr);
    let count = |message: &str| {
        let lines = [ended.log("WARN"), ended.log("INFO")].concat();
        lines
            .iter()
            .filter(|line| line["message"] == message)
            .count()
    };
    assert_eq!(count("Redis is away"), 2, "{}", ended.stderr);
    assert_eq!(count("Redis is back"), 2, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_process_that_starts_without_redis_finds_it_later() {
    let (place, mut redis) = (Place::new(), Redis::start());
    redis.kill();
    let server = launch(&place, "data", &redis).serve();
    assert_eq!(status(&server.root()).await, 200);
    assert_eq!(wait_until(&server, "degraded").await["redis"], "down");
    redis.restart();
    assert_eq!(wait_until(&server, "ready").await["redis"], "up");
    server.process.wait_for_log("Redis is back");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_without_redis_is_a_setting() {
    let wrong =
        |server: &Server| server.caller(crate::support::ROOT_ID, "a-wrong-secret-0123456789");
    let start = |place: &Place, down: &str| {
        let launch = place
            .bootstrapped()
            .with("REDIS_URL", "redis://127.0.0.1:1");
        let launch = launch.with("REDIS_DOWN", down);
        let limited = launch.with("RATE_LIMIT_MANAGE", "2/1h");
        limited.with("RATE_LIMIT_AUTH_FAILURES", "2/1h").serve()
    };
    for (down, expected, refused) in [
        ("local", [200, 200, 429], [401, 401, 429]),
        ("open", [200, 200, 200], [401, 401, 429]),
        ("closed", [503, 503, 503], [503, 503, 503]),
    ] {
        let place = Place::new();
        let server = start(&place, down);
        for (good, bad) in expected.into_iter().zip(refused) {
            assert_eq!(status(&server.root()).await, good, "{down}");
            assert_eq!(status(&wrong(&server)).await, bad, "{down}");
        }
        let reply = server.root().get("/manage/me").await;
        let limits = reply.headers.contains_key("x-ratelimit-limit");
        assert_eq!(limits, down == "local");
        assert_eq!(reply.headers.contains_key("retry-after"), down != "open");
        let state = if down == "closed" {
            "unavailable"
        } else {
            "degraded"
        };
        wait_until(&server, state).await;
    }
}

#[test]
fn a_wrong_url_is_refused_and_a_right_one_is_not_shown() {
    let place = Place::new();
    let url = "redis://:a-password-4711@localhost:x";
    let refused = place.paneld().with("REDIS_URL", url).run();
    refused.assert_refused(1, &["PANELD_REDIS_URL: its value must be redis://"]);
    assert!(!refused.stderr.contains("4711"));
    let file = place.write("url", "rediss+cluster://u:a-password-4711@a,b\n");
    let shown = place
        .bare()
        .with("REDIS_URL_FILE", &file)
        .args("config")
        .run();
    let shown = shown.output();
    assert!(
        shown.contains("redis_url = \"********\" # environment"),
        "{shown}"
    );
    assert!(!shown.contains("4711"));
    for (name, value, sentence) in [
        (
            "REDIS_DOWN",
            "maybe",
            "PANELD_REDIS_DOWN: \"maybe\" must be local, open or closed",
        ),
        (
            "REDIS_PREFIX",
            "a{b}",
            "PANELD_REDIS_PREFIX: \"a{b}\" must be 1 to 64 visible",
        ),
    ] {
        let refused = place.paneld().with(name, value).run();
        refused.assert_refused(1, &[sentence]);
    }
}
