//! Insights: who comes, who comes back, and which ways people take, counted by hand.

use serde_json::{Value as Json, json};

use crate::support::{Caller, TestServer};

/// A project with events of the past.
struct Site {
    server: TestServer,
    reader: Caller,
}

impl Site {
    /// A project in a zone, with these events.
    async fn open(zone: &str, events: &[Json]) -> Self {
        let server = TestServer::start().await;
        let change = json!({"timezone": zone});
        let changed = server.root().patch("/manage/organization", change).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let project = server.create_project("Site").await;
        let client = json!({"name": "Reader", "type": "read", "projectId": "site"});
        let reader = server.create_client(client).await;
        let writer = server.caller_of(&project["client"]);
        let imported = writer.post("/import/events", json!(events)).await;
        assert_eq!(imported.status, 200, "{}", imported.text);
        server.settle().await;
        Self {
            reader: server.caller_of(&reader),
            server,
        }
    }

    async fn ask(&self, path: &str) -> Json {
        let reply = self.reader.get(&format!("/insights/site/{path}")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.body
    }
}

/// Something that an identified person did.
fn by(person: &str, at: &str) -> Json {
    json!({"name": "seen", "device_id": format!("device-of-{person}"), "profile_id": person,
        "created_at": at})
}

/// Something that happened on a device of nobody known.
fn on(device: &str, at: &str) -> Json {
    json!({"name": "seen", "device_id": device, "created_at": at})
}

/// Events of a session of its own device, a second after one another.
fn session(id: &str, names: &[&str]) -> Vec<Json> {
    let events = names.iter().enumerate().map(|(second, name)| {
        json!({"name": name, "device_id": format!("device-{id}"), "session_id": id,
            "created_at": format!("2026-01-14T12:00:{second:02}Z")})
    });
    events.collect()
}

/// An event of a session at a time of the 14th.
fn step(session: &str, profile: &str, name: &str, at: &str) -> Json {
    json!({"name": name, "device_id": format!("device-{profile}"), "profile_id": profile,
        "session_id": session, "created_at": format!("2026-01-14T{at}Z")})
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_counted_once_in_the_days_that_end_with_each() {
    let events = [
        // The 26th has 25 hours in Stockholm: from half past midnight to half past eleven.
        on("desk", "2025-10-25T22:30:00Z"),
        on("desk", "2025-10-26T22:30:00Z"),
        by("ann", "2025-10-26T23:30:00Z"),
        on("desk", "2026-01-15T09:00:00Z"),
    ];
    let site = Site::open("Europe/Stockholm", &events).await;
    let users = |answer: &Json| {
        let series = answer["series"].as_array().unwrap().clone();
        assert_eq!(series.len(), 82);
        assert_eq!(series[0]["date"], "2025-10-26");
        assert_eq!(series[81]["date"], "2026-01-15");
        let users = series.iter().map(|day| day["users"].as_u64().unwrap());
        users.collect::<Vec<_>>()
    };
    let daily = site.ask("active_users?days=1").await;
    assert_eq!(
        (&daily["window_days"], &daily["label"]),
        (&json!(1), &json!("DAU"))
    );
    let daily = users(&daily);
    assert_eq!((&daily[..3], daily[80], daily[81]), (&[1, 1, 0][..], 0, 1));
    let two = site.ask("active_users?days=2").await;
    assert_eq!(two["label"], "2d active");
    assert_eq!(users(&two)[..4], [1, 2, 1, 0]);
    let weekly = site.ask("active_users").await;
    assert_eq!(weekly["label"], "WAU");
    assert_eq!(users(&weekly)[5..9], [2, 2, 1, 0]);
    let long = users(&site.ask("active_users?days=90").await);
    assert_eq!((long[0], &long[1..] == vec![2; 81].as_slice()), (1, true));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_in_the_week_after_is_retained() {
    let events = [
        by("bob", "2025-10-28T12:00:00Z"),
        // Sunday night and Monday morning in New York, whose clocks went back on that Sunday.
        by("ann", "2025-11-03T04:30:00Z"),
        by("ann", "2025-11-03T05:30:00Z"),
        by("bob", "2025-11-20T12:00:00Z"),
        on("desk", "2025-11-11T12:00:00Z"),
    ];
    let site = Site::open("America/New_York", &events).await;
    let week = |date: &str, active: u64, retained: u64, retention: f64| {
        json!({"date": date, "active_users": active, "retained_users": retained,
            "retention": retention})
    };
    let expected = json!([
        week("2025-10-27", 2, 1, 50.0),
        week("2025-11-03", 1, 0, 0.0),
        week("2025-11-17", 1, 0, 0.0),
    ]);
    assert_eq!(site.ask("retention").await, expected);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cohorts_are_of_the_last_twelve_weeks() {
    let events = [
        by("ann", "2025-10-23T00:00:00Z"),
        by("ann", "2026-01-14T00:00:00Z"),
        // Too early by a millisecond.
        by("bob", "2025-10-22T23:59:59.999Z"),
        by("bob", "2025-10-30T00:00:00Z"),
        by("cid", "2026-01-13T00:00:00Z"),
        on("desk", "2026-01-13T00:00:00Z"),
    ];
    let site = Site::open("UTC", &events).await;
    let row = |name: &str, values: [u64; 13], percentages: [f64; 13]| json!({"cohort_interval": name, "sum": 1, "values": values, "percentages": percentages});
    let (mut only_first, mut only_first_rate, mut halves) = ([0; 13], [0.0; 13], [0.5; 13]);
    (only_first[0], only_first_rate[0]) = (1, 1.0);
    (halves[0], halves[12]) = (1.0, 1.0);
    let expected = json!([
        row("Weighted Average", [1; 13], halves),
        row("2025-10-20", [1; 13], [1.0; 13]),
        row("2025-10-27", only_first, only_first_rate),
        row("2026-01-12", only_first, only_first_rate),
    ]);
    assert_eq!(site.ask("retention/cohort").await, expected);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_absence_are_those_of_the_zone() {
    let events = [
        by("ann", "2025-06-01T12:00:00Z"),
        by("ann", "2026-01-14T22:59:59.999Z"),
        by("bob", "2026-01-14T23:00:00Z"),
        by("cid", "2025-12-30T12:00:00Z"),
        by("dan", "2025-11-16T12:00:00Z"),
        by("eve", "2025-11-15T12:00:00Z"),
        on("desk", "2026-01-10T12:00:00Z"),
    ];
    let site = Site::open("Europe/Stockholm", &events).await;
    let people = |days: u64| json!({"days": days, "users": 1});
    let expected = json!({
        "summary": {"total_identified_users": 5, "active_last_7_days": 2,
            "active_8_to_14_days": 0, "active_15_to_30_days": 1, "inactive_31_to_60_days": 1,
            "churned_60_plus_days": 1},
        "distribution": [people(0), people(1), people(16), people(60), people(61)],
    });
    assert_eq!(site.ask("engagement").await, expected);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_without_events_has_empty_answers() {
    let site = Site::open("Asia/Kathmandu", &[]).await;
    assert_eq!(site.ask("active_users").await["series"], json!([]));
    assert_eq!(site.ask("retention").await, json!([]));
    assert_eq!(site.ask("retention/cohort").await, json!([]));
    let engagement = site.ask("engagement").await;
    assert_eq!(engagement["distribution"], json!([]));
    assert_eq!(engagement["summary"]["total_identified_users"], 0);
    let funnel = site.ask("funnel?steps=a&steps=b").await;
    let step = |number: u64, name: &str, dropoff: Json| {
        json!({"step": number, "eventName": name, "users": 0, "conversionRateFromStart": 0.0,
            "dropoffPercent": dropoff, "isHighestDropoff": false})
    };
    let expected = json!({"steps": [step(1, "a", json!(0.0)), step(2, "b", Json::Null)],
        "totalUsers": 0, "completedUsers": 0, "overallConversionRate": 0.0});
    assert_eq!(funnel, expected);
    let expected = json!({"mode": "before", "startEvent": "a", "node_count": 0, "link_count": 0,
        "nodes": [], "links": []});
    assert_eq!(
        site.ask("user_flow?startEvent=a&mode=before").await,
        expected
    );
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn funnels_count_the_best_attempt_of_sessions_and_profiles() {
    let mut events = vec![
        step("s1", "p1", "a", "10:00:00.000"),
        step("s1", "p1", "other", "10:00:00.001"),
        step("s1", "p1", "b", "10:00:00.001"),
        // At the same time is not after.
        step("s2", "p2", "a", "10:00:00"),
        step("s2", "p2", "b", "10:00:00"),
        // Just in two hours.
        step("s3", "p3", "a", "10:00:00"),
        step("s3", "p3", "b", "12:00:00"),
        // One person in two sessions.
        step("s4", "p4", "a", "10:00:00"),
        step("s5", "p4", "b", "11:00:00"),
        // In no session.
        step("", "p5", "a", "10:00:00"),
        // The wrong way round.
        step("s6", "p6", "b", "10:00:00"),
        step("s6", "p6", "a", "11:00:00"),
    ];
    let mut early = step("s7", "p7", "a", "10:00:00");
    early["created_at"] = json!("2025-12-01T10:00:00Z");
    events.push(early);
    events.extend(session("s8", &["x", "x", "x"]));
    let site = Site::open("UTC", &events).await;
    let step = |number: u64, name: &str, users: u64, rate: f64, dropoff: Json, highest: bool| {
        json!({"step": number, "eventName": name, "users": users,
            "conversionRateFromStart": rate, "dropoffPercent": dropoff,
            "isHighestDropoff": highest})
    };
    let by_sessions = json!({
        "steps": [step(1, "a", 5, 100.0, json!(60.0), true),
            step(2, "b", 2, 40.0, Json::Null, false)],
        "totalUsers": 5, "completedUsers": 2, "overallConversionRate": 40.0});
    for steps in [
        "steps=%5B%22a%22%2C%22b%22%5D",
        "steps=a&steps=b",
        "steps[]=a&steps[]=b",
    ] {
        assert_eq!(
            site.ask(&format!("funnel?{steps}")).await,
            by_sessions,
            "{steps}"
        );
    }
    let users = async |query: &str| {
        let answer = site.ask(&format!("funnel?{query}")).await;
        let steps = answer["steps"].as_array().unwrap().clone();
        let users = steps.iter().map(|step| step["users"].as_u64().unwrap());
        users.collect::<Vec<_>>()
    };
    let ab = "steps=a&steps=b";
    assert_eq!(users(&format!("{ab}&groupBy=profile_id")).await, [6, 3]);
    assert_eq!(users(&format!("{ab}&windowHours=2")).await, [5, 2]);
    assert_eq!(users(&format!("{ab}&windowHours=1")).await, [5, 1]);
    assert_eq!(users(&format!("{ab}&startDate=2025-12-01")).await, [6, 2]);
    assert_eq!(users(&format!("{ab}&endDate=2026-01-13")).await, [0, 0]);
    assert_eq!(users("steps=x&steps=x&steps=x").await, [1, 1, 1]);
    assert_eq!(users("steps=x&steps=x&steps=x&steps=x").await, [1, 1, 1, 0]);
    assert_eq!(users("steps=a'%3B--&steps=b").await, [0, 0]);
    site.server.stop().await;
}

fn links(answer: &Json) -> Vec<(&str, &str, u64)> {
    let links = answer["links"].as_array().unwrap().iter();
    let links = links.map(|link| {
        (
            link["source"].as_str().unwrap(),
            link["target"].as_str().unwrap(),
            link["value"].as_u64().unwrap(),
        )
    });
    links.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_show_the_ways_of_sessions() {
    let mut events = session("s1", &["open", "view", "view", "a->b", "buy", "end"]);
    events.extend(session("s2", &["view", "buy", "end"]));
    events.extend(session("s3", &["open", "view", "end", "view"]));
    events.extend(session("s4", &["open", "other"]));
    let mut without_session = session("", &["view", "end"]);
    events.append(&mut without_session);
    let site = Site::open("UTC", &events).await;
    let after = site.ask("user_flow?startEvent=view&steps=3").await;
    let expected = json!({
        "mode": "after", "startEvent": "view", "node_count": 5, "link_count": 5,
        "nodes": [
            {"id": "view::step1", "label": "view", "nodeColor": "#2563EB", "percentage": 100.0,
                "value": 3, "step": 1},
            {"id": "a->b::step2", "label": "a->b", "nodeColor": "#2563EB",
                "percentage": 100.0 * (1.0 / 3.0), "value": 1, "step": 2},
            {"id": "buy::step2", "label": "buy", "nodeColor": "#2563EB",
                "percentage": 100.0 * (1.0 / 3.0), "value": 1, "step": 2},
            {"id": "end::final", "label": "end", "nodeColor": "#2563EB",
                "percentage": 100.0 * (2.0 / 3.0), "value": 2, "step": 3},
            {"id": "buy::step3", "label": "buy", "nodeColor": "#2563EB",
                "percentage": 100.0 * (1.0 / 3.0), "value": 1, "step": 3},
        ],
        "links": [
            {"source": "view::step1", "target": "a->b::step2", "value": 1},
            {"source": "view::step1", "target": "buy::step2", "value": 1},
            {"source": "view::step1", "target": "end::final", "value": 1},
            {"source": "a->b::step2", "target": "buy::step3", "value": 1},
            {"source": "buy::step2", "target": "end::final", "value": 1},
        ],
    });
    assert_eq!(after, expected);
    let before = site
        .ask("user_flow?startEvent=end&mode=before&steps=2")
        .await;
    let expected = [
        ("buy::step1", "end::step2", 2),
        ("view::step1", "end::step2", 1),
    ];
    assert_eq!(links(&before), expected);
    let colours = before["nodes"].as_array().unwrap().iter();
    let colours = colours.map(|node| node["nodeColor"].as_str().unwrap());
    assert_eq!(
        colours.collect::<Vec<_>>(),
        ["#2563EB", "#ff7557", "#2563EB"]
    );
    let between = site
        .ask("user_flow?startEvent=view&mode=between&endEvent=buy")
        .await;
    assert_eq!(between["endEvent"], "buy");
    let expected = [
        ("view::step1", "a->b::step2", 1),
        ("view::step1", "buy::final", 1),
        ("a->b::step2", "buy::final", 1),
    ];
    assert_eq!(links(&between), expected);
    let open = "user_flow?startEvent=open&";
    let only = site.ask(&format!("{open}include=end&include=a->b")).await;
    let expected = [
        ("open::step1", "a->b::step2", 1),
        ("open::step1", "end::final", 1),
        ("a->b::step2", "end::final", 1),
    ];
    assert_eq!(links(&only), expected);
    let but = site
        .ask(&format!("{open}exclude=[\"view\",\"end\",\"other\"]"))
        .await;
    let expected = [
        ("open::step1", "a->b::step2", 1),
        ("a->b::step2", "buy::step3", 1),
    ];
    assert_eq!(links(&but), expected);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_at_the_same_time_are_in_the_order_of_their_ids() {
    let event = |id: u32, name: &str| {
        json!({"id": format!("0b8c6c1e-6f0e-4c3c-9a57-1f2d6f0c9a{id}"), "name": name,
            "device_id": "d", "session_id": "s", "created_at": "2026-01-14T12:00:00Z"})
    };
    let events = [
        event(33, "c"),
        event(11, "a"),
        event(22, "b"),
        event(44, "a"),
    ];
    let site = Site::open("UTC", &events).await;
    let after = site.ask("user_flow?startEvent=b").await;
    let expected = [("b::step1", "c::step2", 1), ("c::step2", "a::step3", 1)];
    assert_eq!(links(&after), expected);
    let before = site.ask("user_flow?startEvent=b&mode=before").await;
    assert_eq!(links(&before), [("a::step1", "b::step2", 1)]);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_question_is_named() {
    let site = Site::open("UTC", &[]).await;
    let eleven = ["steps=a"; 11].join("&");
    let eleven = format!("funnel?{eleven}");
    let cases: &[(&str, &[&str])] = &[
        ("active_users?days=0", &["days"]),
        ("active_users?days=91", &["days"]),
        ("active_users?days=week", &["days"]),
        ("funnel", &["steps"]),
        ("funnel?steps=a", &["steps"]),
        ("funnel?steps=[]", &["steps"]),
        (&eleven, &["steps"]),
        ("funnel?steps=a&steps=b&windowHours=0", &["windowHours"]),
        ("funnel?steps=a&steps=b&windowHours=721", &["windowHours"]),
        ("funnel?steps=a&steps=b&groupBy=device_id", &["groupBy"]),
        ("funnel?steps=a&startDate=never", &["steps", "startDate"]),
        ("funnel?steps=a&steps=b&range=90d", &["range"]),
        ("user_flow", &["startEvent"]),
        ("user_flow?startEvent=a&mode=between", &["endEvent"]),
        ("user_flow?startEvent=a&mode=sideways", &["mode"]),
        ("user_flow?startEvent=a&steps=1", &["steps"]),
        (
            "user_flow?startEvent=a&steps=11&endDate=2020-01-01&startDate=2021-01-01",
            &["steps", "endDate"],
        ),
    ];
    for (path, wrong) in cases {
        let reply = site.reader.get(&format!("/insights/site/{path}")).await;
        let paths = wrong.iter().map(|name| json!([name])).collect::<Vec<_>>();
        reply.assert_invalid_query(&paths);
    }
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_readers_of_the_project_get_answers() {
    let site = Site::open("UTC", &[]).await;
    let server = &site.server;
    let other = server.create_project("Other").await;
    let writer = server.caller_of(&other["client"]);
    let client = json!({"name": "Reader", "type": "read", "projectId": "other"});
    let foreigner = server.caller_of(&server.create_client(client).await);
    let stranger = server.create_organization("Strangers").await;
    for path in [
        "active_users",
        "retention",
        "retention/cohort",
        "engagement",
        "funnel?steps=a&steps=b",
        "user_flow?startEvent=a",
    ] {
        let path = format!("/insights/site/{path}");
        let reply = server.root().get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(server.anonymous().get(&path).await.status, 401);
        assert_eq!(writer.get(&path).await.status, 401);
        let reply = foreigner.get(&path).await;
        reply.assert_error(403, "You do not have access to this project");
        let reply = stranger.get(&path).await;
        reply.assert_error(404, "Project not found");
    }
    site.server.stop().await;
}
