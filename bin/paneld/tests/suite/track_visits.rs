//! What a visit is counted as in the end, beside its events: `docs/contract/track.md` §5.5 and §10.

use serde_json::{Value as Json, json};

use crate::shop::{MINUTE, Shop, text, track, view};

/// The key figures of the day of all tests.
async fn figures(shop: &Shop) -> Json {
    shop.server.settle().await;
    let path = "/insights/shop/metrics?startDate=2026-01-15&endDate=2026-01-15";
    let reply = shop.server.root().get(path).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.body["metrics"].clone()
}

async fn end_sessions(shop: &Shop) {
    shop.server.advance(31 * MINUTE);
    shop.server.end_idle_sessions().await;
}

async fn end_of_session(shop: &Shop) -> Json {
    let events = shop.events().await;
    let mut ends = events
        .into_iter()
        .filter(|event| event["name"] == "session_end");
    let end = ends.next().unwrap();
    assert_eq!(ends.next(), None);
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_counted_while_the_visit_lasts_and_once() {
    let shop = Shop::open().await;
    for (views, page) in (1_u64..).zip(["/", "/pricing", "/about"]) {
        view(&shop.browser, page).await;
        let figures = figures(&shop).await;
        assert_eq!(figures["total_sessions"], 1);
        assert_eq!(figures["unique_visitors"], 1);
        assert_eq!(figures["total_screen_views"], views);
        let bounce_rate = if views == 1 { 100.0 } else { 0.0 };
        assert_eq!(figures["bounce_rate"].as_f64(), Some(bounce_rate));
        shop.server.advance(MINUTE);
    }
    let live = figures(&shop).await;
    assert_eq!(live["avg_session_duration"].as_f64(), Some(120.0));
    for _ in 0..2 {
        end_sessions(&shop).await;
        assert_eq!(figures(&shop).await, live);
    }
    assert_eq!(end_of_session(&shop).await["duration"], 120_000);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_without_a_page_has_none() {
    let shop = Shop::open().await;
    let reply = track(&shop.browser, json!({"name": "opened"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    end_sessions(&shop).await;
    assert_eq!(
        shop.names().await,
        ["session_start", "opened", "session_end"]
    );
    assert_eq!(
        end_of_session(&shop).await["properties"]["__bounce"],
        "true"
    );
    let figures = figures(&shop).await;
    assert_eq!(figures["total_sessions"], 1);
    assert_eq!(figures["total_screen_views"], 0);
    assert_eq!(figures["bounce_rate"].as_f64(), Some(100.0));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_tells_joins_the_visit_and_changes_it_not() {
    let shop = Shop::open().await;
    view(&shop.browser, "/").await;
    track(
        &shop.browser,
        json!({"name": "signup", "profileId": "anna"}),
    )
    .await;
    let before = figures(&shop).await;
    shop.server.advance(10 * MINUTE);
    let payload = json!({"name": "revenue", "profileId": "anna",
        "properties": {"__revenue": 500, "__path": "https://shop.example/elsewhere"}});
    track(&shop.backend, payload).await;
    let payload = json!({"name": "screen_view", "profileId": "anna",
        "properties": {"__path": "https://shop.example/elsewhere"}});
    track(&shop.backend, payload).await;
    // Somebody who visits nothing has nothing to join.
    track(&shop.backend, json!({"name": "mailed", "profileId": "ben"})).await;

    let after = figures(&shop).await;
    for unchanged in [
        "total_sessions",
        "unique_visitors",
        "bounce_rate",
        "avg_session_duration",
        "total_screen_views",
    ] {
        assert_eq!(after[unchanged], before[unchanged], "{unchanged}");
    }
    let events = shop.events().await;
    let named = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
    let start = named("session_start");
    let revenue = named("revenue");
    assert_eq!(revenue["sessionId"], start["sessionId"]);
    assert_eq!(revenue["deviceId"], start["deviceId"]);
    assert_eq!(revenue["path"], "/");
    let mailed = named("mailed");
    assert_eq!(
        (text(&mailed["sessionId"]), text(&mailed["deviceId"])),
        (String::new(), String::new())
    );
    assert_eq!(mailed["device"], "server");

    // Nor does it keep the visit going.
    shop.server.advance(20 * MINUTE);
    shop.server.end_idle_sessions().await;
    let end = end_of_session(&shop).await;
    assert_eq!(end["profileId"], "anna");
    assert_eq!(end["duration"], 0);
    assert_eq!(end["path"], "/");
    assert_eq!(end["revenue"], 0);
    assert_eq!(end["properties"], json!({"__bounce": "true"}));
    shop.server.stop().await;
}
