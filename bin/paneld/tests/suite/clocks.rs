//! Clocks that were wrong: what they leave behind is put right, and nobody's visits suffer for long.

use std::{collections::HashSet, time::Duration};

use paneld_domain::{Timestamp, parse_timestamp};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value as Json, json};

use crate::{
    shop::{MINUTE, Shop, text, track, view},
    support::START,
};

fn moment(text: &str) -> Timestamp {
    parse_timestamp(text).unwrap()
}

/// The sessions of a shop, oldest first.
async fn sessions(shop: &Shop) -> Vec<Json> {
    shop.server.settle().await;
    let path = "/insights/shop/sessions?limit=100&startDate=2020-01-01&endDate=2040-01-01";
    let reply = shop.server.root().get(path).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_keeps_nobodys_device_or_session() {
    let shop = Shop::open().await;
    let before = view(&shop.browser, "/before").await.body;
    shop.server.set_clock(moment("2031-03-01T12:00:00Z")).await;
    let ahead = view(&shop.browser, "/ahead").await.body;
    assert_ne!(ahead["deviceId"], before["deviceId"]);
    let told = json!({"name": "screen_view", "properties": {"__deviceId": "phone"}});
    let phone_ahead = track(&shop.browser, told.clone()).await.body;

    // Corrected: the same day is the same device again; and the next one is another.
    shop.server.set_clock(moment(START) + 2 * MINUTE).await;
    let after = view(&shop.browser, "/after").await.body;
    assert_eq!(after["deviceId"], before["deviceId"]);
    let phone_after = track(&shop.browser, told).await.body;
    assert_eq!(phone_after["deviceId"], "phone");
    assert_ne!(phone_after["sessionId"], phone_ahead["sessionId"]);
    shop.server.set_clock(moment("2026-01-16T10:00:00Z")).await;
    let tomorrow = view(&shop.browser, "/tomorrow").await.body;
    assert_ne!(tomorrow["deviceId"], before["deviceId"]);
    shop.server.set_clock(moment("2026-01-17T10:00:00Z")).await;

    let rows = sessions(&shop).await;
    let ids = rows
        .iter()
        .map(|row| text(&row["id"]))
        .collect::<HashSet<_>>();
    assert_eq!(ids.len(), rows.len());
    for row in &rows {
        assert!(row["duration"].as_u64().unwrap() <= 120_000, "{row}");
    }
    let metrics = shop.server.root().get("/insights/shop/metrics").await.body;
    let duration = &metrics["metrics"]["avg_session_duration"];
    assert!(duration.as_f64().unwrap() <= 120.0, "{metrics}");
    shop.server.stop().await;
}

/// The clock was ahead when the server started, and is corrected before it starts again.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_at_the_start_is_put_right_at_the_next() {
    let shop = Shop::open().await;
    shop.server.set_clock(moment("2031-03-01T12:00:00Z")).await;
    let ahead = view(&shop.browser, "/ahead").await.body;
    let Shop {
        server, browser, ..
    } = shop;
    server.set_time(moment(START));
    let server = server.restart().await;
    let browser = browser.at(&server);
    let first = view(&browser, "/first").await.body;
    assert_ne!(first["deviceId"], ahead["deviceId"]);
    assert_ne!(first["sessionId"], ahead["sessionId"]);
    server.set_clock(moment("2026-01-16T10:30:00Z")).await;
    let second = view(&browser, "/second").await.body;
    assert_ne!(second["deviceId"], first["deviceId"]);
    server.stop().await;
}

/// Somewhere the clock jumps to: so many minutes, forward or back, but never by a little.
fn jumps() -> impl Strategy<Value = Vec<i64>> {
    let near = 40_i64..300;
    let far = 1_440_i64..4_000_000;
    let jump = prop_oneof![near, far];
    vec((jump, any::<bool>()), 1..7).prop_map(|jumps| {
        let signed = jumps.into_iter();
        signed
            .map(|(minutes, back)| if back { -minutes } else { minutes })
            .collect()
    })
}

/// Whatever the clock does: each visit is a session of its own, as long as it was, and a device id
/// is that of one day.
#[test]
fn clocks_that_jump_both_ways_make_no_long_sessions() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 6,
        ..Config::default()
    });
    let result = runner.run(&jumps(), |jumps| {
        runtime.block_on(visit_between(jumps));
        Ok(())
    });
    result.unwrap();
}

async fn visit_between(jumps: Vec<i64>) {
    let shop = Shop::open().await;
    let mut now = moment(START);
    let (mut visits, mut days) = (HashSet::new(), std::collections::HashMap::new());
    for minutes in std::iter::once(0).chain(jumps) {
        let there = now + chrono::TimeDelta::minutes(minutes);
        // What is before 2001 cannot be told from seconds.
        if there > moment("2005-01-01") {
            now = there;
            shop.server.set_clock(now).await;
        } else {
            continue;
        }
        let first = view(&shop.browser, "/first").await.body;
        shop.server.advance(MINUTE);
        now += MINUTE;
        let second = view(&shop.browser, "/second").await.body;
        assert_eq!(first["sessionId"], second["sessionId"]);
        assert!(
            visits.insert(text(&first["sessionId"])),
            "{minutes}: {first}"
        );
        if first["deviceId"] == second["deviceId"] {
            let day = days
                .entry(text(&first["deviceId"]))
                .or_insert(now.date_naive());
            let apart = (now.date_naive() - *day).num_days().abs();
            assert!(apart <= 1, "{first} on {day} and {now}");
        }
    }
    shop.server.settle().await;
    let path = "/export/events?projectId=shop&limit=1000&event=session_end";
    let reply = shop.server.root().get(path).await;
    for end in reply.data().as_array().unwrap() {
        assert_eq!(end["duration"], 60_000, "{end}");
    }
    shop.server.stop().await;
}

/// A phone, then a laptop: nothing of the phone is left at the laptop.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_has_one_device_and_one_referrer() {
    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
                         (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
    let shop = Shop::open().await;
    let id = shop.client["id"].as_str().unwrap();
    let anonymous = shop.server.anonymous();
    let phone = anonymous
        .with_header("openpanel-client-id", id)
        .with_header("origin", "https://shop.example")
        .with_header("user-agent", PHONE)
        .with_header("x-client-ip", "198.51.100.9");
    let payload = |referrer: &str| {
        json!({"name": "screen_view", "profileId": "anna",
            "properties": {"__path": "https://shop.example/", "__referrer": referrer}})
    };
    let reply = track(&phone, payload("https://www.google.com/")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let properties = shop.profile("anna").await["properties"].clone();
    assert_eq!(properties["brand"], "Apple", "{properties}");
    assert_eq!(properties["referrer_name"], "Google", "{properties}");
    track(&shop.browser, payload("https://unheard-of.example/")).await;
    let properties = shop.profile("anna").await["properties"].clone();
    assert_eq!(properties["os"], "Windows", "{properties}");
    for gone in ["brand", "model"] {
        assert_eq!(properties[gone], Json::Null, "{properties}");
    }
    assert_ne!(properties["referrer_name"], "Google", "{properties}");
    assert_ne!(properties["referrer_type"], "search", "{properties}");
    shop.server.stop().await;
}

/// `last_seen` goes with the visit, and is exact when it is over.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_last_seen_when_the_visit_ends() {
    let shop = Shop::open().await;
    let payload = |page: &str| {
        json!({"name": "screen_view", "profileId": "anna",
        "properties": {"__path": format!("https://shop.example{page}")}})
    };
    let last_seen = async || text(&shop.profile("anna").await["last_seen_at"]);
    // Ten views, each 25 minutes after the one before: one visit.
    let mut now = moment(START);
    for number in 0..10 {
        if number > 0 {
            shop.server.advance(25 * MINUTE);
            now += 25 * MINUTE;
        }
        let reply = track(&shop.browser, payload(&format!("/{number}"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let behind = now - moment(&last_seen().await);
        assert!(behind <= chrono::TimeDelta::minutes(5), "{behind}");
    }
    // A view that alone would not be told, shortly before the end.
    shop.server.advance(Duration::from_secs(70));
    now += Duration::from_secs(70);
    track(&shop.browser, payload("/last")).await;
    let behind = now - moment(&last_seen().await);
    assert!(behind <= chrono::TimeDelta::minutes(5), "{behind}");
    shop.server.advance(31 * MINUTE);
    shop.server.end_idle_sessions().await;
    assert_eq!(moment(&last_seen().await), now);

    // The end of a visit makes nobody who was forgotten.
    track(&shop.browser, payload("/again")).await;
    shop.server.settle().await;
    let erased = shop
        .server
        .root()
        .delete("/manage/projects/shop/profiles/anna")
        .await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    shop.server.advance(31 * MINUTE);
    shop.server.end_idle_sessions().await;
    shop.server.settle().await;
    let gone = shop.server.root().get("/insights/shop/profiles/anna").await;
    assert_eq!(gone.status, 404, "{}", gone.text);
    shop.server.stop().await;
}
