//! Track: what SDKs send, and what is stored of it. The scenarios are those of
//! `docs/contract/track.md` §10.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    shop::{CHROME, MINUTE, ORIGIN, Shop, send, text, track, view},
    support::{Caller, START, TestServer},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_visit_are_a_session() {
    let shop = Shop::open().await;
    let first = view(&shop.browser, "/?utm_source=news#top").await;
    for page in ["/pricing", "/about"] {
        shop.server.advance(MINUTE);
        assert_eq!(view(&shop.browser, page).await.body, first.body);
    }
    for _ in 0..2 {
        shop.server.advance(31 * MINUTE);
        shop.server.end_idle_sessions().await;
    }
    let events = shop.events().await;
    let of_each = |key: &str| {
        let values = events.iter().map(|event| event[key].clone());
        Json::from(values.collect::<Vec<_>>())
    };
    let names = [
        "session_start",
        "screen_view",
        "screen_view",
        "screen_view",
        "session_end",
    ];
    assert_eq!(of_each("name"), json!(names));
    assert_eq!(
        of_each("path"),
        json!(["/", "/", "/pricing", "/about", "/about"])
    );
    let moments = [
        "2026-01-15T10:29:59.900Z",
        START,
        "2026-01-15T10:31:00.000Z",
        "2026-01-15T10:32:00.000Z",
        "2026-01-15T10:32:01.000Z",
    ];
    assert_eq!(of_each("createdAt"), json!(moments));
    assert_eq!(of_each("duration"), json!([0, 0, 0, 0, 120_000]));
    assert_eq!(of_each("browser"), json!(vec!["Chrome"; 5]));
    assert_eq!(of_each("os"), json!(vec!["Windows"; 5]));
    for event in &events {
        assert_eq!(event["deviceId"], first.body["deviceId"]);
        assert_eq!(event["sessionId"], first.body["sessionId"]);
        assert_eq!(event["profileId"], first.body["deviceId"]);
        assert_eq!(event["origin"], ORIGIN);
    }
    let properties = json!({"__hash": "#top", "__query.utm_source": "news"});
    assert_eq!(events[1]["properties"]["__hash"], properties["__hash"]);
    assert_eq!(
        events[1]["properties"]["__query.utm_source"],
        properties["__query.utm_source"]
    );
    assert_eq!(events[1]["referrerName"], "news");
    assert_eq!(events[3]["referrerName"], "news");
    assert_eq!(events[4]["properties"], json!({"__bounce": "false"}));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_half_an_hour_another_session_begins() {
    let shop = Shop::open().await;
    let first = view(&shop.browser, "/").await;
    shop.server.advance(30 * MINUTE);
    let second = view(&shop.browser, "/").await;
    assert_eq!(first.body["deviceId"], second.body["deviceId"]);
    assert_ne!(first.body["sessionId"], second.body["sessionId"]);
    let expected = [
        "session_start",
        "screen_view",
        "session_end",
        "session_start",
        "screen_view",
    ];
    assert_eq!(shop.names().await, expected);
    let events = shop.events().await;
    assert_eq!(events[2]["sessionId"], first.body["sessionId"]);
    assert_eq!(events[2]["properties"], json!({"__bounce": "true"}));
    assert_eq!(events[3]["sessionId"], second.body["sessionId"]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_goes_on_over_midnight_and_over_a_restart() {
    let mut shop = Shop::open().await;
    shop.server.advance(13 * 60 * MINUTE + 25 * MINUTE);
    let before = view(&shop.browser, "/").await;
    let state = shop.browser.get("/track/device-id").await;
    let message = "current session exists for this device id";
    assert_eq!(state.body["message"], message);
    shop.server.advance(10 * MINUTE);
    shop.server = shop.server.restart().await;
    let browser = shop
        .server
        .anonymous()
        .with_header("openpanel-client-id", shop.client["id"].as_str().unwrap())
        .with_header("origin", ORIGIN)
        .with_header("user-agent", CHROME)
        .with_header("x-client-ip", "198.51.100.7");
    let state = browser.get("/track/device-id").await;
    let message = "previous session exists for this device id";
    assert_eq!(state.body["message"], message);
    assert_eq!(view(&browser, "/late").await.body, before.body);
    let expected = ["session_start", "screen_view", "screen_view"];
    assert_eq!(shop.names().await, expected);
    shop.server.advance(31 * MINUTE);
    let next = view(&browser, "/").await;
    assert_ne!(next.body["deviceId"], before.body["deviceId"]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_identified_in_a_session_is_known_from_then_on() {
    let shop = Shop::open().await;
    let device = text(&view(&shop.browser, "/").await.body["deviceId"]);
    let payload = json!({"name": "signup", "profileId": 42, "groups": "acme"});
    track(&shop.browser, payload).await;
    let payload = json!({"profileId": "42", "firstName": "Anna", "email": "anna@shop.example",
        "properties": {"plan": {"name": "pro"}, "seats": 3}});
    assert_eq!(send(&shop.browser, "identify", payload).await.status, 200);
    let joined = track(&shop.backend, json!({"name": "paid", "profileId": "42"})).await;
    assert_eq!(joined.status, 200, "{}", joined.text);

    let events = shop.events().await;
    let named = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
    for (name, profile) in [
        ("session_start", device.as_str()),
        ("screen_view", &device),
        ("signup", "42"),
        ("paid", "42"),
    ] {
        assert_eq!(named(name)["profileId"], profile, "{name}");
    }
    let paid = named("paid");
    assert_eq!(paid["deviceId"], device.as_str());
    assert_eq!(paid["sessionId"], events[0]["sessionId"]);
    assert_eq!(paid["device"], "desktop");
    let profile = shop.profile("42").await;
    assert_eq!(profile["first_name"], "Anna");
    assert_eq!(profile["groups"], json!(["acme"]));
    assert_eq!(profile["properties"]["plan.name"], "pro");
    assert_eq!(profile["properties"]["os"], "Windows");

    let body = json!({"profileId": "42", "alias": "anna"});
    assert_eq!(send(&shop.backend, "alias", body).await.status, 200);
    assert_eq!(shop.profile("anna").await["id"], "42");
    let mine = "/export/events?projectId=shop&profileId=42";
    let reply = shop.server.root().get(mine).await;
    assert_eq!(reply.body["meta"]["totalCount"], 4, "{}", reply.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_all_count() {
    let shop = Shop::open().await;
    let add = |kind: &'static str, value: Json| {
        let backend = shop.backend.clone();
        tokio::spawn(async move {
            let payload = json!({"profileId": "p", "property": "n", "value": value});
            assert_eq!(send(&backend, kind, payload).await.status, 200);
        })
    };
    let mut sent = Vec::new();
    for _ in 0..20 {
        sent.push(add("increment", json!(null)));
        sent.push(add("increment", json!(2.5)));
        sent.push(add("decrement", json!(0.5)));
    }
    for one in sent {
        one.await.unwrap();
    }
    assert_eq!(shop.profile("p").await["properties"]["n"], "60");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_believed_where_it_can_be_true() {
    let shop = Shop::open().await;
    for told in [
        json!("2026-01-15T10:10:00.000Z"),
        json!("2026-01-15T10:25:00.000Z"),
        json!("2026-01-15T10:30:30.000Z"),
        json!("2026-01-15T10:35:00.000Z"),
        json!("garbage"),
    ] {
        let payload = json!({"name": "x", "properties": {"__timestamp": told}});
        assert_eq!(track(&shop.browser, payload).await.status, 200);
    }
    let events = shop.events().await;
    let mut stored = events
        .iter()
        .filter(|event| event["name"] == "x")
        .map(|event| (text(&event["createdAt"]), event["sessionId"] == ""))
        .collect::<Vec<_>>();
    stored.sort_unstable();
    let expected = [
        ("2026-01-15T10:10:00.000Z", true),
        ("2026-01-15T10:25:00.000Z", false),
        (START, false),
        (START, false),
        ("2026-01-15T10:30:30.000Z", false),
    ];
    assert_eq!(stored, expected.map(|(at, past)| (at.to_owned(), past)));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_tested_in_their_order() {
    let shop = Shop::open().await;
    let id = shop.client["id"].as_str().unwrap();
    let event = json!({"type": "track", "payload": {"name": "x"}});
    let refused = async |caller: Caller, body: &Json, message: &str| {
        let reply = caller.post("/track", body.clone()).await;
        reply.assert_error(401, message);
        assert_eq!(reply.header("www-authenticate"), "");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
    };
    let nobody = shop.server.anonymous();
    refused(nobody.clone(), &event, "Ingestion: Missing client id").await;
    let malformed = nobody.with_header("openpanel-client-id", "x");
    let message = "Ingestion: Client ID must be a valid UUIDv4";
    refused(malformed, &event, message).await;
    let unknown = nobody.with_header("mixan-client-id", "3c9a1f0e-5a4b-4f0e-9c0d-2f6a7b8c9d0e");
    refused(unknown, &event, "Invalid client credentials").await;
    let named = nobody.with_header("openpanel-client-id", id);
    let message = "Ingestion: Invalid cors or secret";
    refused(named.clone(), &event, message).await;
    let elsewhere = named.with_header("origin", "https://evil.example");
    refused(elsewhere.clone(), &event, message).await;
    // It is told which origin was refused, and where to allow it.
    let told = elsewhere.post("/track", event.clone()).await;
    let detail = &told.body["details"][0];
    assert_eq!(detail["path"], json!(["origin"]));
    let why = detail["message"].as_str().unwrap();
    assert!(
        why.starts_with("\"https://evil.example\" is not allowed"),
        "{why}"
    );
    assert!(why.contains("cors"), "{why}");
    let long = named.with_header("origin", &format!("https://{}.example", "x".repeat(9_000)));
    let told = long.post("/track", event.clone()).await;
    assert!(told.text.len() < 1_000, "{}", told.text.len());
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let reader = shop.server.create_client(body).await;
    let reader = shop.server.caller_of(&reader);
    refused(reader, &event, "Invalid client credentials").await;

    let revenue = json!({"name": "revenue", "properties": {"__revenue": 100}});
    let revenue = json!({"type": "track", "payload": revenue});
    let message = "Ingestion: Revenue tracking is not allowed without a client secret";
    let wrong = shop
        .browser
        .with_header("openpanel-client-secret", "sec_wrong_but_long_enough");
    refused(wrong.clone(), &revenue, message).await;
    assert_eq!(wrong.post("/track", event.clone()).await.status, 200);
    assert_eq!(shop.backend.post("/api/track", revenue).await.status, 200);
    let mut with_credentials = event.clone();
    with_credentials["clientId"] = id.into();
    with_credentials["clientSecret"] = shop.client["secret"].clone();
    assert_eq!(nobody.post("/track/", with_credentials).await.status, 200);
    let reply = shop
        .server
        .root()
        .post("/track?projectId=shop", event.clone())
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reply = shop.server.root().post("/track", event).await;
    assert_eq!(reply.status, 400, "{}", reply.text);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_may_refuse_addresses_profiles_and_events() {
    let filters = json!([
        {"type": "ip", "ip": "203.0.113.0/24"},
        {"type": "profile_id", "profileId": "7"},
        {"type": "event", "name": "noise"},
    ]);
    let shop = Shop::open_with(json!({"filters": filters})).await;
    let blocked = shop.backend.with_header("x-client-ip", "203.0.113.9");
    let reply = track(&blocked, json!({"name": "x"})).await;
    reply.assert_error(401, "Ingestion: IP address is blocked by project filter");
    let identified = json!({"name": "x", "properties": {"__identify": {"profileId": 7}}});
    for payload in [json!({"name": "x", "profileId": 7}), identified] {
        let reply = track(&shop.backend, payload).await;
        reply.assert_error(401, "Ingestion: Profile id is blocked by project filter");
        assert_eq!(reply.body["code"], "blocked_by_filter");
    }
    let reply = track(&shop.browser, json!({"name": "noise"})).await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.body["sessionId"], "");
    assert_eq!(shop.names().await, [""; 0]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_is_stored_once() {
    let shop = Shop::open().await;
    let first = view(&shop.browser, "/").await;
    assert_eq!(view(&shop.browser, "/").await.body, first.body);
    assert_eq!(shop.names().await, ["session_start", "screen_view"]);
    shop.server.advance(MINUTE);
    let project = shop.server.root().get("/manage/projects/shop").await;
    assert_eq!(project.data()["eventsCount"], 2);
    let projects = shop.server.root().get("/manage/projects").await;
    assert_eq!(projects.data()[0]["eventsCount"], 2);
    shop.server.advance(Duration::from_millis(100));
    view(&shop.browser, "/").await;
    assert_eq!(shop.names().await.len(), 3);

    let id = "0b8c6c1e-6f0e-4c3c-9a57-1f2d6f0c9a11";
    let payload = json!({"name": "paid", "eventId": id, "profileId": "p"});
    let first = track(&shop.backend, payload.clone()).await;
    shop.server.advance(23 * 60 * MINUTE);
    let elsewhere = shop.backend.with_header("x-client-ip", "192.0.2.1");
    let again = track(&elsewhere, payload).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &first.body));
    let events = shop.events().await;
    let paid = events.iter().filter(|event| event["name"] == "paid");
    let ids = paid.map(|event| text(&event["id"])).collect::<Vec<_>>();
    assert_eq!(ids, [id]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_bots_are_only_noted() {
    let shop = Shop::open().await;
    let bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let id = shop.client["id"].as_str().unwrap();
    let crawler = shop
        .server
        .anonymous()
        .with_header("openpanel-client-id", id)
        .with_header("origin", ORIGIN)
        .with_header("user-agent", bot);
    let reply = track(&crawler, json!({"name": "screen_view"})).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert_eq!(reply.body["bot"]["name"], "Googlebot");
    let backend = shop
        .server
        .caller_of(&shop.client)
        .with_header("user-agent", bot);
    assert_eq!(track(&backend, json!({"name": "x"})).await.status, 200);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_a_payload_is_told_with_its_place() {
    let shop = Shop::open().await;
    for (kind, payload, paths) in [
        ("nonsense", json!({}), json!([["type"]])),
        ("track", json!({}), json!([["payload", "name"]])),
        ("track", json!({"name": ""}), json!([["payload", "name"]])),
        (
            "track",
            json!({"name": "session_start"}),
            json!([["payload", "name"]]),
        ),
        (
            "track",
            json!({"name": "x".repeat(81)}),
            json!([["payload", "name"]]),
        ),
        (
            "track",
            json!({"name": "a\nb"}),
            json!([["payload", "name"]]),
        ),
        (
            "track",
            json!({"name": "x", "profileId": true}),
            json!([["payload", "profileId"]]),
        ),
        (
            "track",
            json!({"name": "x", "groups": ["a", ""]}),
            json!([["payload", "groups", 1]]),
        ),
        (
            "track",
            json!({"name": "x", "properties": 1}),
            json!([["payload", "properties"]]),
        ),
        (
            "track",
            json!({"name": "revenue", "properties": {"__revenue": 1.5}}),
            json!([["payload", "properties", "__revenue"]]),
        ),
        (
            "identify",
            json!({"email": "x", "avatar": "//x"}),
            json!([
                ["payload", "profileId"],
                ["payload", "email"],
                ["payload", "avatar"]
            ]),
        ),
        (
            "increment",
            json!({"profileId": 1, "property": "n", "value": 0}),
            json!([["payload", "value"]]),
        ),
        (
            "alias",
            json!({"profileId": "p"}),
            json!([["payload", "alias"]]),
        ),
        (
            "group",
            json!({"id": 1, "name": "A"}),
            json!([["payload", "type"]]),
        ),
        ("assign_group", json!({}), json!([["payload", "groupIds"]])),
    ] {
        let reply = send(&shop.backend, kind, payload.clone()).await;
        reply.assert_error(400, "Invalid request body");
        let told = reply.body["details"].as_array().unwrap();
        let told = told.iter().map(|detail| detail["path"].clone());
        assert_eq!(
            Json::from(told.collect::<Vec<_>>()),
            paths,
            "{kind} {payload}"
        );
    }
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{\"type\": \"track\", \"payload\": []}",
    ] {
        let reply = shop.backend.send_text(Method::POST, "/track", text).await;
        assert_eq!(reply.status, 400, "{text}: {}", reply.text);
        let reply = shop
            .server
            .anonymous()
            .send_text(Method::POST, "/track", text)
            .await;
        assert_eq!(reply.status, 401, "{text}");
    }
    let form = shop
        .backend
        .with_header("content-type", "application/x-www-form-urlencoded");
    let reply = form
        .send(Method::POST, "/track", Some(b"a=b".to_vec()))
        .await;
    assert_eq!(reply.status, 415);
    assert_eq!(shop.names().await, [""; 0]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sloppy_payloads_of_real_sdks_are_taken() {
    let shop = Shop::open().await;
    for payload in [
        r#"{"name": "cut \ud83d", "profileId": "", "groups": null, "properties": []}"#,
        r#"{"name": "null", "profileId": null, "properties": null, "nobody": {"knows": 1}}"#,
        r#"{"name": "revenue", "groupIds": "acme", "properties": {"__revenue": "500"}}"#,
    ] {
        let body = format!(r#"{{"type": "track", "payload": {payload}}}"#);
        let beacon = shop.backend.with_header("content-type", "text/plain");
        let reply = beacon
            .send(Method::POST, "/track", Some(body.into_bytes()))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let events = shop.events().await;
    let names = events.iter().map(|event| text(&event["name"]));
    let mut names = names.collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, ["cut ", "null", "revenue"]);
    let revenue = events
        .iter()
        .find(|event| event["name"] == "revenue")
        .unwrap();
    assert_eq!(revenue["revenue"], 500);
    assert_eq!(revenue["groups"], json!(["acme"]));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_call_and_read_the_answer() {
    let shop = Shop::open().await;
    let wanted = "content-type,openpanel-client-id";
    let page = shop
        .server
        .anonymous()
        .with_header("origin", "https://anything.example")
        .with_header("access-control-request-method", "POST")
        .with_header("access-control-request-headers", wanted);
    for path in ["/track", "/api/track", "/event", "/profile"] {
        let reply = page.send(Method::OPTIONS, path, None).await;
        assert_eq!(reply.status, 204, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(
            reply.header("access-control-allow-methods"),
            "GET,HEAD,POST"
        );
        assert_eq!(reply.header("access-control-allow-headers"), wanted);
        assert_eq!(reply.header("access-control-max-age"), "604800");
    }
    let reply = view(&shop.browser, "/").await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("x-ratelimit-limit"), "100");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_visitor_cannot_use_up_the_rate_of_others() {
    // So slow that a Redis, which has a clock of its own, fills up nothing meanwhile.
    let limits = [("RATE_LIMIT_TRACK_VISITOR", "5/1h")];
    let server = TestServer::start_with(&limits).await;
    let shop = Shop::open_on(server, json!({})).await;
    let sent = async |caller: &Caller| track(caller, json!({"name": "x"})).await.status.as_u16();
    for _ in 0..5 {
        assert_eq!(sent(&shop.browser).await, 200);
    }
    assert_eq!(sent(&shop.browser).await, 429);
    assert_eq!(sent(&shop.backend).await, 200);
    let id = shop.client["id"].as_str().unwrap();
    let another = shop
        .server
        .anonymous()
        .with_header("openpanel-client-id", id)
        .with_header("origin", ORIGIN)
        .with_header("x-client-ip", "198.51.100.8");
    assert_eq!(sent(&another).await, 200);
    shop.server.stop().await;
}

/// History comes in parts, and a part ends where it ends.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_visit_goes_on_in_the_next_call() {
    let shop = Shop::open().await;
    let import = async |times: &[&str]| {
        let rows = times.iter().map(|at| {
            let path = format!("/{}", &at[11..]);
            json!({"name": "screen_view", "device_id": "d", "created_at": at, "path": path,
                "country": "Sweden"})
        });
        let rows = Json::Array(rows.collect());
        let path = "/import/events?sessions=true";
        let reply = shop.backend.post(path, rows).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    };
    import(&["2026-01-10 10:00:00", "2026-01-10 10:10:00"]).await;
    import(&["2026-01-10 10:20:00", "2026-01-10 10:50:00"]).await;
    // Before what is there, and another visit.
    import(&["2026-01-10 09:45:00", "2026-01-10 12:00:00"]).await;
    shop.server.settle().await;
    let root = shop.server.root();
    let range = "startDate=2026-01-10&endDate=2026-01-10";
    let sessions = root.get(&format!("/insights/shop/sessions?{range}")).await;
    let sessions = sessions.body.as_array().cloned().unwrap_or_default();
    let shape = |session: &Json| {
        json!([
            session["created_at"],
            session["ended_at"],
            session["screen_view_count"],
            session["entry_path"],
            session["exit_path"],
            session["country"]
        ])
    };
    let mut shapes = sessions.iter().map(shape).collect::<Vec<_>>();
    shapes.sort_by_key(Json::to_string);
    assert_eq!(
        json!(shapes),
        json!([
            [
                "2026-01-10 09:45:00.000",
                "2026-01-10 10:20:00.000",
                4,
                "/09:45:00",
                "/10:20:00",
                "SE"
            ],
            [
                "2026-01-10 10:50:00.000",
                "2026-01-10 10:50:00.000",
                1,
                "/10:50:00",
                "/10:50:00",
                "SE"
            ],
            [
                "2026-01-10 12:00:00.000",
                "2026-01-10 12:00:00.000",
                1,
                "/12:00:00",
                "/12:00:00",
                "SE"
            ],
        ])
    );
    let metrics = root.get(&format!("/insights/shop/metrics?{range}")).await;
    let metrics = &metrics.body["metrics"];
    assert_eq!(metrics["unique_visitors"], 1);
    assert_eq!(metrics["total_sessions"], 3);
    assert_eq!(metrics["total_screen_views"], 6);
    let events = shop.events().await;
    let ends = events.iter().filter(|event| event["name"] == "session_end");
    assert_eq!(ends.count(), 3);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_countries_are_codes() {
    let shop = Shop::open().await;
    let row = |country: &str| {
        json!({"name": country, "created_at": "2026-01-10 10:00:00",
        "country": country})
    };
    let known = [
        ("SE", "SE"),
        ("se", "SE"),
        ("Sweden", "SE"),
        (" SWEDEN ", "SE"),
        ("SWE", "SE"),
        ("752", "SE"),
        ("USA", "US"),
        ("United States", "US"),
        ("UK", "GB"),
        ("United Kingdom", "GB"),
        ("South Korea", "KR"),
        ("Czech Republic", "CZ"),
        ("XK", "XK"),
    ];
    let rows = known.iter().map(|(told, _)| row(told)).collect::<Vec<_>>();
    let reply = shop.backend.post("/import/events", json!(rows)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    shop.server.settle().await;
    let path = "/export/events?projectId=shop&limit=1000&includes=country";
    let reply = shop.server.root().get(path).await;
    for (told, code) in known {
        let events = reply.data().as_array().unwrap();
        let event = events.iter().find(|event| event["name"] == told.trim());
        let event = event.or(events.iter().find(|event| event["name"] == told));
        assert_eq!(event.unwrap()["country"], code, "{told}");
    }
    let rows = json!([row("SE"), row("Swedn"), row("ZZ"), row("Europe")]);
    let reply = shop.backend.post("/import/events", rows).await;
    reply.assert_invalid_body(&[
        json!([1, "country"]),
        json!([2, "country"]),
        json!([3, "country"]),
    ]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_can_be_imported_with_sessions() {
    let shop = Shop::open().await;
    let row =
        |at: &str| json!({"name": "screen_view", "device_id": "d", "created_at": at, "path": "/"});
    let rows = json!([
        row("2025-06-01 10:00:00.123"),
        row("2025-06-01 10:10:00"),
        row("2025-06-01T11:00:00Z"),
        {"id": "0b8c6c1e-6f0e-4c3c-9a57-1f2d6f0c9a11", "name": "x", "created_at": "2025-06-02"},
    ]);
    for _ in 0..2 {
        let reply = shop
            .backend
            .post("/import/events?sessions=true", rows.clone())
            .await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, "OK"));
    }
    let events = shop.events().await;
    let of = |name: &str| events.iter().filter(|event| event["name"] == name).count();
    // What has no id is taken as often as it comes.
    assert_eq!((of("screen_view"), of("x")), (6, 1));
    let first = events.iter().find(|event| event["name"] == "screen_view");
    assert_eq!(first.unwrap()["createdAt"], "2025-06-01T10:00:00.123Z");
    let wrong = json!([row("2025-06-01"), {"created_at": "never"}]);
    let reply = shop.backend.post("/import/events", wrong).await;
    reply.assert_error(400, "Invalid request body");
    let paths = reply.body["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["path"]);
    assert_eq!(
        json!(paths.collect::<Vec<_>>()),
        json!([[1, "name"], [1, "created_at"]])
    );
    shop.server.stop().await;
}
