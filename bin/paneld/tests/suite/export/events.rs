//! Raw events: pages, cursors and counts.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::Shop;

const EVENTS: &str = "/export/events";

/// An event of this number, so many seconds after noon.
fn event(number: u64, name: &str, second: u64) -> Json {
    json!({"id": id(number), "name": name, "device_id": "d", "profile_id": "d",
        "created_at": format!("2026-01-10 12:{:02}:{:02}.000", second / 60, second % 60)})
}

fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn ids(body: &Json) -> Vec<String> {
    let events = body["data"].as_array().unwrap().iter();
    events
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_parts_of_one_list() {
    let shop = Shop::open().await;
    let events: Vec<_> = (0..7)
        .map(|number| event(number, "x", number / 2))
        .collect();
    shop.import(&events).await;
    let expected = [6, 4, 5, 2, 3, 0, 1].map(id);
    let all = shop.answer(EVENTS, &[]).await;
    assert_eq!(ids(&all), expected);
    let meta = json!({"count": 7, "totalCount": 7, "pages": 1, "current": 1, "nextCursor": null});
    assert_eq!(all["meta"], meta);
    let page = shop.answer(EVENTS, &[("limit", "3"), ("page", "2")]).await;
    assert_eq!(ids(&page), expected[3..6]);
    let (count, pages, current) = (
        &page["meta"]["count"],
        &page["meta"]["pages"],
        &page["meta"]["current"],
    );
    assert_eq!((count, pages, current), (&json!(3), &json!(3), &json!(2)));
    // Numbers out of bounds are the nearest in bounds.
    let first = shop.answer(EVENTS, &[("limit", "-5"), ("page", "0")]).await;
    assert_eq!(
        (ids(&first), &first["meta"]["current"]),
        (vec![id(6)], &json!(1))
    );
    let all = shop.answer(EVENTS, &[("limit", "5000")]).await;
    assert_eq!(ids(&all).len(), 7);
    let none = shop.answer(EVENTS, &[("page", "9")]).await;
    assert_eq!(
        (ids(&none), &none["meta"]["totalCount"]),
        (vec![], &json!(7))
    );
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_meets_every_event_once_while_others_come() {
    let shop = Shop::open().await;
    let present: Vec<_> = (0..20)
        .map(|number| event(number, "x", number / 3))
        .collect();
    shop.import(&present).await;
    let mut met = Vec::new();
    let mut cursor = None::<String>;
    for round in 0.. {
        let mut parameters = vec![("limit", "3"), ("range", "7d")];
        if let Some(cursor) = &cursor {
            parameters.push(("cursor", cursor));
        }
        let part = shop.answer(EVENTS, &parameters).await;
        assert_eq!(part["meta"].get("current").is_some(), cursor.is_none());
        met.extend(ids(&part));
        cursor = part["meta"]["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        // Some are older than what was met, and some are of the same moment.
        let late = [
            event(100 + round, "x", round % 7),
            event(200 + round, "x", 59),
            event(300 + round, "x", 0),
        ];
        shop.import(&late).await;
        // The range is another one by now.
        shop.server.advance(std::time::Duration::from_secs(86_400));
    }
    let unique: BTreeSet<_> = met.iter().cloned().collect();
    assert_eq!(unique.len(), met.len(), "{met:?}");
    let of_beginning = (0..20).map(id).collect::<BTreeSet<_>>();
    assert!(unique.is_superset(&of_beginning), "{met:?}");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_none_that_was_tampered_with() {
    let shop = Shop::open().await;
    shop.import(&[event(1, "x", 1), event(2, "x", 2)]).await;
    let first = shop.answer(EVENTS, &[("limit", "1")]).await;
    let cursor = first["meta"]["nextCursor"].as_str().unwrap();
    for place in 0..cursor.len() {
        for letter in ["A", "_", "9", "!"] {
            let mut wrong = cursor.to_owned();
            wrong.replace_range(place..=place, letter);
            let reply = shop
                .get(EVENTS, &[("limit", "1"), ("cursor", &wrong)])
                .await;
            assert!(
                matches!(reply.status.as_u16(), 200 | 400),
                "{wrong}: {}",
                reply.text
            );
        }
    }
    for wrong in ["", "x", &cursor[1..], &cursor[..cursor.len() - 3]] {
        shop.refuses(EVENTS, &[("cursor", wrong)], &[json!(["cursor"])])
            .await;
    }
    let beside = [("cursor", cursor), ("page", "2")];
    shop.refuses(EVENTS, &beside, &[json!(["page"])]).await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_chosen_by_window_name_and_filters() {
    let shop = Shop::open().await;
    let mut events: Vec<_> = (0..6)
        .map(|number| event(number, "x", number * 60))
        .collect();
    events[1]["name"] = json!("y");
    events[2]["properties"] = json!({"plan": "pro"});
    shop.import(&events).await;
    let filter = json!([{"name": "properties.plan", "operator": "is", "value": ["pro"]}]);
    let filter = filter.to_string();
    for (parameters, expected) in [
        (vec![("event", "y")], vec![1]),
        (vec![("event", r#"["x","y"]"#), ("limit", "1")], vec![5]),
        (vec![("filters", filter.as_str())], vec![2]),
        (vec![("start", "2026-01-10 12:04:00")], vec![5, 4]),
        (vec![("end", "2026-01-10T12:00:59Z")], vec![0]),
        (
            vec![
                ("startDate", "2026-01-10"),
                ("endDate", "2026-01-10"),
                ("limit", "2"),
            ],
            vec![5, 4],
        ),
        (vec![("start", "2026-01-10"), ("end", "2026-01-09")], vec![]),
        (vec![("range", "yesterday")], vec![]),
    ] {
        let reply = shop.get(EVENTS, &parameters).await;
        if parameters.contains(&("end", "2026-01-09")) {
            reply.assert_invalid_query(&[json!(["end"])]);
            continue;
        }
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        assert_eq!(ids(&reply.body), expected, "{parameters:?}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_come_on_demand() {
    let shop = Shop::open().await;
    let stored = json!({"id": id(1), "name": "x", "device_id": "d", "profile_id": "u",
        "session_id": "s", "created_at": "2026-01-10 12:00:00.125", "path": "/p",
        "country": "SE", "region": "Stockholm", "longitude": 18.0686, "latitude": -59.33,
        "groups": ["acme"], "properties": {"plan": "pro"}, "revenue": 250});
    shop.import(&[stored]).await;
    let plain = shop.answer(EVENTS, &[]).await;
    let expected = json!({"id": id(1), "name": "x", "deviceId": "d", "profileId": "u",
        "sessionId": "s", "projectId": "shop", "createdAt": "2026-01-10T12:00:00.125Z",
        "path": "/p", "country": "SE", "city": "", "os": "", "browser": "", "duration": 0,
        "groups": []});
    assert_eq!(plain["data"][0], expected);
    let includes = "groups,properties, region,longitude,latitude,revenue,profile,meta,nonsense";
    let full = shop.answer(EVENTS, &[("includes", includes)]).await;
    let event = &full["data"][0];
    for (name, value) in [
        ("groups", json!(["acme"])),
        ("properties", json!({"plan": "pro"})),
        ("region", json!("Stockholm")),
        ("longitude", json!(18.0686)),
        ("latitude", json!(-59.33)),
        ("revenue", json!(250)),
    ] {
        assert_eq!(event[name], value, "{name}");
    }
    // Nothing is known of this profile, and events of this name have no settings.
    let profile = json!({"id": "u", "email": "", "avatar": "", "firstName": "", "lastName": "",
        "isExternal": false, "properties": {}, "groups": [], "projectId": "shop",
        "createdAt": null, "lastSeenAt": null});
    assert_eq!(event["profile"], profile);
    assert_eq!(event.get("meta"), None);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let shop = Shop::open().await;
    for (parameter, value, path) in [
        ("limit", "1.5", json!(["limit"])),
        ("limit", "many", json!(["limit"])),
        ("page", "1.5", json!(["page"])),
        ("start", "yesterday", json!(["start"])),
        ("end", "2026-13-01", json!(["end"])),
        ("range", "90d", json!(["range"])),
        ("filters", "", json!(["filters"])),
        ("filters", "{}", json!(["filters"])),
        (
            "filters",
            r#"[{"name":"plan","operator":"is","value":["x"]}]"#,
            json!(["filters", 0, "name"]),
        ),
        ("format", "xml", json!(["format"])),
        ("cursor", "x", json!(["cursor"])),
    ] {
        shop.refuses(EVENTS, &[(parameter, value)], &[path]).await;
    }
    let stream = [("format", "csv"), ("page", "2")];
    shop.refuses(EVENTS, &stream, &[json!(["page"])]).await;
    for path in [EVENTS, "/export/charts", "/v1/events/count"] {
        let reply = shop.reader.get(path).await;
        reply.assert_invalid_query(&[json!(["projectId"])]);
        let reply = shop.reader.get(&format!("{path}?projectId=nowhere")).await;
        reply.assert_error(404, "Project not found");
        let reply = shop.writer.get(&format!("{path}?projectId=shop")).await;
        reply.assert_error(401, "Export: Client is not allowed to export");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted() {
    let shop = Shop::open().await;
    let events: Vec<_> = (0..6)
        .map(|number| event(number, "x", number * 60))
        .collect();
    shop.import(&events).await;
    shop.import(&[event(9, "y", 0)]).await;
    for (query, expected) in [
        ("", 7),
        ("&name=x", 6),
        ("&name=x&name=y", 7),
        ("&name=never", 0),
        ("&name=x&since=2026-01-10T12:04:00Z", 2),
        ("&until=2026-01-10T12:01:00Z", 3),
        ("&since=2026-01-10&until=2026-01-10", 7),
        ("&since=2026-01-11", 0),
    ] {
        for project in ["project_id", "projectId"] {
            let path = format!("/v1/events/count?{project}=shop{query}");
            let reply = shop.reader.get(&path).await;
            assert_eq!(
                reply.body,
                json!({"count": expected}),
                "{path}: {}",
                reply.text
            );
        }
    }
    for parameter in ["since", "until"] {
        shop.refuses(
            "/v1/events/count",
            &[(parameter, "x")],
            &[json!([parameter])],
        )
        .await;
    }
    shop.server.stop().await;
}
