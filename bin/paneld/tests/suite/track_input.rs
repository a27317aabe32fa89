//! What Track answers to what nobody should send: 4xx with the place of each problem, never 5xx,
//! and nothing of it is stored. `docs/contract/track.md` §7.3, `docs/contract/auth-and-limits.md`
//! §5.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    shop::{Shop, send, text, track},
    support::Reply,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Demands 400 with problems at these places.
fn assert_problems(reply: &Reply, places: &[&str]) {
    reply.assert_error(400, "Invalid request body");
    let told = reply.body["details"].as_array().unwrap();
    let mut told = told.iter().map(place).collect::<Vec<_>>();
    told.sort();
    let mut places = places.to_vec();
    places.sort_unstable();
    assert_eq!(told, places, "{}", reply.text);
}

/// The way to a problem, with slashes.
fn place(detail: &Json) -> String {
    let path = detail["path"].as_array().unwrap();
    let steps = path.iter().map(|step| match step {
        Json::String(key) => key.clone(),
        index => index.to_string(),
    });
    steps.collect::<Vec<_>>().join("/")
}

/// A valid payload of each type.
fn payloads() -> Vec<(&'static str, Json)> {
    vec![
        ("track", json!({"name": "x", "properties": {"a": 1}})),
        ("identify", json!({"profileId": "p", "firstName": "Anna"})),
        ("increment", json!({"profileId": "p", "property": "n"})),
        ("decrement", json!({"profileId": "p", "property": "n"})),
        ("alias", json!({"profileId": "p", "alias": "q"})),
        ("group", json!({"id": "g", "type": "t", "name": "n"})),
        ("assign_group", json!({"groupIds": ["g"], "profileId": "p"})),
        (
            "replay",
            json!({"chunk_index": 0, "events_count": 1, "is_full_snapshot": true,
                "started_at": "2026-01-15T10:29:00Z", "ended_at": "2026-01-15T10:29:01.5Z",
                "payload": "[]"}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_told_with_its_place() {
    let shop = Shop::open().await;
    let (text, number, flag, list, object) = (
        json!("x"),
        json!(-5),
        json!(true),
        json!([[]]),
        json!({"a": 1}),
    );
    let no_texts = [&number, &flag, &list, &object];
    let no_ids = [&flag, &list, &object];
    let no_numbers = [&text, &number, &flag, &list, &object];
    let no_lists = [&flag, &object];
    let no_properties = [&text, &number, &flag, &list];
    let no_flags = [&text, &number, &list, &object];
    let cases: &[(&str, &str, &[&Json])] = &[
        ("track", "name", &no_texts),
        ("track", "profileId", &no_ids),
        ("track", "properties", &no_properties),
        ("track", "eventId", &[&text, &number, &flag, &list, &object]),
        ("identify", "profileId", &no_ids),
        ("identify", "firstName", &no_texts),
        ("identify", "lastName", &no_texts),
        (
            "identify",
            "email",
            &[&text, &number, &flag, &list, &object],
        ),
        (
            "identify",
            "avatar",
            &[&text, &number, &flag, &list, &object],
        ),
        ("identify", "properties", &no_properties),
        ("increment", "profileId", &no_ids),
        ("increment", "property", &no_texts),
        ("increment", "value", &no_numbers),
        ("decrement", "value", &no_numbers),
        ("alias", "profileId", &no_ids),
        ("alias", "alias", &no_ids),
        ("group", "id", &no_ids),
        ("group", "type", &no_texts),
        ("group", "name", &no_texts),
        ("group", "properties", &no_properties),
        ("replay", "chunk_index", &no_numbers),
        ("replay", "events_count", &no_numbers),
        ("replay", "is_full_snapshot", &no_flags),
        ("replay", "started_at", &no_texts),
        ("replay", "ended_at", &no_texts),
        ("replay", "payload", &no_texts),
        ("replay", "sessionId", &no_texts),
    ];
    for (kind, field, wrong) in cases {
        for value in *wrong {
            let mut payload = payload_of(kind);
            payload[field] = (*value).clone();
            let reply = send(&shop.backend, kind, payload).await;
            let place = format!("payload/{field}");
            assert_eq!(reply.status, 400, "{kind} {field} {value}: {}", reply.text);
            assert_problems(&reply, &[&place]);
        }
    }
    for (kind, field) in [("track", "groups"), ("assign_group", "groupIds")] {
        for value in no_lists {
            let mut payload = payload_of(kind);
            payload[field] = value.clone();
            let reply = send(&shop.backend, kind, payload).await;
            assert_problems(&reply, &[&format!("payload/{field}/0")]);
        }
    }
    assert_eq!(shop.names().await, [""; 0]);
    shop.server.stop().await;
}

fn payload_of(kind: &str) -> Json {
    let mut all = payloads().into_iter();
    all.find(|(name, _)| *name == kind).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_required_is_missed_and_null_is_not_there() {
    let shop = Shop::open().await;
    for (kind, payload) in payloads() {
        let reply = send(&shop.backend, kind, payload.clone()).await;
        assert_eq!(reply.status, 200, "{kind}: {}", reply.text);
        assert!(reply.body["deviceId"].is_string() && reply.body["sessionId"].is_string());
        let required: &[&str] = match kind {
            "track" => &["name"],
            "identify" => &["profileId"],
            "increment" | "decrement" => &["profileId", "property"],
            "alias" => &["profileId", "alias"],
            "group" => &["id", "type", "name"],
            "assign_group" => &["groupIds"],
            _ => &[
                "chunk_index",
                "events_count",
                "is_full_snapshot",
                "started_at",
                "ended_at",
                "payload",
            ],
        };
        for field in required {
            let place = format!("payload/{field}");
            let mut null = payload.clone();
            null[field] = Json::Null;
            assert_problems(&send(&shop.backend, kind, null).await, &[&place]);
            let mut without = payload.clone();
            without.as_object_mut().unwrap().remove(*field);
            assert_problems(&send(&shop.backend, kind, without).await, &[&place]);
        }
        for field in ["eventId", "properties", "timestamp", "unheard of"] {
            let mut null = payload.clone();
            null[field] = Json::Null;
            let reply = send(&shop.backend, kind, null).await;
            assert_eq!(reply.status, 200, "{kind} {field}: {}", reply.text);
        }
    }
    let missing = json!({"type": "track"});
    let reply = shop.backend.post("/track", missing).await;
    assert_eq!(reply.status, 400, "{}", reply.text);
    for kind in [
        json!(null),
        json!(1),
        json!(["track"]),
        json!("Track"),
        json!(""),
    ] {
        let body = json!({"type": kind, "payload": {"name": "x"}});
        assert_problems(&shop.backend.post("/track", body).await, &["type"]);
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_their_limits() {
    let shop = Shop::open().await;
    let revenue = |told: &str| {
        format!(
            r#"{{"type": "track", "payload": {{"name": "revenue", "properties": {{"__revenue": {told}}}}}}}"#
        )
    };
    for told in [
        "1.5",
        "-1",
        "\"\"",
        "\"5.5\"",
        "\"x\"",
        "true",
        "[1]",
        "{}",
        "1e300",
        "9007199254740993.5",
        "18446744073709551616",
    ] {
        let reply = shop
            .backend
            .send_text(Method::POST, "/track", &revenue(told))
            .await;
        assert_problems(&reply, &["payload/properties/__revenue"]);
    }
    // No JSON at all.
    for told in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "01",
        "+1",
        "0x10",
        "1.",
        ".5",
        "--1",
    ] {
        let reply = shop
            .backend
            .send_text(Method::POST, "/track", &revenue(told))
            .await;
        assert_eq!(reply.status, 400, "{told}: {}", reply.text);
    }
    for told in ["0", "7", "7.0", "\"7\"", "null", "1e3"] {
        let reply = shop
            .backend
            .send_text(Method::POST, "/track", &revenue(told))
            .await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
    }
    let mut amounts = Vec::new();
    for event in shop.events().await {
        amounts.push(event["revenue"].as_u64().unwrap());
    }
    amounts.sort_unstable();
    assert_eq!(amounts, [0, 0, 7, 7, 7, 1000]);

    for value in [json!(0), json!(-0.0), json!(-1e300), json!("x")] {
        let payload = json!({"profileId": "p", "property": "n", "value": value});
        assert_problems(
            &send(&shop.backend, "increment", payload).await,
            &["payload/value"],
        );
    }
    // Sums stay numbers.
    for _ in 0..3 {
        let payload = json!({"profileId": "p", "property": "n", "value": f64::MAX});
        assert_eq!(send(&shop.backend, "increment", payload).await.status, 200);
    }
    let sum = text(&shop.profile("p").await["properties"]["n"]);
    assert!(sum.parse::<f64>().unwrap().is_finite(), "{sum}");
    for (field, value) in [
        ("chunk_index", json!(65_536)),
        ("chunk_index", json!(0.5)),
        ("events_count", json!(0)),
        ("events_count", json!(65_536)),
    ] {
        let mut payload = payload_of("replay");
        payload[field] = value;
        let place = format!("payload/{field}");
        assert_problems(&send(&shop.backend, "replay", payload).await, &[&place]);
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_the_same_as_numbers_and_as_text() {
    let shop = Shop::open().await;
    for told in ["42", "\"42\"", "42.0", "4.2e1"] {
        let body = format!(
            r#"{{"type": "increment", "payload": {{"profileId": {told}, "property": "n"}}}}"#
        );
        let reply = shop.backend.send_text(Method::POST, "/track", &body).await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
    }
    assert_eq!(shop.profile("42").await["properties"]["n"], "4");
    // Beside the payload too, and in it first.
    for (beside, inside, whose) in [
        (json!(7), json!(null), "7"),
        (json!("7"), json!(""), "7"),
        (json!(7), json!(8), "8"),
    ] {
        let name = format!("of {whose}");
        let body = json!({"type": "track", "profileId": beside,
            "payload": {"name": name, "profileId": inside}});
        assert_eq!(shop.backend.post("/track", body).await.status, 200);
    }
    let events = shop.events().await;
    assert_eq!(events.len(), 3);
    for event in events {
        let expected = format!("of {}", text(&event["profileId"]));
        assert_eq!(event["name"], expected.as_str());
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_moment_is_too_absurd() {
    let shop = Shop::open().await;
    let mut sent = 0;
    for told in [
        "\"0000-01-01T00:00:00Z\"",
        "\"-000001-01-01T00:00:00Z\"",
        "\"+262142-12-31T23:59:59Z\"",
        "\"9999-12-31T23:59:59.999Z\"",
        "\"2026-02-30T00:00:00Z\"",
        "\"2026-01-15T10:30:60Z\"",
        "\"2026-01-15\\u0000T10:30:00Z\"",
        "\"NaN\"",
        "-1e308",
        "1e308",
        "-9223372036854775808",
        "18446744073709551615",
        "123456789012345678901234567890",
        "0",
        "true",
        "[]",
        "{}",
        "\"\"",
    ] {
        let body = format!(
            r#"{{"type": "track", "payload": {{"name": "x", "timestamp": {told},
                "properties": {{"__timestamp": {told}}}}}}}"#
        );
        let reply = shop.backend.send_text(Method::POST, "/track", &body).await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
        sent += 1;
    }
    let events = shop.events().await;
    assert_eq!(events.len(), sent);
    for event in events {
        assert_eq!(event["createdAt"], crate::support::START, "{event}");
    }
    for told in [
        "2026-01-15T10:30:00+00:00",
        "2026-01-15T10:30:00",
        "2026-01-15",
        "2026-01-13T10:29:59Z",
        "2026-01-16T10:30:01Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "now",
        "",
    ] {
        for field in ["started_at", "ended_at"] {
            let mut payload = payload_of("replay");
            payload[field] = told.into();
            let reply = send(&shop.backend, "replay", payload).await;
            assert_problems(&reply, &[&format!("payload/{field}")]);
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_have_their_limits() {
    let shop = Shop::open().await;
    let many = |count: usize| {
        let all = (0..count).map(|n| (format!("k{n}"), json!(n)));
        Json::Object(all.collect())
    };
    let nested = |depth: usize| (1..depth).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
    let key = |length: usize| Json::Object([("k".repeat(length), json!(1))].into_iter().collect());
    let value = |length: usize| json!({"v": "x".repeat(length)});
    let deep = format!("payload/properties{}", "/a".repeat(11));
    let long = format!("payload/properties/{}", "k".repeat(256));
    let cases = [
        (many(500), many(501), "payload/properties"),
        (nested(10), nested(11), deep.as_str()),
        (key(256), key(257), long.as_str()),
        (value(16 * KIB), value(16 * KIB + 1), "payload/properties/v"),
    ];
    for (within, beyond, place) in &cases {
        for kind in ["track", "identify", "group"] {
            let mut payload = payload_of(kind);
            payload["properties"] = within.clone();
            let reply = send(&shop.backend, kind, payload.clone()).await;
            assert_eq!(reply.status, 200, "{kind} {place}: {}", reply.text);
            payload["properties"] = beyond.clone();
            let reply = send(&shop.backend, kind, payload).await;
            assert_eq!(reply.status, 400, "{kind} {place}: {}", reply.text);
            assert_problems(&reply, &[place]);
        }
    }
    // Those with a meaning are no way around it.
    for name in ["__path", "__referrer", "__revenue", "__title"] {
        let long = "x".repeat(16 * KIB + 1);
        let reply = track(
            &shop.backend,
            json!({"name": "x", "properties": {name: long}}),
        )
        .await;
        assert_problems(&reply, &[&format!("payload/properties/{name}")]);
    }
    for (kind, field, most) in [
        ("track", "profileId", 255),
        ("track", "name", 80),
        ("identify", "profileId", 255),
        ("increment", "property", 256),
        ("alias", "alias", 255),
        ("group", "id", 255),
        ("group", "type", 255),
        ("group", "name", 255),
    ] {
        for (length, status) in [(most, 200), (most + 1, 400)] {
            let mut payload = payload_of(kind);
            payload[field] = "x".repeat(length).into();
            let reply = send(&shop.backend, kind, payload).await;
            assert_eq!(
                reply.status, status,
                "{kind} {field} {length}: {}",
                reply.text
            );
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_of_a_page_has_no_more_properties_than_others() {
    let shop = Shop::open().await;
    let query = (0..900).map(|n| format!("q{n}=v")).collect::<Vec<_>>();
    let url = format!("https://shop.example/?utm_source=a%00b&{}", query.join("&"));
    let payload = json!({"name": "screen_view", "properties": {"__path": url, "mine": 1}});
    let reply = track(&shop.browser, payload).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let long = format!("/?{}=1&x={}&ok=1", "k".repeat(300), "v".repeat(15 * KIB));
    let reply = track(
        &shop.browser,
        json!({"name": "long", "properties": {"__path": long}}),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let events = shop.events().await;
    let named = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
    let view = named("screen_view");
    let properties = view["properties"].as_object().unwrap();
    // The server's own marks come on top.
    let theirs = properties.keys().filter(|name| !name.starts_with("__bot"));
    assert_eq!(theirs.count(), 500);
    assert_eq!(view["properties"]["mine"], "1");
    assert_eq!(view["referrerName"], "ab");
    let of_long = &named("long")["properties"];
    assert_eq!(of_long["__query.ok"], "1");
    assert!(
        of_long
            .as_object()
            .unwrap()
            .keys()
            .all(|name| name.len() <= 256)
    );
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_addresses_and_values_are_kept_as_they_were_told() {
    let shop = Shop::open().await;
    let long = format!("/x{}", "p".repeat(5 * KIB));
    let referrer = format!("https://r.example{long}");
    let value = "🦆".repeat(4 * KIB);
    let properties = json!({"__path": format!("https://shop.example{long}"),
        "__referrer": referrer, "value": value, "other": "o"});
    let payload = json!({"name": "long", "properties": properties});
    let reply = track(&shop.browser, payload).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let row = json!([{"name": "imported", "device_id": "d", "path": long, "referrer": referrer,
        "created_at": "2026-01-01 00:00:00", "properties": {"value": value, "other": "o"}}]);
    let reply = shop.backend.post("/import/events", row).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let events = shop.events().await;
    for event in events
        .iter()
        .filter(|event| event["name"] != "session_start")
    {
        assert_eq!([&event["path"], &event["referrer"]], [&long, &referrer]);
        assert_eq!(event["properties"]["value"], value);
        assert_eq!(event["properties"]["other"], "o");
    }
    assert_eq!(events.len(), 3);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_their_limits() {
    let shop = Shop::open().await;
    // Of exactly so many bytes, with what is ignored.
    let padded = |start: &str, size: usize| {
        let end = "\"}";
        format!("{start}{}{end}", " ".repeat(size - start.len() - end.len()))
    };
    let event = r#"{"type": "track", "payload": {"name": "x"}, "padding": ""#;
    let replay = payload_of("replay").to_string();
    let replay = format!(r#"{{"type": "replay", "payload": {replay}, "padding": ""#);
    let id = text(&shop.client["id"]);
    let secret = text(&shop.client["secret"]);
    let own = format!(
        r#"{{"clientId": "{id}", "clientSecret": "{secret}", "type": "track", "payload": {{"name": "x"}}, "padding": ""#
    );
    let strange = own.replace("track", "replay");
    let stranger = shop.server.anonymous();
    for (caller, start, most) in [
        (&shop.backend, event, MIB),
        (&shop.backend, replay.as_str(), 8 * MIB),
        (&stranger, own.as_str(), 64 * KIB),
    ] {
        let reply = caller
            .send_text(Method::POST, "/track", &padded(start, most))
            .await;
        assert_eq!(reply.status, 200, "{most}: {}", reply.text);
        let reply = caller
            .send_text(Method::POST, "/track", &padded(start, most + 1))
            .await;
        assert_eq!(reply.status, 413, "{most}: {}", reply.text);
        assert_eq!(reply.body["error"], "Payload Too Large");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
    }
    // A recording does not make a stranger's body any bigger.
    let reply = stranger
        .send_text(Method::POST, "/track", &padded(&strange, 64 * KIB + 1))
        .await;
    assert_eq!(reply.status, 413, "{}", reply.text);
    let reply = shop
        .backend
        .send_text(
            Method::POST,
            "/event",
            &padded(r#"{"name": "x", "p": ""#, MIB + 1),
        )
        .await;
    assert_eq!(reply.status, 413, "{}", reply.text);
    for (units, status) in [(2_097_152, 200), (2_097_153, 400)] {
        let mut payload = payload_of("replay");
        payload["payload"] = "ä".repeat(units).into();
        let reply = send(&shop.backend, "replay", payload).await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
    let mut payload = payload_of("replay");
    payload["sessionId"] = "s".repeat(65).into();
    let reply = send(&shop.backend, "replay", payload).await;
    assert_problems(&reply, &["payload/sessionId"]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_refused_in_any_form() {
    let shop = Shop::open().await;
    let paths = [
        "/track",
        "/event",
        "/profile",
        "/profile/increment",
        "/profile/decrement",
        "/import/events",
    ];
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(
            r#"{{"type": "track", "name": {open}{close}, "payload": {{"name": "x", "properties": {open}{close}}}}}"#
        )
    };
    let objects = |depth: usize| {
        let (open, close) = (r#"{"a":"#.repeat(depth), "}".repeat(depth));
        format!(r#"{{"type": "track", "payload": {{"name": "x", "properties": {open}1{close}}}}}"#)
    };
    let bombs = [
        deep(200),
        deep(100_000),
        objects(11),
        objects(200),
        objects(100_000),
    ];
    let broken: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"1",
        b"\"text\"",
        b"{",
        b"{\"type\": \"track\"",
        b"{\"type\": \"track\", \"payload\": {\"name\": \"x\"}} x",
        b"{'type': 'track'}",
        b"{\"type\": \"track\", \"payload\": {\"name\": \"\x01\"}}",
        b"{\"type\": \"track\", \"payload\": {\"name\": \"\\x\"}}",
        b"{\"type\": \"track\", \"payload\": {\"name\": \"\xff\xfe\"}}",
        b"{\"type\": \"track\", \"payload\": {\"name\": \"\xed\xa0\x80\"}}",
        b"\xef\xbb\xbf{}",
        b"\x1f\x8b\x08\x00",
        b"\0\0\0\0",
    ];
    for path in paths {
        let json = shop.backend.with_header("content-type", "application/json");
        let bodies = broken
            .iter()
            .copied()
            .chain(bombs.iter().map(String::as_bytes));
        for body in bodies {
            let reply = json.send(Method::POST, path, Some(body.to_vec())).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
            assert_eq!(reply.status, 400, "{path} {shown}: {}", reply.text);
            assert_eq!(
                reply.body["message"], "Invalid request body",
                "{path} {shown}"
            );
            assert!(reply.text.len() < 8 * KIB, "{path} {shown}: {}", reply.text);
            // Who is not known learns nothing of it.
            let stranger = shop.server.anonymous();
            let stranger = stranger.with_header("content-type", "application/json");
            let reply = stranger.send(Method::POST, path, Some(body.to_vec())).await;
            assert!(
                [401, 413].contains(&reply.status.as_u16()),
                "{path} {shown}: {}",
                reply.text
            );
        }
    }
    assert_eq!(shop.names().await, [""; 0]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_is_read() {
    let shop = Shop::open().await;
    let event = json!({"type": "track", "payload": {"name": "x"}}).to_string();
    for (kind, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 200),
        ("text/plain;charset=UTF-8", 200),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/octet-stream", 415),
        ("text/html", 415),
        ("application/xml", 415),
        ("", 415),
    ] {
        let caller = shop.backend.with_header("content-type", kind);
        let body = Some(event.clone().into_bytes());
        let reply = caller.send(Method::POST, "/track", body).await;
        assert_eq!(reply.status, status, "{kind}: {}", reply.text);
        if status == 415 {
            assert_eq!(reply.body["error"], "Unsupported Media Type");
        }
    }
    let beacon = shop.backend.with_header("content-type", "text/plain");
    let reply = beacon
        .send(Method::POST, "/track", Some(b"type=track".to_vec()))
        .await;
    reply.assert_error(400, "Invalid request body");
    let compressed = shop.backend.with_header("content-encoding", "gzip");
    let reply = compressed.send_text(Method::POST, "/track", &event).await;
    assert_eq!(reply.status, 415, "{}", reply.text);
    for (method, path) in [
        (Method::GET, "/track"),
        (Method::PUT, "/track"),
        (Method::DELETE, "/track"),
        (Method::POST, "/track/device-id"),
        (Method::GET, "/import/events"),
    ] {
        let reply = shop.backend.send(method, path, None).await;
        reply.assert_error(405, "Method not allowed");
    }
    let reply = shop.backend.get("/track/nowhere").await;
    reply.assert_error(404, "Route not found");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_javascript_would_stumble_over_are_refused() {
    let shop = Shop::open().await;
    for (body, place) in [
        (
            r#"{"type": "track", "payload": {"name": "x"}, "__proto__": {"a": 1}}"#,
            "",
        ),
        (
            r#"{"type": "track", "payload": {"name": "x", "__proto__": null}}"#,
            "payload/__proto__",
        ),
        (
            r#"{"type": "track", "payload": {"name": "x", "properties": {"\u005f_proto__": 1}}}"#,
            "payload/properties/__proto__",
        ),
        (
            r#"{"type": "track", "payload": {"name": "x", "properties": {"a": [{"__proto__": {}}]}}}"#,
            "payload/properties/a/0/__proto__",
        ),
    ] {
        let reply = shop.backend.send_text(Method::POST, "/track", body).await;
        assert_problems(&reply, &[place]);
    }
    // As a text it is one like any other.
    let payload = json!({"name": "__proto__", "properties": {"constructor": "__proto__",
        "toString": 1}});
    let reply = track(&shop.backend, payload).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let event = &shop.events().await[0];
    assert_eq!(event["name"], "__proto__");
    let properties = json!({"constructor": "__proto__", "toString": "1"});
    assert_eq!(event["properties"], properties);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_kept_but_for_what_no_database_has() {
    let shop = Shop::open().await;
    let body = r#"{"type": "track", "payload": {"name": "old", "name": "n\u0000ew \ud83d\ude00\ud83d",
        "profileId": "\u0000p", "groups": ["\u0000g"], "properties": {"a": 1},
        "properties": {"\u0000k": "\ude00v\u0000", "k2": "\u0000", "__path": "/p\u0000q",
        "__referrer": "\u0000https://search.example/", "twice": 1, "twice": 2}}}"#;
    let caller = shop.backend.with_header("openpanel-sdk-name", "sdk\u{e9}");
    let reply = caller.send_text(Method::POST, "/track", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let event = &shop.events().await[0];
    assert_eq!(event["name"], "new \u{1f600}");
    assert_eq!(event["profileId"], "p");
    assert_eq!(event["groups"], json!(["g"]));
    assert_eq!(event["properties"], json!({"k": "v", "twice": "2"}));
    assert_eq!(event["path"], "/pq");
    for (field, value) in [("name", "\0"), ("name", "\u{d}\u{a}")] {
        let mut payload = payload_of("track");
        payload[field] = value.into();
        assert_problems(&track(&shop.backend, payload).await, &["payload/name"]);
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_taken_in_whole_or_not_at_all() {
    let shop = Shop::open().await;
    let good = json!({"name": "x", "created_at": "2025-06-01 10:00:00"});
    let with = |field: &str, value: Json| {
        let mut row = good.clone();
        row[field] = value;
        row
    };
    let rows = json!([
        good,
        {},
        with("created_at", json!("2025-06-31 10:00:00")),
        with("created_at", json!(i64::MAX)),
        with("created_at", json!(8_000_000_000_000_000_i64)),
        with("name", json!("")),
        with("id", json!("x")),
        with("groups", json!(["a", 1, ""])),
        with("revenue", json!(-1)),
        with("duration", json!(0.5)),
        with("latitude", json!(91)),
        with("longitude", json!("x")),
        with("country", json!(1)),
        with("properties", json!(["x"])),
        with("properties", json!({"k": "x".repeat(16 * KIB + 1)})),
        with("device_id", json!("d".repeat(256))),
        5,
        null,
        [],
        good,
    ]);
    let reply = shop
        .backend
        .post("/import/events?sessions=true", rows)
        .await;
    let places = [
        "1/name",
        "1/created_at",
        "2/created_at",
        "3/created_at",
        "4/created_at",
        "5/name",
        "6/id",
        "7/groups/2",
        "8/revenue",
        "9/duration",
        "10/latitude",
        "11/longitude",
        "12/country",
        "13/properties",
        "14/properties/k",
        "15/device_id",
        "16",
        "17",
        "18",
    ];
    assert_problems(&reply, &places);
    for rows in [json!({}), json!(good), json!("x"), json!(5)] {
        let reply = shop.backend.post("/import/events", rows).await;
        assert_problems(&reply, &[""]);
    }
    let rows = json!(vec![&good; 10_001]);
    let reply = shop.backend.post("/import/events", rows).await;
    assert_problems(&reply, &[""]);
    let huge = vec![b' '; 32 * MIB + 1];
    let json = shop.backend.with_header("content-type", "application/json");
    let reply = json.send(Method::POST, "/import/events", Some(huge)).await;
    assert_eq!(reply.status, 413, "{}", reply.text);
    assert_eq!(shop.names().await, [""; 0]);
    // The oldest and the latest that can have happened.
    let rows = json!([
        with("created_at", json!("2000-01-01 00:00:00")),
        with("created_at", json!("2026-01-16T10:30:00.000Z")),
        with("created_at", json!(978_307_200_000_i64)),
    ]);
    let reply = shop
        .backend
        .post("/import/events?sessions=true", rows)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reply = shop.backend.post("/import/events", json!([])).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let events = shop.events().await;
    let moments = events.iter().map(|event| text(&event["createdAt"]));
    let expected = [
        "2000-01-01T00:00:00.000Z",
        "2001-01-01T00:00:00.000Z",
        "2026-01-16T10:30:00.000Z",
    ];
    assert_eq!(moments.collect::<Vec<_>>(), expected);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_routes_are_as_strict() {
    let shop = Shop::open().await;
    for (path, body, places) in [
        ("/event", json!({}), vec!["name"]),
        ("/event", json!({"name": "session_end"}), vec!["name"]),
        (
            "/event",
            json!({"name": "x", "properties": [1]}),
            vec!["properties"],
        ),
        (
            "/event",
            json!({"name": "revenue", "properties": {"__revenue": -1}}),
            vec!["properties/__revenue"],
        ),
        (
            "/profile",
            json!({"email": "x"}),
            vec!["profileId", "email"],
        ),
        (
            "/profile/increment",
            json!({"profileId": "p"}),
            vec!["property"],
        ),
        (
            "/profile/decrement",
            json!({"profileId": "p", "property": "n", "value": 0}),
            vec!["value"],
        ),
    ] {
        assert_problems(&shop.backend.post(path, body).await, &places);
    }
    // As Laravel sends it.
    let nulls = json!({"profileId": "p", "firstName": null, "lastName": null, "email": null,
        "avatar": null, "properties": null});
    for (path, body, answer) in [
        (
            "/event",
            json!({"name": "x", "properties": null, "profileId": null}),
            "ok",
        ),
        ("/profile", nulls, "p"),
        (
            "/profile/increment",
            json!({"profileId": 5, "property": "n"}),
            "5",
        ),
    ] {
        let reply = shop.backend.post(path, body).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (202, answer));
    }
    shop.server.stop().await;
}
