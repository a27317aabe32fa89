//! Insights about people and rows: events, sessions, profiles and groups, as
//! `docs/contract/insights.md` §7.14 to §7.18 has them.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/126.0.0.0 Safari/537.36";
const ORIGIN: &str = "https://shop.example";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A shop with visitors.
struct Shop {
    server: TestServer,
    write: Json,
}

impl Shop {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let body = json!({"name": "Shop", "cors": [ORIGIN], "allowUnsafeRevenueTracking": true});
        let made = server.root().post("/manage/projects", body).await;
        let write = made.data()["client"].clone();
        Self { server, write }
    }

    /// A browser at this address.
    fn visitor(&self, address: &str) -> Caller {
        self.server
            .anonymous()
            .with_header("openpanel-client-id", self.write["id"].as_str().unwrap())
            .with_header("origin", ORIGIN)
            .with_header("user-agent", CHROME)
            .with_header("x-client-ip", address)
    }

    async fn get(&self, path: &str) -> Reply {
        self.server.settle().await;
        let path = format!("/insights/shop/{path}");
        self.server.root().get(&path).await
    }

    /// The answer to a question that is right.
    async fn ask(&self, path: &str) -> Json {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.body
    }

    /// The ids of the rows that are listed.
    async fn ids(&self, path: &str) -> Vec<String> {
        of_each(&self.ask(path).await, "id")
    }

    async fn count(&self, path: &str) -> usize {
        self.ask(path).await.as_array().unwrap().len()
    }

    /// Demands 400 that names exactly these parameters.
    async fn refuses(&self, path: &str, paths: &[Json]) {
        self.get(path).await.assert_invalid_query(paths);
    }
}

fn of_each(rows: &Json, key: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[key].as_str().unwrap().to_owned())
        .collect()
}

async fn send(caller: &Caller, kind: &str, payload: Json) {
    let body = json!({"type": kind, "payload": payload});
    let reply = caller.post("/track", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

async fn track(caller: &Caller, payload: Json) {
    send(caller, "track", payload).await;
}

fn filter(name: &str, operator: &str, value: Json) -> String {
    let filters = json!([{"name": name, "operator": operator, "value": value}]);
    let filters = filters.to_string();
    url::form_urlencoded::byte_serialize(filters.as_bytes()).collect()
}

/// Anna, who buys from Acme, and bought; and then, three days later, Ola, who only looks.
async fn anna_and_ola(shop: &Shop) {
    let anna = shop.visitor("198.51.100.7");
    let properties = json!({"plan": "pro", "team": {"name": "Süd", "size": 3}});
    let identity = json!({"profileId": "anna", "firstName": "Anna", "lastName": "Åberg",
        "email": "Anna@Example.com", "properties": properties});
    send(&anna, "identify", identity).await;
    let group = json!({"id": "acme", "type": "company", "name": "Acme & Söhne",
        "properties": {"seats": 5}});
    send(&anna, "group", group).await;
    let join = json!({"groupIds": ["acme"], "profileId": "anna"});
    send(&anna, "assign_group", join).await;
    for (name, path, extra) in [
        (
            "screen_view",
            "/",
            json!({"__query": {"utm_source": "news"}}),
        ),
        ("screen_view", "/pris-lista", json!({})),
        (
            "signup",
            "/pris-lista",
            json!({"plan": "pro", "100%_sure": "it's \"so\""}),
        ),
        ("revenue", "/köp", json!({"__revenue": 250})),
    ] {
        let mut properties = json!({"__path": format!("{ORIGIN}{path}")});
        for (key, value) in extra.as_object().unwrap() {
            properties[key] = value.clone();
        }
        let payload = json!({"name": name, "profileId": "anna", "properties": properties});
        track(&anna, payload).await;
        shop.server.advance(MINUTE);
    }
    shop.server.advance(3 * DAY);
    shop.server.end_idle_sessions().await;
    let ola = shop.visitor("198.51.100.8");
    let identity = json!({"profileId": "ola", "firstName": "Ola"});
    send(&ola, "identify", identity).await;
    let team = json!({"id": "team-1", "type": "team", "name": "Team"});
    send(&ola, "group", team).await;
    let properties = json!({"__path": format!("{ORIGIN}/"), "__referrer": "https://google.com/"});
    let payload = json!({"name": "screen_view", "profileId": "ola", "properties": properties});
    track(&ola, payload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_newest_first_and_by_exact_conditions() {
    let shop = Shop::open().await;
    anna_and_ola(&shop).await;
    let all = shop.ask("events?limit=100").await;
    let names = of_each(&all, "name");
    assert_eq!(
        names,
        [
            "screen_view",
            "session_start",
            "session_end",
            "revenue",
            "signup",
            "screen_view",
            "screen_view",
            "session_start",
        ]
    );
    let keys = all[0].as_object().unwrap().keys().cloned();
    let keys = keys.collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys,
        "brand browser browser_version city country created_at device device_id duration groups \
         id imported_at latitude longitude model name origin os os_version path profile_id \
         project_id properties referrer referrer_name referrer_type region revenue sdk_name \
         sdk_version session_id"
    );
    assert_eq!(all[0]["project_id"], "shop");
    assert_eq!(all[4]["properties"]["100%_sure"], "it's \"so\"");
    for (query, expected) in [
        ("eventNames=signup", 1),
        ("eventNames=signup&eventNames=revenue", 2),
        ("eventNames=[\"signup\",\"revenue\"]", 2),
        ("path=/pris-lista", 2),
        ("path=/Pris-lista", 0),
        ("path=/pris", 0),
        ("browser=Chrome&device=desktop&os=Windows", 8),
        ("browser=Chrome&device=mobile", 0),
        ("profileId=anna", 6),
        ("profileId=nobody", 0),
        ("referrerName=Google", 2),
        ("referrerType=search&referrer=https://google.com", 2),
        ("country=SE", 0),
        ("properties={\"plan\":\"pro\"}", 1),
        ("properties[plan]=pro", 1),
        ("properties={\"plan\":\"pro\",\"100%25_sure\":\"no\"}", 0),
        ("startDate=2026-01-16", 2),
        ("endDate=2026-01-15", 6),
        ("range=today", 2),
        ("unknown=1", 8),
        ("limit=3", 3),
        ("limit=3&cursor=3", 2),
        ("limit=3&cursor=4", 0),
    ] {
        let path = if query.contains("limit") {
            format!("events?{query}")
        } else {
            format!("events?limit=100&{query}")
        };
        assert_eq!(shop.count(&path).await, expected, "{query}");
    }
    for (name, operator, value, expected) in [
        ("path", "contains", json!(["%C3%B6", "x"]), 2),
        ("path", "contains", json!(["_"]), 0),
        ("path", "startsWith", json!(["/PRIS"]), 0),
        ("properties.100%_sure", "endsWith", json!(["\"so\""]), 1),
        ("profile.first_name", "is", json!(["Anna"]), 6),
        ("profile.first_name", "isNot", json!(["Anna"]), 2),
        ("profile.properties.team.name", "is", json!(["Süd"]), 6),
        ("profile.properties.team.size", "gt", json!([2.5]), 6),
        ("session.is_bounce", "is", json!([true]), 2),
        ("name", "regex", json!(["^s.*p$"]), 1),
        ("utm_source", "is", json!(["news"]), 2),
        ("revenue", "gte", json!([250]), 1),
    ] {
        let filters = filter(name, operator, value);
        let path = format!("events?limit=100&filters={filters}");
        assert_eq!(shop.count(&path).await, expected, "{name} {operator}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_events_can_be_looked_up() {
    let shop = Shop::open().await;
    assert_eq!(shop.ask("events/names").await, json!([]));
    anna_and_ola(&shop).await;
    let names = json!([
        "screen_view",
        "session_start",
        "revenue",
        "session_end",
        "signup"
    ]);
    assert_eq!(shop.ask("events/names").await, names);
    let found = shop.ask("events/properties?eventName=signup").await;
    assert_eq!(found["columns"].as_array().unwrap().len(), 22);
    let keys = json!([
        {"property_key": "100%_sure", "event_name": "signup"},
        {"property_key": "__bot_reasons", "event_name": "signup"},
        {"property_key": "plan", "event_name": "signup"},
    ]);
    assert_eq!(found["properties"], keys);
    let all = shop.ask("events/properties").await["properties"].clone();
    let keys = of_each(&all, "property_key");
    assert!(keys.is_sorted() && keys.contains(&"__bounce".to_owned()));
    let visitor = shop.visitor("198.51.100.9");
    for plan in ["free", "pro", "", "free"] {
        shop.server.advance(MINUTE);
        let payload = json!({"name": "signup", "properties": {"plan": plan}});
        track(&visitor, payload).await;
    }
    let values = shop.ask("events/property_values?eventName=signup&propertyKey=plan");
    assert_eq!(
        values.await,
        json!({"event": "signup", "property": "plan", "values": ["free", "pro"]})
    );
    for query in [
        "eventName=signup&propertyKey=path",
        "eventName=SIGNUP&propertyKey=plan",
    ] {
        let found = shop.ask(&format!("events/property_values?{query}")).await;
        assert_eq!(found["values"], json!([]), "{query}");
    }
    shop.refuses(
        "events/property_values",
        &[json!(["eventName"]), json!(["propertyKey"])],
    )
    .await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_once_each_and_newest_first() {
    let shop = Shop::open().await;
    anna_and_ola(&shop).await;
    let all = shop.ask("sessions").await;
    assert_eq!(of_each(&all, "profile_id"), ["ola", "anna"]);
    let keys = all[0].as_object().unwrap().keys().cloned();
    let keys = keys.collect::<Vec<_>>();
    assert_eq!(keys.len(), 36, "{keys:?}");
    assert!(!keys.contains(&"sign".to_owned()) && !keys.contains(&"version".to_owned()));
    let anna = &all[1];
    assert_eq!(anna["created_at"], "2026-01-15 10:30:00.000");
    assert_eq!(anna["ended_at"], "2026-01-15 10:33:00.000");
    assert_eq!(anna["duration"], 180_000);
    assert_eq!(anna["screen_view_count"], 2);
    assert_eq!(anna["event_count"], 2);
    assert_eq!(anna["revenue"], 250);
    assert_eq!(anna["is_bounce"], false);
    assert_eq!(anna["entry_path"], "/");
    assert_eq!(anna["exit_path"], "/k%C3%B6p");
    assert_eq!(anna["utm_source"], "news");
    assert_eq!(all[0]["referrer_name"], "Google");
    for (query, expected) in [
        ("profileId=anna", 1),
        ("referrerName=Google", 1),
        ("browser=Chrome", 2),
        ("browser=Firefox", 0),
        ("range=today", 1),
        ("limit=1", 1),
        ("limit=1&cursor=2", 1),
        ("limit=1&cursor=3", 0),
    ] {
        let found = shop.count(&format!("sessions?{query}")).await;
        assert_eq!(found, expected, "{query}");
    }
    for (name, operator, value, expected) in [
        (
            "session.performed_event",
            "is",
            json!(["signup"]),
            &["anna"][..],
        ),
        (
            "session.performed_event",
            "isNot",
            json!(["signup"]),
            &["ola"],
        ),
        ("session.screen_view_count", "gte", json!(["2"]), &["anna"]),
        ("session.duration", "is", json!([0]), &["ola"]),
        ("path", "is", json!(["/pris-lista"]), &["anna"]),
        ("properties.plan", "is", json!(["pro"]), &["anna"]),
        ("profile.email", "isNull", json!([]), &["ola"]),
        ("group.id", "is", json!(["acme"]), &[]),
    ] {
        let filters = filter(name, operator, value);
        let found = shop.ask(&format!("sessions?filters={filters}")).await;
        assert_eq!(of_each(&found, "profile_id"), expected, "{name} {operator}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_found_by_what_they_are_and_did() {
    let shop = Shop::open().await;
    assert_eq!(shop.ask("profiles").await, json!([]));
    anna_and_ola(&shop).await;
    let all = shop.ask("profiles").await;
    assert_eq!(of_each(&all, "id"), ["ola", "anna"]);
    let anna = &all[1];
    assert_eq!(anna["first_name"], "Anna");
    assert_eq!(anna["email"], "Anna@Example.com");
    assert_eq!(anna["properties"]["team.size"], "3");
    assert_eq!(anna["properties"]["browser"], "Chrome");
    assert_eq!(anna["groups"], json!(["acme"]));
    assert_eq!(anna["is_external"], true);
    assert_eq!(anna["created_at"], "2026-01-15 10:30:00.000");
    let both = &["ola", "anna"][..];
    for (query, expected) in [
        ("sortOrder=asc", &["anna", "ola"][..]),
        ("sortOrder=desc", both),
        ("name=ANNA%20%C3%A5berg", &["anna"]),
        ("name=ola%20anna", &[]),
        ("name=%20%20", both),
        ("name=o", &["ola", "anna"]),
        ("email=EXAMPLE", &["anna"]),
        ("email=%25", &[]),
        ("device=desktop&browser=Chrome", both),
        ("browser=chrome", &[]),
        ("city=", both),
        ("inactiveDays=2", &["anna"]),
        ("inactiveDays=4", &[]),
        ("minSessions=1", both),
        ("minSessions=2", &[]),
        ("performedEvent=signup", &["anna"]),
        ("performedEvent=sign", &[]),
        ("limit=1", &["ola"]),
        ("limit=1&cursor=2", &["anna"]),
        ("limit=1&cursor=3", &[]),
    ] {
        let found = shop.ids(&format!("profiles?{query}")).await;
        assert_eq!(found, expected, "{query}");
    }
    for (name, operator, value, expected) in [
        (
            "profile.properties.plan",
            "is",
            json!(["pro"]),
            &["anna"][..],
        ),
        ("profile.properties.plan", "isNot", json!(["pro"]), &["ola"]),
        ("profile.id", "is", json!(["anna", "ola"]), both),
        ("profile.created_at", "lt", json!(["2026-01-16"]), &["anna"]),
        ("profile.is_external", "is", json!(["false"]), &[]),
        ("has_profile", "is", json!([true]), both),
        ("group.name", "contains", json!(["Söhne"]), &["anna"]),
        ("group.properties.seats", "gte", json!([5]), &["anna"]),
        ("group.acme", "is", json!(["acme"]), &["anna"]),
        ("browser", "startsWith", json!(["Chr"]), both),
        ("name", "is", json!(["revenue"]), &["anna"]),
        ("properties.plan", "is", json!(["pro"]), &["anna"]),
        ("session.is_bounce", "is", json!([true]), &["ola"]),
        ("project_id", "is", json!(["shop"]), both),
        ("project_id", "isNot", json!(["shop"]), &[]),
    ] {
        let filters = filter(name, operator, value);
        let found = shop.ids(&format!("profiles?filters={filters}")).await;
        assert_eq!(found, expected, "{name} {operator}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_profile_did_is_counted() {
    let shop = Shop::open().await;
    anna_and_ola(&shop).await;
    let anna = shop.visitor("198.51.100.7");
    // An hour before midnight in UTC, and after it in Kiritimati.
    let zone = json!({"timezone": "Pacific/Kiritimati"});
    let patched = shop.server.root().patch("/manage/organization", zone).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    track(&anna, json!({"name": "late", "profileId": "anna"})).await;
    let alias = json!({"profileId": "anna", "alias": "änna 2"});
    send(&anna, "alias", alias).await;
    shop.server.settle().await;
    for id in ["anna", "%C3%A4nna%202"] {
        let metrics = shop.ask(&format!("profiles/{id}/metrics")).await;
        assert_eq!(
            metrics,
            json!({
                "profileId": "anna",
                "firstSeen": "2026-01-15T10:30:00.000Z",
                "lastSeen": "2026-01-18T10:34:00.000Z",
                "sessions": 2,
                "screenViews": 2,
                "totalEvents": 8,
                "conversionEvents": 3,
                "uniqueDaysActive": 2,
                "avgSessionDurationMin": 3.0,
                "p90SessionDurationMin": 3.0,
                "avgEventsPerSession": 4.0,
                "avgTimeBetweenSessionsSec": 259_440.0,
                "bounceRate": 50.0,
                "revenue": 250,
            })
        );
        let sessions = shop.ask(&format!("profiles/{id}/sessions")).await;
        assert_eq!(of_each(&sessions, "profile_id"), ["anna", "anna"]);
        assert_eq!(sessions[1]["duration"], 180_000);
        let profile = shop.ask(&format!("profiles/{id}?eventLimit=2")).await;
        assert_eq!(profile["profile"]["id"], "anna");
        assert_eq!(profile["recentEvents"], profile["recent_events"]);
        assert_eq!(profile["recentEvents"][0]["name"], "late");
        assert_eq!(profile["recentEvents"].as_array().unwrap().len(), 2);
        assert_eq!(shop.count(&format!("events?profileId={id}")).await, 8);
        assert_eq!(shop.count(&format!("sessions?profileId={id}")).await, 2);
    }
    assert_eq!(shop.count("profiles/anna/sessions?limit=1").await, 1);
    let unknown = shop.ask("profiles/nobody/metrics").await;
    assert_eq!(unknown["totalEvents"], 0);
    for key in ["firstSeen", "bounceRate", "avgEventsPerSession"] {
        assert_eq!(unknown[key], Json::Null, "{key}");
    }
    assert_eq!(unknown["avgTimeBetweenSessionsSec"], 0.0);
    assert_eq!(shop.ask("profiles/nobody/sessions").await, json!([]));
    let reply = shop.get("profiles/nobody").await;
    reply.assert_error(404, "Profile not found");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_listed_with_their_members() {
    let shop = Shop::open().await;
    assert_eq!(shop.ask("groups/types").await, json!({"types": []}));
    anna_and_ola(&shop).await;
    let types = json!({"types": ["company", "team"]});
    assert_eq!(shop.ask("groups/types").await, types);
    let all = shop.ask("groups").await;
    assert_eq!(of_each(&all, "id"), ["team-1", "acme"]);
    let acme = json!({
        "id": "acme",
        "projectId": "shop",
        "type": "company",
        "name": "Acme & Söhne",
        "properties": {"seats": "5"},
        "createdAt": "2026-01-15T10:30:00.000Z",
        "updatedAt": "2026-01-15T10:30:00.000Z",
    });
    assert_eq!(all[1], acme);
    for (query, expected) in [
        ("type=company", &["acme"][..]),
        ("type=Company", &[]),
        ("search=S%C3%96HNE", &["acme"]),
        ("search=TEAM", &["team-1"]),
        ("search=%25", &[]),
        ("limit=1", &["team-1"]),
        ("limit=1&cursor=2", &["acme"]),
    ] {
        let found = shop.ids(&format!("groups?{query}")).await;
        assert_eq!(found, expected, "{query}");
    }
    let visitor = shop.visitor("198.51.100.9");
    let join = json!({"groupIds": ["acme", "other"], "profileId": "ola"});
    send(&visitor, "assign_group", join).await;
    let found = shop.ask("groups/acme").await;
    assert_eq!(found["group"], acme);
    assert_eq!(found["member_count"], 2);
    assert_eq!(of_each(&found["members"], "id"), ["ola", "anna"]);
    let anna = &found["members"][1];
    assert_eq!(
        anna["properties"]["team"],
        json!({"name": "Süd", "size": "3"})
    );
    assert_eq!(anna["firstName"], "Anna");
    assert_eq!(anna["isExternal"], true);
    assert_eq!(anna["groups"], json!(["acme"]));
    assert_eq!(anna["createdAt"], "2026-01-15T10:30:00.000Z");
    let one = shop.ask("groups/acme?memberLimit=1").await;
    assert_eq!(of_each(&one["members"], "id"), ["ola"]);
    assert_eq!(one["member_count"], 2);
    shop.get("groups/other")
        .await
        .assert_error(404, "Group not found");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_question_is_named() {
    let shop = Shop::open().await;
    let at = |steps: &[&str]| json!(steps);
    for path in ["events", "sessions", "profiles", "groups"] {
        for (query, parameter) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=many", "limit"),
            ("limit=1&limit=2", "limit"),
            ("cursor=0", "cursor"),
        ] {
            shop.refuses(&format!("{path}?{query}"), &[at(&[parameter])])
                .await;
        }
        if path != "groups" {
            shop.refuses(&format!("{path}?filters=x"), &[at(&["filters"])])
                .await;
            let unknown = filter("nonsense", "is", json!(["x"]));
            let name = json!(["filters", 0, "name"]);
            shop.refuses(&format!("{path}?filters={unknown}"), &[name])
                .await;
            let empty = filter("country", "is", json!([]));
            let value = json!(["filters", 0, "value"]);
            shop.refuses(&format!("{path}?filters={empty}"), &[value])
                .await;
        }
    }
    for path in ["events", "sessions"] {
        for (query, parameter) in [
            ("startDate=soon", "startDate"),
            ("startDate=2026-01-10&endDate=2026-01-09", "endDate"),
            ("range=90d", "range"),
            ("country=SE&country=NO", "country"),
            ("profileId=a%00b", "profileId"),
        ] {
            shop.refuses(&format!("{path}?{query}"), &[at(&[parameter])])
                .await;
        }
    }
    for (path, parameter) in [
        ("events?properties=plan", "properties"),
        ("events?properties=[1]", "properties"),
        ("profiles?inactiveDays=0", "inactiveDays"),
        ("profiles?minSessions=-1", "minSessions"),
        ("profiles?sortOrder=up", "sortOrder"),
        ("profiles/anna?eventLimit=101", "eventLimit"),
        ("profiles/anna/sessions?limit=101", "limit"),
        ("groups/acme?memberLimit=51", "memberLimit"),
    ] {
        shop.refuses(path, &[at(&[parameter])]).await;
    }
    // Everything at once.
    let both = [json!(["limit"]), json!(["inactiveDays"])];
    shop.refuses("profiles?limit=0&inactiveDays=x", &both).await;
    // A text that looks like a number is a text.
    assert_eq!(shop.count("events?profileId=123&path=true").await, 0);
    shop.server.stop().await;
}

const PATHS: [&str; 12] = [
    "events",
    "events/names",
    "events/properties",
    "events/property_values?eventName=a&propertyKey=b",
    "sessions",
    "profiles",
    "profiles/anna",
    "profiles/anna/sessions",
    "profiles/anna/metrics",
    "groups",
    "groups/types",
    "groups/acme",
];

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_read_the_project_is_answered() {
    let shop = Shop::open().await;
    anna_and_ola(&shop).await;
    shop.server.settle().await;
    let server = &shop.server;
    server.create_project("Other").await;
    let client =
        |kind: &str, project: &str| json!({"name": "C", "type": kind, "projectId": project});
    let read = server.create_client(client("read", "shop")).await;
    let read = server.caller_of(&read);
    let foreign = server.create_client(client("read", "other")).await;
    let foreign = server.caller_of(&foreign);
    let write = server.caller_of(&shop.write);
    for path in PATHS {
        let known = read.get(&format!("/insights/shop/{path}")).await;
        assert_eq!(known.status, 200, "{path}: {}", known.text);
        let under_api = read.get(&format!("/api/insights/shop/{path}")).await;
        assert_eq!(under_api.body, known.body, "{path}");
        for project in ["shop", "none"] {
            let refused = foreign.get(&format!("/insights/{project}/{path}")).await;
            refused.assert_error(403, "You do not have access to this project");
        }
        let unknown = server.root().get(&format!("/insights/none/{path}")).await;
        unknown.assert_error(404, "Project not found");
        let refused = write.get(&format!("/insights/shop/{path}")).await;
        assert_eq!(refused.status, 401, "{path}");
        let nobody = server.anonymous();
        let refused = nobody.get(&format!("/insights/shop/{path}")).await;
        assert_eq!(refused.status, 401, "{path}");
    }
    // What another project has is not there.
    let root = server.root();
    for path in ["events", "sessions", "profiles", "groups"] {
        let found = root.get(&format!("/insights/other/{path}")).await;
        assert_eq!(found.body, json!([]), "{path}");
    }
    for path in ["profiles/anna", "groups/acme"] {
        let found = root.get(&format!("/insights/other/{path}")).await;
        assert_eq!(found.status, 404, "{path}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_the_same_after_a_restart() {
    let mut shop = Shop::open().await;
    anna_and_ola(&shop).await;
    let before = (shop.ask("profiles").await, shop.ask("groups").await);
    shop.server = shop.server.restart().await;
    let after = (shop.ask("profiles").await, shop.ask("groups").await);
    assert_eq!(before, after);
    let anna = shop.visitor("198.51.100.7");
    let identity = json!({"profileId": "anna", "firstName": "Anne"});
    send(&anna, "identify", identity).await;
    let found = shop.ask("profiles?name=anne").await;
    assert_eq!(of_each(&found, "email"), ["Anna@Example.com"]);
    shop.server.stop().await;
}
