//! How much is kept of one profile or group, and who may say that two ids are the same person:
//! `docs/contract/track.md` §9 and §4.5.

use serde_json::{Map, Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

const ORIGIN: &str = "https://shop.example";
const KIB: usize = 1024;

/// A shop that strangers may track, and another organization's, which is to notice nothing.
struct Shop {
    server: TestServer,
    /// Knows the secret.
    backend: Caller,
    /// Anybody.
    stranger: Caller,
    /// The root client of another organization.
    neighbour: Caller,
}

impl Shop {
    async fn open() -> Self {
        let server = TestServer::start_with(&[("RATE_LIMIT_TRACK_VISITOR", "off")]).await;
        let body = json!({"name": "Shop", "cors": [ORIGIN]});
        let made = server.root().post("/manage/projects", body).await;
        let client = made.data()["client"].clone();
        let backend = server
            .caller_of(&client)
            .with_header("user-agent", "node")
            .with_header("x-client-ip", "198.51.100.7");
        let stranger = server
            .anonymous()
            .with_header("openpanel-client-id", client["id"].as_str().unwrap())
            .with_header("origin", ORIGIN)
            .with_header("x-client-ip", "198.51.100.8");
        let neighbour = server.create_organization("Other").await;
        let made = neighbour
            .post("/manage/projects", json!({"name": "Next"}))
            .await;
        assert_eq!(made.status, 200, "{}", made.text);
        Self {
            server,
            backend,
            stranger,
            neighbour,
        }
    }

    async fn ask(&self, path: &str) -> Json {
        self.server.settle().await;
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.body
    }

    async fn get(&self, path: &str) -> Reply {
        self.server
            .root()
            .get(&format!("/insights/shop/{path}"))
            .await
    }

    async fn profile(&self, id: &str) -> Json {
        self.ask(&format!("profiles/{id}")).await["profile"].clone()
    }

    async fn group(&self, id: &str) -> Json {
        self.ask(&format!("groups/{id}")).await["group"].clone()
    }

    async fn edit(&self, id: &str, body: Json) -> Reply {
        let path = format!("/manage/projects/shop/profiles/{id}");
        self.server.root().patch(&path, body).await
    }

    async fn demand_unnoticed(&self) {
        for report in ["metrics", "profiles", "groups"] {
            let path = format!("/insights/next/{report}?range=today");
            let reply = self.neighbour.get(&path).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        }
    }
}

async fn send(caller: &Caller, kind: &str, payload: Json) {
    let reply = caller
        .post("/track", json!({"type": kind, "payload": payload}))
        .await;
    assert_eq!(reply.status, 200, "{kind}: {}", reply.text);
}

/// Properties of these numbers, with values of so many bytes.
fn keys(range: std::ops::Range<usize>, bytes: usize) -> Json {
    let value = Json::from("v".repeat(bytes));
    let keys = range.map(|number| (format!("k{number:05}"), value.clone()));
    Json::Object(keys.collect::<Map<_, _>>())
}

fn size(row: &Json) -> usize {
    let properties = row["properties"].as_object().unwrap().iter();
    let sizes = properties.map(|(name, value)| name.len() + value.as_str().unwrap().len());
    sizes.sum()
}

fn count(row: &Json, of: &str) -> usize {
    match &row[of] {
        Json::Array(list) => list.len(),
        other => other.as_object().unwrap().len(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_somebody_is_told_of_the_profile_stays_within_its_bounds() {
    let shop = Shop::open().await;
    // In bytes: 60 requests of 200 KiB each.
    for round in 0..60 {
        let properties = keys(round * 13..(round + 1) * 13, 15 * KIB);
        let identity = json!({"profileId": "fat", "properties": properties});
        send(&shop.stranger, "identify", identity).await;
        if round % 20 == 0 {
            shop.demand_unnoticed().await;
        }
    }
    let fat = shop.profile("fat").await;
    assert!(
        size(&fat) > 240 * KIB && size(&fat) <= 256 * KIB,
        "{}",
        size(&fat)
    );
    // 13 keys of 15 KiB, and four of the second request; what the server knows has room still.
    let told = 60 * 13;
    assert_eq!(fat["left_out"], json!(told - 17), "{:?}", fat["left_out"]);

    // In keys: by every way in.
    for round in 0..12 {
        let properties = keys(round * 50..(round + 1) * 50, 1);
        let identity = json!({"profileId": "many", "properties": properties});
        match round % 3 {
            0 => send(&shop.stranger, "identify", identity).await,
            1 => {
                let old = shop.stranger.post("/profile", identity).await;
                assert_eq!(old.status, 202, "{}", old.text);
            }
            _ => {
                let event = json!({"name": "x", "properties": {"__identify": identity}});
                send(&shop.stranger, "track", event).await;
            }
        }
    }
    for number in 0..60 {
        let property = format!("n{number}");
        let add = json!({"profileId": "many", "property": property});
        send(&shop.stranger, "increment", add.clone()).await;
        let old = shop.stranger.post("/profile/decrement", add).await;
        assert_eq!(old.status, 202, "{}", old.text);
    }
    for round in 0..6 {
        let groups = (0..100).map(|number| format!("g{round}-{number}"));
        let groups = json!({"profileId": "many", "groupIds": groups.collect::<Vec<_>>()});
        send(&shop.stranger, "assign_group", groups).await;
    }
    let many = shop.profile("many").await;
    assert_eq!(count(&many, "properties"), 500);
    assert_eq!(count(&many, "groups"), 500);
    assert!(
        many["left_out"].as_u64().unwrap() >= 100 + 120 + 100,
        "{many}"
    );
    // What is there changes all the same.
    let again = json!({"profileId": "many", "properties": {"k00007": "changed"}});
    send(&shop.stranger, "identify", again).await;
    let many = shop.profile("many").await;
    assert_eq!(many["properties"]["k00007"], "changed");

    let listed = shop.ask("profiles?limit=100").await;
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| size(row) <= 256 * KIB));
    assert!(rows.iter().all(|row| row["left_out"].as_u64().unwrap() > 0));
    shop.demand_unnoticed().await;
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_stay_within_their_bounds_and_so_does_a_list_of_them() {
    let shop = Shop::open().await;
    let group = |id: &str, properties: Json| json!({"id": id, "type": "company", "name": "Acme", "properties": properties});
    for round in 0..60 {
        let properties = keys(round * 15..(round + 1) * 15, 15 * KIB);
        send(&shop.stranger, "group", group("fat", properties.clone())).await;
        let other = group(&format!("g{round}"), properties);
        send(&shop.stranger, "group", other).await;
    }
    let fat = shop.group("fat").await;
    assert!(
        size(&fat) > 240 * KIB && size(&fat) <= 256 * KIB,
        "{}",
        size(&fat)
    );
    assert_eq!(fat["leftOut"], json!(60 * 15 - 17));
    shop.server.settle().await;
    let reply = shop.get("groups?limit=100").await;
    assert_eq!(reply.status, 200);
    assert!(reply.text.len() < 9 * KIB * KIB, "{}", reply.text.len());
    let rows = reply.body.as_array().unwrap();
    assert_eq!(rows.len(), 61);
    let cut = rows.iter().filter(|row| row["cut"] == true).count();
    assert!(cut > 10, "{cut}");
    let usual = shop.ask("groups").await;
    assert!(
        usual
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row.get("cut").is_none())
    );
    shop.demand_unnoticed().await;
    shop.server.stop().await;
}

/// What is beyond a bound by itself is refused, and the answer says what it is, and the bound.
#[tokio::test(flavor = "multi_thread")]
async fn one_request_beyond_a_bound_is_refused() {
    let shop = Shop::open().await;
    let ids = |count: usize| {
        (0..count)
            .map(|number| format!("g{number}"))
            .collect::<Vec<_>>()
    };
    let exactly = 256 * KIB / 16 - 6;
    let cases = [
        (
            "firstName",
            json!("ä".repeat(255)),
            json!("ä".repeat(256)),
            "255 characters",
        ),
        (
            "lastName",
            json!("x".repeat(255)),
            json!("x".repeat(256)),
            "255 characters",
        ),
        (
            "avatar",
            json!(format!("data:,{}", "x".repeat(16 * KIB - 6))),
            json!(format!("data:,{}", "x".repeat(16 * KIB - 5))),
            "16384 bytes",
        ),
        ("properties", keys(0..500, 1), keys(0..501, 1), "500 values"),
        (
            "properties",
            keys(0..16, exactly),
            keys(0..16, exactly + 1),
            "262144 bytes",
        ),
    ];
    for (field, within, beyond, bound) in cases {
        for (told, status) in [(&within, 200), (&beyond, 400)] {
            let mut identity = json!({"profileId": "p"});
            identity[field] = told.clone();
            let event = json!({"name": "x", "properties": {"__identify": identity}});
            for (kind, payload, place) in [
                ("identify", identity.clone(), json!(["payload", field])),
                (
                    "track",
                    event,
                    json!(["payload", "properties", "__identify", field]),
                ),
            ] {
                let body = json!({"type": kind, "payload": payload});
                let reply = shop.stranger.post("/track", body).await;
                assert_eq!(reply.status, status, "{kind} {field}: {}", reply.text);
                if status == 400 {
                    reply.assert_invalid_body(&[place]);
                    assert!(reply.text.contains(bound), "{}", reply.text);
                }
            }
            let old = shop.stranger.post("/profile", identity).await;
            assert_eq!(old.status == 202, status == 200, "{field}: {}", old.text);
        }
    }
    let long = json!({"profileId": "p", "email": format!("{}@example.com", "x".repeat(250))});
    let long = shop
        .stranger
        .post("/track", json!({"type": "identify", "payload": long}))
        .await;
    long.assert_invalid_body(&[json!(["payload", "email"])]);
    let group = json!({"id": "g", "type": "t", "name": "n", "properties": keys(0..17, 16 * KIB)});
    let group = shop
        .stranger
        .post("/track", json!({"type": "group", "payload": group}))
        .await;
    group.assert_invalid_body(&[json!(["payload", "properties"])]);
    let groups = json!({"profileId": "p", "groupIds": ids(501)});
    let groups = json!({"type": "assign_group", "payload": groups});
    let groups = shop.stranger.post("/track", groups).await;
    groups.assert_invalid_body(&[json!(["payload", "groupIds"])]);
    // What is wrong with it otherwise costs no event.
    let lenient = json!({"profileId": "p", "email": "none", "avatar": 1, "properties": "none"});
    let event = json!({"name": "x", "properties": {"__identify": lenient}});
    send(&shop.stranger, "track", event).await;
    let row = json!([{"name": "x", "created_at": "2026-01-01 00:00:00", "device_id": "d",
        "path": "p".repeat(16 * KIB + 1)}]);
    let import = shop.backend.post("/import/events", row).await;
    import.assert_invalid_body(&[json!([0, "path"])]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_room_in_a_profile() {
    let shop = Shop::open().await;
    let identity = json!({"profileId": "anna", "firstName": "Anna", "properties": keys(0..500, 1)});
    send(&shop.backend, "identify", identity).await;
    let groups = json!({"profileId": "anna", "groupIds": ["acme", "beta"]});
    send(&shop.backend, "assign_group", groups).await;
    send(
        &shop.backend,
        "alias",
        json!({"profileId": "anna", "alias": "a@shop.example"}),
    )
    .await;
    send(
        &shop.backend,
        "increment",
        json!({"profileId": "anna", "property": "n"}),
    )
    .await;
    let full = shop.profile("anna").await;
    // The number, and that a server told of her.
    assert_eq!(full["left_out"], 2);

    // Nothing is waited for in between, and no room is no success.
    let refused = shop
        .edit("anna", json!({"properties": {"vip": true}}))
        .await;
    refused.assert_invalid_body(&[json!(["properties"])]);
    let edit = json!({"firstName": null, "email": "anna@shop.example", "groups": ["beta", "team"],
        "properties": {"k00000": null, "k00001": "", "k00002": 1.5, "vip": true, "absent": null}});
    let edited = shop.edit("a@shop.example", edit).await;
    let profile = edited.data();
    assert_eq!(profile["id"], "anna", "{}", edited.text);
    assert_eq!(profile["firstName"], "");
    assert_eq!(profile["email"], "anna@shop.example");
    assert_eq!(profile["groups"], json!(["beta", "team"]));
    assert_eq!(profile["leftOut"], 0);
    let properties = profile["properties"].as_object().unwrap();
    assert_eq!(properties.len(), 499);
    assert_eq!(
        (&properties["k00002"], &properties["vip"]),
        (&json!("1.5"), &json!("true"))
    );
    for gone in ["k00000", "k00001"] {
        assert!(!properties.contains_key(gone), "{gone}");
    }
    // It is what readers see, in lists too; and there is room again.
    send(
        &shop.backend,
        "increment",
        json!({"profileId": "anna", "property": "n"}),
    )
    .await;
    let read = shop.profile("anna").await;
    assert_eq!(read["properties"]["n"], "1");
    assert_eq!(read.get("left_out"), None);
    let listed = shop.ask("profiles?email=anna").await;
    assert_eq!(listed[0]["properties"], read["properties"]);

    let path = "/manage/audit?resource=profile";
    let audit = shop.server.root().get(path).await;
    let entries = audit.data().as_array().unwrap().clone();
    assert_eq!(entries.len(), 1, "{}", audit.text);
    assert_eq!(entries[0]["action"], "profile.update");
    assert_eq!(entries[0]["resourceId"], "anna");
    assert_eq!(entries[0]["requestId"], edited.header("request-id"));
    let changes = &entries[0]["changes"];
    assert_eq!(
        changes["fields"]["to"],
        json!(["firstName", "email", "groups"]),
        "{changes}"
    );
    assert_eq!(changes["propertiesRemoved"]["to"], 3);
    // She may be erased, and the log is kept.
    assert!(!audit.text.contains("anna@shop.example"), "{}", audit.text);

    let same = shop.edit("anna", json!({})).await;
    assert_eq!(same.data()["properties"]["n"], "1");
    let audit = shop.server.root().get(path).await;
    assert_eq!(audit.data().as_array().unwrap().len(), 1);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_wrong_or_not_allowed_changes_nothing() {
    let shop = Shop::open().await;
    send(
        &shop.backend,
        "identify",
        json!({"profileId": "anna", "firstName": "Anna"}),
    )
    .await;
    let long = "x".repeat(16 * KIB + 1);
    let key = "k".repeat(257);
    let many = (0..501)
        .map(|number| number.to_string())
        .collect::<Vec<_>>();
    for (body, place) in [
        (json!({"firstName": "x".repeat(256)}), json!(["firstName"])),
        (json!({"lastName": 1}), json!(["lastName"])),
        (json!({"email": "none"}), json!(["email"])),
        (json!({"avatar": "none"}), json!(["avatar"])),
        (json!({"avatar": long}), json!(["avatar"])),
        (json!({"properties": []}), json!(["properties"])),
        (
            json!({"properties": {"a": {"b": 1}}}),
            json!(["properties", "a"]),
        ),
        (
            json!({"properties": {"a": long}}),
            json!(["properties", "a"]),
        ),
        (
            json!({"properties": {"a": "nul\u{0}"}}),
            json!(["properties", "a"]),
        ),
        (json!({"properties": {&key: 1}}), json!(["properties", key])),
        (
            json!({"properties": keys(0..501, 1)}),
            json!(["properties"]),
        ),
        (json!({"groups": "acme"}), json!(["groups"])),
        (json!({"groups": ["acme", ""]}), json!(["groups", 1])),
        (json!({"groups": many}), json!(["groups"])),
    ] {
        let refused = shop.edit("anna", body).await;
        refused.assert_invalid_body(&[place]);
    }
    let path = "/manage/projects/shop/profiles/anna";
    let edit = json!({"firstName": "Eve"});
    assert_eq!(shop.stranger.patch(path, edit.clone()).await.status, 401);
    assert_eq!(shop.backend.patch(path, edit.clone()).await.status, 401);
    let refused = shop.neighbour.patch(path, edit.clone()).await;
    refused.assert_error(404, "Project not found");
    // What is not there is told before what is wrong.
    for body in [edit, json!({"firstName": 1})] {
        let refused = shop.edit("nobody", body).await;
        refused.assert_error(404, "Profile not found");
    }
    assert_eq!(shop.profile("anna").await["first_name"], "Anna");
    let audit = shop
        .server
        .root()
        .get("/manage/audit?resource=profile")
        .await;
    assert_eq!(audit.data(), &json!([]));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_alias_changes_nothing_that_is_there_and_an_erasure_takes_nobody_along() {
    let shop = Shop::open().await;
    for id in ["victim", "attacker"] {
        send(
            &shop.backend,
            "identify",
            json!({"profileId": id, "firstName": id}),
        )
        .await;
    }
    let phone = json!({"profileId": "victim", "alias": "phone"});
    send(&shop.backend, "alias", phone).await;
    for alias in ["victim", "phone", "fresh"] {
        let claim = json!({"profileId": "attacker", "alias": alias});
        send(&shop.stranger, "alias", claim).await;
    }
    for (id, found) in [
        ("victim", "victim"),
        ("phone", "victim"),
        ("fresh", "attacker"),
    ] {
        assert_eq!(shop.profile(id).await["first_name"], found, "{id}");
    }
    let event = json!({"name": "bought", "profileId": "fresh"});
    send(&shop.backend, "track", event).await;
    // What was only claimed has events of its own.
    let path = |id: &str| format!("/manage/projects/shop/profiles/{id}");
    let erased = shop.server.root().delete(&path("attacker")).await;
    let deleted = json!({"profiles": 1, "events": 0, "sessions": 0});
    assert_eq!(erased.body["deleted"], deleted, "{}", erased.text);
    for id in ["victim", "phone"] {
        assert_eq!(shop.profile(id).await["first_name"], "victim");
    }
    let erased = shop.server.root().delete(&path("fresh")).await;
    let deleted = json!({"profiles": 0, "events": 1, "sessions": 0});
    assert_eq!(erased.body["deleted"], deleted, "{}", erased.text);

    // Who was claimed before they came is a person of their own as soon as they come.
    let claim = json!({"profileId": "attacker", "alias": "customer"});
    send(&shop.stranger, "identify", json!({"profileId": "attacker"})).await;
    send(&shop.stranger, "alias", claim).await;
    assert_eq!(shop.profile("customer").await["id"], "attacker");
    let customer = json!({"profileId": "customer", "firstName": "customer"});
    send(&shop.backend, "identify", customer).await;
    assert_eq!(shop.profile("customer").await["first_name"], "customer");
    assert_eq!(shop.profile("attacker").await["first_name"], "");
    let erased = shop.server.root().delete(&path("attacker")).await;
    assert_eq!(erased.body["deleted"]["profiles"], 1, "{}", erased.text);
    assert_eq!(shop.profile("customer").await["first_name"], "customer");

    // The other way round: erasing what a stranger claimed to be the victim takes no victim.
    let claim = json!({"profileId": "victim", "alias": "mallory"});
    send(&shop.stranger, "alias", claim).await;
    assert_eq!(shop.profile("mallory").await["first_name"], "victim");
    let erased = shop.server.root().delete(&path("mallory")).await;
    erased.assert_error(404, "Profile not found");
    assert_eq!(shop.profile("victim").await["first_name"], "victim");

    // Whoever knows the secret may say so.
    send(
        &shop.backend,
        "identify",
        json!({"profileId": "old", "firstName": "old"}),
    )
    .await;
    send(
        &shop.backend,
        "alias",
        json!({"profileId": "victim", "alias": "old"}),
    )
    .await;
    assert_eq!(shop.profile("old").await["first_name"], "victim");
    let erased = shop.server.root().delete(&path("old")).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    for id in ["victim", "old", "phone"] {
        let gone = shop.get(&format!("profiles/{id}")).await;
        gone.assert_error(404, "Profile not found");
    }
    shop.server.stop().await;
}
