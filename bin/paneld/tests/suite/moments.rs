//! When something happened, in all the ways in which programs write it: one reader for events,
//! imports, Manage and questions.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    shop::{Shop, text, track, view},
    support::START,
};

/// 2026-01-15T08:42:21Z in seconds.
const MORNING: u64 = 1_768_466_541;
/// The same moment as programs of all kinds write it.
const AS_TEXT: &[&str] = &[
    "2026-01-15T08:42:21Z",
    "2026-01-15T08:42:21.000Z",
    "2026-01-15t08:42:21z",
    "2026-01-15 08:42:21z",
    "2026-01-15 08:42:21",
    "2026-01-15 08:42:21.000000",
    "2026-01-15 08:42:21 UTC",
    "2026-01-15 08:42:21 +0000",
    "2026-01-15 08:42:21 +00:00",
    "2026-01-15 08:42:21.000000000 +0000 UTC",
    "2026-01-15 08:42:21+00",
    "2026-01-15 09:42:21 +0100",
    "2026-01-15 03:42:21-05",
    "2026-01-15T14:12:21+05:30",
    "2026-01-15T08:42:21-00:00",
];
const SHOWN: &str = "2026-01-15T08:42:21.000Z";

/// The moments of all events, in order.
async fn moments(shop: &Shop) -> Vec<String> {
    let events = shop.events().await;
    let moments = events.iter().map(|event| text(&event["createdAt"]));
    moments.collect()
}

async fn import(shop: &Shop, created_at: Json) -> crate::support::Reply {
    let rows = json!([{"name": "x", "created_at": created_at}]);
    shop.backend.post("/import/events", rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_moment_is_read_alike_wherever_it_is_written() {
    let shop = Shop::open().await;
    let mut sent = 0;
    let numbers = [
        json!(MORNING),
        json!(MORNING as f64 + 0.000_9),
        json!(MORNING * 1_000),
        json!((MORNING * 1_000) as f64 + 0.9),
    ];
    for told in AS_TEXT.iter().map(|text| json!(text)).chain(numbers) {
        let reserved = json!({"name": "x", "properties": {"__timestamp": told}});
        let beside = json!({"name": "x", "timestamp": told});
        for payload in [reserved, beside] {
            let reply = track(&shop.backend, payload).await;
            assert_eq!(reply.status, 200, "{told}: {}", reply.text);
            sent += 1;
        }
        let reply = import(&shop, told.clone()).await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
        sent += 1;
    }
    assert_eq!(moments(&shop).await, vec![SHOWN; sent]);

    let root = shop.server.root();
    for told in AS_TEXT {
        let body = json!({"projectId": "shop", "title": "T", "datetime": told});
        let made = root.post("/manage/references", body).await;
        assert_eq!(made.data()["datetime"], SHOWN, "{told}");
        let body = json!({"name": "C", "projectId": "shop", "expiresAt": told});
        let made = root.post("/manage/clients", body).await;
        assert_eq!(made.data()["expiresAt"], SHOWN, "{told}");
        // The one second has all of them.
        let count = |since: &str, until: &str| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("projectId", "shop"), ("since", since), ("until", until)])
                .finish();
            let (root, path) = (root.clone(), format!("/v1/events/count?{query}"));
            async move { root.get(&path).await }
        };
        let reply = count(told, told).await;
        assert_eq!(reply.body["count"], sent, "{told}: {}", reply.text);
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_its_arrival_where_its_time_cannot_be() {
    let shop = Shop::open().await;
    let mut sent = 0;
    for told in [
        // What Go, .NET, C and JavaScript say when they do not know.
        "\"0001-01-01T00:00:00Z\"",
        "\"1970-01-01T00:00:00.000Z\"",
        "0",
        "-62135596800",
        "-62135596800000",
        "\"1999-12-31T23:59:59.999Z\"",
        "\"1999-12-31 23:59:59 UTC\"",
        "946684799",
        "946684799.999",
        // Milliseconds before 2001 are no seconds either.
        "946684800000",
        "\"2026-01-15T10:31:00.001Z\"",
        "\"2027-01-15\"",
        "\"Thu, 15 Jan 2026 08:42:21 GMT\"",
        "\"15/01/2026 08:42\"",
        "\"2026-01-15T08:42:21 CET\"",
        "\"1768466541\"",
        "\"2026-01-15T08:42\\u0000:21Z\"",
        "true",
    ] {
        let body = format!(
            r#"{{"type": "track", "payload": {{"name": "x",
                "properties": {{"__timestamp": {told}, "kept": "yes"}}}}}}"#
        );
        let reply = shop.backend.send_text(Method::POST, "/track", &body).await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
        sent += 1;
    }
    let events = shop.events().await;
    assert_eq!(events.len(), sent);
    for event in events {
        assert_eq!(event["createdAt"], START, "{event}");
        assert_eq!(event["properties"]["kept"], "yes");
    }
    for (told, shown) in [
        (json!("2000-01-01T00:00:00Z"), "2000-01-01T00:00:00.000Z"),
        (json!("2000-01-01"), "2000-01-01T00:00:00.000Z"),
        (json!(946_684_800), "2000-01-01T00:00:00.000Z"),
        (json!(978_307_200_000_u64), "2001-01-01T00:00:00.000Z"),
        (json!("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000Z"),
        (json!("2026-01-15T10:31:00Z"), "2026-01-15T10:31:00.000Z"),
    ] {
        let name = format!("at {told}");
        let payload = json!({"name": name, "properties": {"__timestamp": told}});
        assert_eq!(track(&shop.backend, payload).await.status, 200);
        let events = shop.events().await;
        let event = events.iter().find(|event| event["name"] == name.as_str());
        assert_eq!(event.unwrap()["createdAt"], shown, "{told}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_names_the_rows_whose_times_cannot_be() {
    let shop = Shop::open().await;
    let row = |told: Json| json!({"name": "x", "created_at": told});
    let wrong = [
        (
            json!("0001-01-01 00:00:00"),
            "must not be before 2000-01-01",
        ),
        (
            json!("1999-12-31 23:59:59.999"),
            "must not be before 2000-01-01",
        ),
        (json!(0), "must not be before 2000-01-01"),
        (json!(-1), "must not be before 2000-01-01"),
        (
            json!("9999-12-31T23:59:59.999Z"),
            "must not be more than a day in the future",
        ),
        (
            json!("2026-01-16T10:30:00.001Z"),
            "must not be more than a day in the future",
        ),
        (
            json!(253_402_300_799_999_u64),
            "must not be more than a day in the future",
        ),
        (json!("yesterday"), "must be a date-time"),
        (json!("1768466541"), "must be a date-time"),
        (json!(946_684_800_000_u64), "must be a date-time"),
        (json!(true), "must be a date-time"),
        (json!(null), "must be a date-time"),
    ];
    let good = row(json!("2026-01-15 08:42:21"));
    let rows = wrong.iter().map(|(told, _)| row(told.clone()));
    let rows = std::iter::once(good.clone())
        .chain(rows)
        .collect::<Vec<_>>();
    let reply = shop.backend.post("/import/events", json!(rows)).await;
    let paths = (1..rows.len()).map(|place| json!([place, "created_at"]));
    reply.assert_invalid_body(&paths.collect::<Vec<_>>());
    for (detail, (told, why)) in reply.body["details"].as_array().unwrap().iter().zip(&wrong) {
        let message = text(&detail["message"]);
        assert!(message.starts_with(why), "{told}: {message}");
    }
    assert!(moments(&shop).await.is_empty());
    for told in ["2000-01-01 00:00:00", "2026-01-16T10:30:00Z"] {
        let reply = import(&shop, json!(told)).await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
    }
    let expected = ["2000-01-01T00:00:00.000Z", "2026-01-16T10:30:00.000Z"];
    assert_eq!(moments(&shop).await, expected);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_here_now_who_comes_tomorrow() {
    let shop = Shop::open().await;
    let live = || async {
        shop.server.settle().await;
        let reply = shop.server.root().get("/insights/shop/live").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["visitors"].as_u64().unwrap()
    };
    let rows = ["2026-01-16T10:30:00Z", "2026-01-15T10:36:00Z"];
    for (device, told) in rows.into_iter().enumerate() {
        let rows = json!([{"name": "x", "created_at": told, "device_id": format!("d{device}")}]);
        assert_eq!(shop.backend.post("/import/events", rows).await.status, 200);
    }
    assert_eq!(live().await, 0);
    view(&shop.browser, "/").await;
    assert_eq!(live().await, 1);
    // Five minutes later the visitor is gone; a minute after that somebody else is there.
    shop.server.advance(Duration::from_secs(301));
    assert_eq!(live().await, 0);
    shop.server.advance(Duration::from_secs(60));
    assert_eq!(live().await, 1);
    shop.server.stop().await;
}
