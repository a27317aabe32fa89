//! What clients in the wild send that are typed, or written without JavaScript in mind: empty texts
//! for what they do not have, byte-order marks, and keys that are none until they are cleaned.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    shop::{Shop, send, track},
    support::Reply,
};

const MARK: &str = "\u{feff}";

fn assert_taken(reply: &Reply, what: &str) {
    let status = reply.status.as_u16();
    assert!(status == 200 || status == 202, "{what}: {}", reply.text);
}

/// Demands a 400 with one problem, there.
fn assert_refused(reply: &Reply, place: &[&str]) {
    reply.assert_invalid_body(&[json!(place)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_texts_are_absent_in_every_optional_field() {
    let shop = Shop::open().await;
    for empty in ["", " "] {
        for (kind, payload) in [
            (
                "track",
                json!({"name": "x", "eventId": empty, "timestamp": empty, "groups": empty,
                    "properties": {"__path": empty, "__referrer": empty, "__timestamp": empty,
                        "__ip": empty, "__deviceId": empty, "__revenue": empty,
                        "__identify": empty, "k": empty}}),
            ),
            (
                "track",
                json!({"name": "x", "properties": {"__identify":
                    {"profileId": "p", "email": empty, "avatar": empty, "properties": empty}}}),
            ),
            (
                "track",
                json!({"name": "x", "profileId": "", "properties": empty}),
            ),
            (
                "identify",
                json!({"profileId": "anna", "firstName": empty, "lastName": empty,
                    "email": empty, "avatar": empty, "properties": empty, "eventId": empty}),
            ),
            (
                "increment",
                json!({"profileId": "n", "property": "n", "value": empty}),
            ),
            (
                "decrement",
                json!({"profileId": "n", "property": "n", "value": empty}),
            ),
            (
                "alias",
                json!({"profileId": "p", "alias": "q", "eventId": empty}),
            ),
            (
                "group",
                json!({"id": "g", "type": "t", "name": "n", "properties": empty}),
            ),
            (
                "assign_group",
                json!({"groupIds": ["g"], "profileId": "", "eventId": empty}),
            ),
        ] {
            let reply = send(&shop.backend, kind, payload.clone()).await;
            assert_taken(&reply, &format!("{kind} {payload}"));
        }
        let row = json!([{"id": empty, "name": "x", "created_at": "2026-01-10 10:00:00",
            "device_id": "", "profile_id": "", "session_id": "", "groups": empty,
            "path": empty, "referrer": empty, "revenue": empty, "duration": empty,
            "longitude": empty, "latitude": empty, "country": empty, "os": empty,
            "sdk_name": empty, "properties": empty}]);
        let path = "/import/events?projectId=";
        assert_taken(&shop.backend.post(path, row).await, "import");
        for (path, body) in [
            (
                "/event",
                json!({"name": "x", "profileId": "", "properties": empty}),
            ),
            (
                "/profile",
                json!({"profileId": "anna", "email": empty, "avatar": empty}),
            ),
            (
                "/profile/increment",
                json!({"profileId": "n", "property": "n", "value": empty}),
            ),
        ] {
            assert_taken(&shop.backend.post(path, body).await, path);
        }
    }
    // Four times up by 1, and twice down. And numbers as texts are numbers.
    assert_eq!(shop.profile("n").await["properties"]["n"], "2");
    let two = json!({"profileId": "n", "property": "n", "value": " 2.5 "});
    assert_taken(&send(&shop.backend, "increment", two).await, "increment");
    assert_eq!(shop.profile("n").await["properties"]["n"], "4.5");
    // Nothing is cleared by it.
    let full = json!({"profileId": "anna", "email": "a@example.com", "avatar": "/img/anna.png"});
    assert_taken(&send(&shop.backend, "identify", full).await, "identify");
    let empty = json!({"profileId": "anna", "email": "", "avatar": ""});
    assert_taken(&send(&shop.backend, "identify", empty).await, "identify");
    let anna = shop.profile("anna").await;
    assert_eq!(anna["email"], "a@example.com");
    assert_eq!(anna["avatar"], "/img/anna.png");
    // What is required is still missed, and what is wrong is still wrong.
    for (kind, payload, field) in [
        ("track", json!({"name": ""}), "name"),
        ("identify", json!({"profileId": ""}), "profileId"),
        (
            "increment",
            json!({"profileId": "n", "property": ""}),
            "property",
        ),
        (
            "increment",
            json!({"profileId": "n", "property": "n", "value": "x"}),
            "value",
        ),
        (
            "increment",
            json!({"profileId": "n", "property": "n", "value": "inf"}),
            "value",
        ),
        ("alias", json!({"profileId": "p", "alias": ""}), "alias"),
        ("group", json!({"id": "g", "type": "", "name": "n"}), "type"),
        ("assign_group", json!({"groupIds": ""}), "groupIds"),
        (
            "identify",
            json!({"profileId": "p", "email": "none"}),
            "email",
        ),
        (
            "identify",
            json!({"profileId": "p", "avatar": "none"}),
            "avatar",
        ),
        (
            "identify",
            json!({"profileId": "p", "avatar": "//x"}),
            "avatar",
        ),
        (
            "identify",
            json!({"profileId": "p", "avatar": "an image.png"}),
            "avatar",
        ),
    ] {
        let reply = send(&shop.backend, kind, payload).await;
        assert_refused(&reply, &["payload", field]);
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_may_be_on_the_callers_site() {
    let shop = Shop::open().await;
    for avatar in [
        "/avatars/1.png",
        "./1.png",
        "../1.png?size=2#x",
        "avatars/1.png",
        "1.png",
        "https://cdn.example/1.png",
        "data:image/png;base64,AAAA",
    ] {
        let payload = json!({"profileId": "anna", "avatar": avatar});
        assert_taken(&send(&shop.backend, "identify", payload).await, avatar);
        assert_eq!(shop.profile("anna").await["avatar"], avatar);
    }
    let path = "/manage/projects/shop/profiles/anna";
    let root = shop.server.root();
    let edit = json!({"avatar": "/by/hand.png", "email": "", "firstName": ""});
    assert_eq!(
        root.patch(path, edit).await.data()["avatar"],
        "/by/hand.png"
    );
    let cleared = root.patch(path, json!({"avatar": ""})).await;
    assert_eq!(cleared.data()["avatar"], "");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_skipped() {
    let shop = Shop::open().await;
    let with_mark = |body: Json| format!("{MARK}{body}");
    for (path, body) in [
        (
            "/track",
            json!({"type": "track", "payload": {"name": "marked"}}),
        ),
        ("/event", json!({"name": "marked"})),
        ("/profile", json!({"profileId": "anna"})),
        (
            "/import/events",
            json!([{"name": "marked", "created_at": "2026-01-10 10:00:00"}]),
        ),
    ] {
        let reply = shop
            .backend
            .send_text(Method::POST, path, &with_mark(body))
            .await;
        assert_taken(&reply, path);
    }
    // Also where the credentials are in the body.
    let body = json!({"type": "track", "payload": {"name": "marked"},
        "clientId": shop.client["id"], "clientSecret": shop.client["secret"]});
    let stranger = shop.server.anonymous();
    let reply = stranger
        .send_text(Method::POST, "/track", &with_mark(body))
        .await;
    assert_taken(&reply, "credentials in the body");
    assert_eq!(shop.names().await, ["marked"; 4]);

    let root = shop.server.root();
    let made = with_mark(json!({"name": "Marked"}));
    let made = root
        .send_text(Method::POST, "/manage/projects", &made)
        .await;
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.data()["id"].as_str().unwrap();
    let renamed = with_mark(json!({"name": "Renamed"}));
    let path = format!("/manage/projects/{id}");
    let renamed = root.send_text(Method::PATCH, &path, &renamed).await;
    assert_eq!(renamed.data()["name"], "Renamed");
    // Once, and only that of UTF-8; and what follows must be JSON.
    for body in [
        format!("{MARK}{MARK}{{}}"),
        format!(" {MARK}{{}}"),
        MARK.to_owned(),
    ] {
        for (caller, path) in [(&shop.backend, "/track"), (&root, "/manage/projects")] {
            let reply = caller.send_text(Method::POST, path, &body).await;
            reply.assert_error(400, "Invalid request body");
        }
    }
    shop.server.stop().await;
}

/// A NUL is taken out of what is kept, and a name with dots is a path to whoever reads it so.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_that_of_a_prototype_where_it_is_kept() {
    let shop = Shop::open().await;
    let keys = [
        "__proto__",
        "__proto\0__",
        "\0__proto__\0",
        "a.__proto__",
        "__proto__.a",
    ];
    for key in keys {
        for kind in ["increment", "decrement"] {
            let payload = json!({"profileId": "p", "property": key});
            let reply = send(&shop.backend, kind, payload).await;
            assert_refused(&reply, &["payload", "property"]);
        }
        let properties = json!({key: 1});
        for (kind, payload) in [
            ("track", json!({"name": "x", "properties": properties})),
            (
                "identify",
                json!({"profileId": "p", "properties": properties}),
            ),
            (
                "group",
                json!({"id": "g", "type": "t", "name": "n", "properties": properties}),
            ),
        ] {
            let reply = send(&shop.backend, kind, payload).await;
            assert_refused(&reply, &["payload", "properties", key]);
        }
        let within = json!({"name": "x", "properties": {"__identify":
            {"profileId": "p", "properties": properties}}});
        let place = ["payload", "properties", "__identify", "properties", key];
        assert_refused(&track(&shop.backend, within).await, &place);
        let row = json!([{"name": "x", "created_at": "2026-01-10 10:00:00",
            "properties": properties}]);
        let reply = shop.backend.post("/import/events", row).await;
        reply.assert_invalid_body(&[json!([0, "properties", key])]);
        let old = json!({"profileId": "p", "property": key});
        let reply = shop.backend.post("/profile/increment", old).await;
        assert_refused(&reply, &["property"]);
    }
    assert_eq!(shop.names().await, [""; 0]);
    // Of a page's address it is left out: that is no fault of who tracks.
    let payload = json!({"name": "x", "profileId": "p", "properties":
        {"__path": "https://shop.example/?__proto__=1&a.__proto__=2&b=3"}});
    assert_taken(&track(&shop.backend, payload).await, "a page");
    let events = shop.events().await;
    assert_eq!(events[0]["properties"], json!({"__query.b": "3"}));
    let path = "/manage/projects/shop/profiles/p";
    let identify = json!({"profileId": "p", "firstName": "P"});
    assert_taken(&send(&shop.backend, "identify", identify).await, "identify");
    for key in ["__proto__", "a.__proto__"] {
        let reply = shop
            .server
            .root()
            .patch(path, json!({"properties": {key: 1}}))
            .await;
        assert_refused(&reply, &["properties", key]);
    }
    shop.server.stop().await;
}
