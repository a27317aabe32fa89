//! Files of programs before this one: what is in them is read, also what waits in the spool.
//!
//! Each folder below `tests/fixtures/old_files` was made by the program that it is named after,
//! with [`make`]; its README says how. What that program answered of its files is beside them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};

use crate::{
    backends::Backends,
    shop::{CHROME, MINUTE, ORIGIN, Shop, send, track, view},
    support::{Caller, TestServer},
};

const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const APP: &str = "Shop/1 CFNetwork/1410.0.3 Darwin/22.6.0";

/// The files of a data folder.
const FILES: [&str; 3] = ["catalog.sqlite", "events.duckdb", "spool.redb"];

/// What is asked of them.
const QUESTIONS: [&str; 9] = [
    "/export/events?projectId=shop&limit=1000&includes=properties,origin,referrer,referrerName,\
     revenue,device,groups",
    "/insights/shop/sessions?limit=100",
    "/insights/shop/profiles/ada",
    "/insights/shop/profiles/bea",
    "/insights/shop/profiles/also-bea",
    "/insights/shop/groups",
    "/insights/shop/metrics?range=custom&startDate=2026-01-14&endDate=2026-01-16",
    "/manage/projects",
    "/manage/audit",
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/old_files")
}

/// A visitor with this user agent.
fn visitor(server: &TestServer, client: &Json, agent: &str) -> Caller {
    server
        .anonymous()
        .with_header("openpanel-client-id", client["id"].as_str().unwrap())
        .with_header("origin", ORIGIN)
        .with_header("user-agent", agent)
        .with_header("x-client-ip", "198.51.100.7")
}

/// Sends something of each kind that a record can hold.
async fn send_everything(shop: &Shop, number: u32, profile: &str) {
    let Shop {
        browser, backend, ..
    } = shop;
    view(browser, &format!("/{number}?utm_source=news#top")).await;
    view(browser, &format!("/{number}/more")).await;
    let signup = json!({"name": "signup", "profileId": profile, "groups": ["acme"],
        "properties": {"plan": "pro", "cart": {"items": [number]}, "__referrer": "https://duckduckgo.com/"}});
    let revenue =
        json!({"name": "revenue", "profileId": profile, "properties": {"__revenue": 990}});
    let past = json!({"name": "past", "properties": {"__timestamp": "2026-01-15T08:00:00Z"}});
    let repeated = json!({"name": "once",
        "eventId": format!("00000000-0000-4000-8000-{number:012}")});
    let identify = json!({"profileId": profile, "firstName": profile, "email": "ada@shop.example",
        "properties": {"visits": number}});
    let group = json!({"id": "acme", "type": "company", "name": format!("Acme {number}"),
        "properties": {"seats": number}});
    let chunk = json!({"chunk_index": number, "events_count": 1, "is_full_snapshot": true,
        "started_at": "2026-01-15T10:30:00Z", "ended_at": "2026-01-15T10:30:01Z",
        "payload": "[]"});
    let add = json!({"profileId": profile, "property": "visits", "value": 2});
    let alias = json!({"profileId": profile, "alias": format!("also-{profile}")});
    let join = json!({"profileId": profile, "groupIds": ["acme", "guild"]});
    for (caller, kind, payload) in [
        (browser, "track", signup),
        (backend, "track", revenue),
        (browser, "track", past),
        (backend, "track", repeated),
        (browser, "identify", identify),
        (backend, "group", group),
        (browser, "replay", chunk),
        (backend, "increment", add),
        (backend, "alias", alias),
        (backend, "assign_group", join),
    ] {
        let reply = send(caller, kind, payload).await;
        assert_eq!(reply.status, 200, "{kind}: {}", reply.text);
    }
    let bot = visitor(&shop.server, &shop.client, BOT);
    let seen = json!({"name": "screen_view", "properties": {"__path": "/bot"}});
    assert_eq!(track(&bot, seen).await.status, 202);
    let row = |minute: u32| {
        json!({"name": "screen_view", "device_id": format!("old {number}"), "path": format!("/{minute}"),
            "created_at": format!("2026-01-14 08:{minute:02}:00.000"), "properties": {}})
    };
    let rows = Json::from((0..3).map(row).collect::<Vec<_>>());
    let imported = backend.post("/import/events?sessions=true", rows).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
}

async fn answers(server: &TestServer) -> Vec<Json> {
    server.settle().await;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let reply = server.root().get(question).await;
        assert_eq!(reply.status, 200, "{question}: {}", reply.text);
        answers.push(reply.body);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes the files of this program, for later ones"]
async fn make() {
    // `cargo xtask test` runs what is ignored, too, and must not write into the checkout.
    if std::env::var_os("PANELD_TEST_MAKE_OLD_FILES").is_none() {
        return;
    }
    let server = TestServer::start_on(Backends::of_this_process(), &[]).await;
    let shop = Shop::open_on(server, json!({"allowUnsafeRevenueTracking": true})).await;
    send_everything(&shop, 1, "ada").await;
    shop.server.settle().await;
    // From here on, everything waits in the spool.
    let data = shop.server.folder().join("data");
    let nowhere = format!("duckdb:{}", data.join("nowhere/events.duckdb").display());
    let Shop { server, client, .. } = shop;
    let server = server.restart_with(&[("EVENTS_URL", &nowhere)]).await;
    let shop = Shop {
        browser: visitor(&server, &client, CHROME),
        backend: server.caller_of(&client).with_header("user-agent", "node"),
        client,
        server,
    };
    shop.server.advance(MINUTE);
    send_everything(&shop, 2, "bea").await;
    let other = visitor(&shop.server, &shop.client, APP);
    let other = view(&other, "/other").await.body;
    let live = view(&shop.browser, "/live").await.body;

    // As the process would leave it when it is killed.
    let taken = tempfile::tempdir().unwrap();
    fs::copy(data.join("spool.redb"), taken.path().join("spool.redb")).unwrap();
    let Shop { server, client, .. } = shop;
    let there = format!("duckdb:{}", data.join("events.duckdb").display());
    let server = server.restart_with(&[("EVENTS_URL", &nowhere)]).await;
    let server = {
        fs::copy(
            data.join("events.duckdb"),
            taken.path().join("events.duckdb"),
        )
        .unwrap();
        assert!(!data.join("events.duckdb.wal").exists());
        let catalog = taken.path().join("catalog.sqlite");
        fs::copy(data.join("catalog.sqlite"), catalog).unwrap();
        let wal = data.join("catalog.sqlite-wal");
        assert!(fs::metadata(wal).map_or(0, |wal| wal.len()) == 0);
        server.restart_with(&[("EVENTS_URL", &there)]).await
    };
    let made = json!({
        "client": client,
        "live": live,
        "other": other,
        "answers": answers(&server).await,
    });
    server.stop().await;

    let folder = fixtures().join("new");
    fs::create_dir_all(&folder).unwrap();
    for name in FILES {
        let file = fs::read(taken.path().join(name)).unwrap();
        let packed = zstd::encode_all(&*file, 19).unwrap();
        fs::write(folder.join(format!("{name}.zst")), packed).unwrap();
    }
    let made = serde_json::to_string_pretty(&made).unwrap();
    fs::write(folder.join("made.json"), made).unwrap();
}

/// A folder whose data folder has the files of a fixture.
fn unpack(fixture: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in FILES {
        let packed = fs::read(fixture.join(format!("{name}.zst"))).unwrap();
        fs::write(data.join(name), zstd::decode_all(&*packed).unwrap()).unwrap();
    }
    folder
}

/// Demands that everything is there that was there before; there may be more.
fn assert_there(now: &Json, before: &Json, at: &str) {
    match (now, before) {
        (Json::Object(now), Json::Object(before)) => {
            for (key, before) in before {
                let now = now.get(key).unwrap_or(&Json::Null);
                assert_there(now, before, &format!("{at}/{key}"));
            }
        }
        (Json::Array(now), Json::Array(before)) => {
            assert_eq!(now.len(), before.len(), "{at}");
            for (index, (now, before)) in now.iter().zip(before).enumerate() {
                assert_there(now, before, &format!("{at}/{index}"));
            }
        }
        _ => assert_eq!(now, before, "{at}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_programs_before_are_read_with_what_waits_in_them() {
    let mut count = 0;
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let fixture = fixture.unwrap().path();
        if !fixture.is_dir() {
            continue;
        }
        count += 1;
        let made = fs::read_to_string(fixture.join("made.json")).unwrap();
        let made = serde_json::from_str::<Json>(&made).unwrap();
        let backends = Backends::of_this_process();
        let server = TestServer::start_in(unpack(&fixture), backends, &[]).await;
        server.advance(2 * MINUTE);
        let found = answers(&server).await;
        for ((question, now), before) in QUESTIONS
            .iter()
            .zip(found)
            .zip(made["answers"].as_array().unwrap())
        {
            assert_there(&now, before, question);
        }

        // Who was there is still there, and everything goes on.
        let client = made["client"].clone();
        for (agent, page, before) in [
            (CHROME, "/again", &made["live"]),
            (APP, "/again-by-app", &made["other"]),
        ] {
            let seen = view(&visitor(&server, &client, agent), page).await;
            assert_eq!(seen.body, *before);
        }
        let shop = Shop {
            browser: visitor(&server, &client, CHROME),
            backend: server.caller_of(&client).with_header("user-agent", "node"),
            client,
            server,
        };
        // What was sent before with an id is not taken twice.
        let events = shop.events().await.len();
        let repeated = json!({"name": "once", "eventId": "00000000-0000-4000-8000-000000000002"});
        assert_eq!(track(&shop.backend, repeated).await.status, 200);
        assert_eq!(shop.events().await.len(), events);
        send_everything(&shop, 3, "ada").await;
        assert!(shop.events().await.len() > events);
        let server = shop.server.restart().await;
        server.settle().await;
        server.stop().await;
    }
    assert!(count > 0, "there are no fixtures");
}
