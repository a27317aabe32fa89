//! Clients: made, changed, refused and deleted.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, START, TestServer, assert_secret, assert_uuid};

const MINUTE: Duration = Duration::from_secs(60);

/// A client as it is made of nothing but a name, a type and a project.
fn plain_client(id: &Json, client_type: &str, project: Option<&str>) -> Json {
    json!({
        "id": id, "name": "CI", "type": client_type, "projectId": project,
        "organizationId": "acme", "ignoreCorsAndSecret": false, "enabled": true,
        "expiresAt": null, "allowedIps": [], "cors": null, "rateLimits": null,
        "lastUsedAt": null, "createdAt": START, "updatedAt": START,
    })
}

/// Every setting, with a value that is not the default.
fn all_settings() -> Json {
    json!({
        "name": "Mobile", "enabled": false, "expiresAt": "2027-01-01T00:00:00.000Z",
        "allowedIps": ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"],
        "cors": ["https://shop.example"],
        "rateLimits": {
            "manage": {"limit": 10, "windowSeconds": 10},
            "track": {"limit": 50_000, "windowSeconds": 10},
        },
        "ignoreCorsAndSecret": true,
    })
}

fn overlay(one: &Json, other: &Json) -> Json {
    let mut all = one.clone();
    let fields = other.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(fields);
    all
}

fn path_of(client: &Json) -> String {
    format!("/manage/clients/{}", client["id"].as_str().unwrap())
}

/// Demands 401 with this code and message.
fn assert_refused(reply: &Reply, code: &str, message: &str) {
    reply.assert_error(401, message);
    assert_eq!(reply.body["code"], code);
    assert_eq!(
        reply.header("www-authenticate"),
        "Basic realm=\"paneld\"",
        "{}",
        reply.text
    );
}

fn from(caller: &Caller, address: &str) -> Caller {
    caller.with_header("x-forwarded-for", address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_made_with_a_secret() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    for (client_type, project) in [
        ("read", Some("shop")),
        ("write", Some("shop")),
        ("root", Some("shop")),
        ("root", None),
    ] {
        let body = json!({"name": "CI", "type": client_type, "projectId": project});
        let reply = root.post("/manage/clients", body).await;
        let made = reply.data();
        assert_uuid(&made["id"]);
        assert_secret(&made["secret"]);
        let client = plain_client(&made["id"], client_type, project);
        let expected = overlay(&client, &json!({"secret": made["secret"]}));
        assert_eq!(reply.body, json!({"data": expected}));
        assert_eq!(reply.header("cache-control"), "no-store");

        let found = root.get(&path_of(made)).await;
        assert_eq!(found.body, json!({"data": client}));
        let me = server.caller_of(made).get("/manage/me").await;
        assert_eq!(me.data()["client"], client);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_of_type_write_unless_said_otherwise() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let client = server
        .create_client(json!({"name": "CI", "projectId": "shop"}))
        .await;
    assert_eq!(client["type"], "write");
    // And of the whole organization unless said otherwise.
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    assert_eq!(client["projectId"], json!(null));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_made_with_every_setting() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let body = overlay(&all_settings(), &json!({"projectId": "shop"}));
    let made = server.create_client(body).await;
    let plain = plain_client(&made["id"], "write", Some("shop"));
    let expected = overlay(&plain, &all_settings());
    let with_secret = overlay(&expected, &json!({"secret": made["secret"]}));
    assert_eq!(made, with_secret);
    let found = root.get(&path_of(&made)).await;
    assert_eq!(found.body, json!({"data": expected}));
    let listed = root.get("/manage/clients?projectId=shop").await;
    let entries = listed.data().as_array().unwrap();
    assert!(entries.contains(&expected), "{}", listed.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_leaves_all_other_fields_alone() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let made = server
        .create_client(json!({"name": "CI", "projectId": "shop"}))
        .await;
    let mut expected = plain_client(&made["id"], "write", Some("shop"));
    for (minute, (field, value)) in all_settings().as_object().unwrap().iter().enumerate() {
        server.advance(MINUTE);
        let reply = root.patch(&path_of(&made), json!({field: value})).await;
        expected[field] = value.clone();
        expected["updatedAt"] = json!(format!("2026-01-15T10:{:02}:00.000Z", 31 + minute));
        assert_eq!(reply.body, json!({"data": expected}));
        assert_eq!(root.get(&path_of(&made)).await.body, reply.body);
    }
    let defaults = json!({
        "enabled": true, "expiresAt": null, "allowedIps": [], "cors": null, "rateLimits": null,
        "ignoreCorsAndSecret": false,
    });
    let reply = root.patch(&path_of(&made), defaults.clone()).await;
    assert_eq!(*reply.data(), overlay(&expected, &defaults));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_origins_of_its_own_is_another_thing_than_the_projects() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let client = server
        .create_client(json!({"name": "CI", "projectId": "shop", "cors": []}))
        .await;
    assert_eq!(client["cors"], json!([]));
    for cors in [json!(null), json!([]), json!(["https://shop.example"])] {
        let reply = root.patch(&path_of(&client), json!({"cors": cors})).await;
        assert_eq!(reply.data()["cors"], cors);
        assert_eq!(root.get(&path_of(&client)).await.body, reply.body);
    }
    let slashed = json!({"cors": ["https://shop.example//"]});
    let reply = root.patch(&path_of(&client), slashed).await;
    assert_eq!(reply.data()["cors"], json!(["https://shop.example"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn type_and_project_never_change() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    server.create_project("Blog").await;
    let made = server
        .create_client(json!({"name": "CI", "projectId": "shop"}))
        .await;
    let before = root.get(&path_of(&made)).await;
    server.advance(MINUTE);
    for ignored in [
        json!({}),
        json!({"type": "root", "projectId": "blog"}),
        json!({"type": 5, "projectId": ["x"], "unknown": null}),
        json!({"secret": "sec_0123456789abcdef0123", "organizationId": "x", "lastUsedAt": "x"}),
    ] {
        let reply = root.patch(&path_of(&made), ignored).await;
        assert_eq!(reply.body, before.body);
    }
    assert_eq!(root.get(&path_of(&made)).await.body, before.body);
    let refused = server.caller_of(&made).get("/manage/projects").await;
    refused.assert_error(
        401,
        "Manage: Only root clients are allowed to manage resources",
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_shown_only_when_they_are_made() {
    let server = TestServer::start().await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    let made = server
        .create_client(json!({"name": "CI", "projectId": "shop"}))
        .await;
    let path = path_of(&made);
    let rotated = root.post(&format!("{path}/rotate"), json!({})).await;
    assert_eq!(rotated.header("cache-control"), "no-store");
    let secrets = [
        &project["client"]["secret"],
        &made["secret"],
        &rotated.data()["secret"],
    ];
    let secrets = secrets.map(|secret| assert_secret(secret).to_owned());

    let long = "x".repeat(256);
    for reply in [
        root.get(&path).await,
        root.get("/manage/clients").await,
        root.get("/manage/clients?limit=1").await,
        root.patch(&path, json!({"name": "CI 2"})).await,
        root.patch(&path, json!({"name": long})).await,
        root.get("/manage/projects").await,
        root.get("/manage/projects/shop").await,
        root.patch("/manage/projects/shop", json!({"name": "S"}))
            .await,
        root.get("/manage/me").await,
        root.get("/manage/organization").await,
        server
            .caller(made["id"].as_str().unwrap(), &secrets[2])
            .get("/manage/me")
            .await,
        server
            .caller(made["id"].as_str().unwrap(), &secrets[1])
            .get("/manage/me")
            .await,
        root.delete(&path).await,
    ] {
        let text = reply.text.replace("ignoreCorsAndSecret", "");
        let text = text.to_lowercase();
        for word in ["secret", "hash", "sha256", "sec_"] {
            assert!(!text.contains(word), "{}", reply.text);
        }
        for secret in &secrets {
            assert!(!text.contains(&secret[4..20].to_lowercase()), "{text}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_client_is_refused_at_once() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    let caller = server.caller_of(&client);
    caller.get("/manage/clients").await.data();

    let deleted = root.delete(&path_of(&client)).await;
    assert_eq!(
        (deleted.status.as_u16(), &deleted.body),
        (200, &json!({"success": true}))
    );
    let refused = caller.get("/manage/clients").await;
    assert_refused(
        &refused,
        "invalid_credentials",
        "Invalid client credentials",
    );
    for reply in [
        root.get(&path_of(&client)).await,
        root.patch(&path_of(&client), json!({})).await,
        root.delete(&path_of(&client)).await,
        root.post(&format!("{}/rotate", path_of(&client)), json!({}))
            .await,
    ] {
        reply.assert_error(404, "Client not found");
    }
    assert_eq!(root.get("/manage/clients").await.ids().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_delete_itself() {
    let server = TestServer::start().await;
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    let caller = server.caller_of(&client);
    let deleted = caller.delete(&path_of(&client)).await;
    assert_eq!(deleted.body, json!({"success": true}));
    let refused = caller.delete(&path_of(&client)).await;
    assert_refused(
        &refused,
        "invalid_credentials",
        "Invalid client credentials",
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_by_project() {
    let server = TestServer::start().await;
    let root = server.root();
    server.advance(MINUTE);
    let shop = server.create_project("Shop").await;
    server.advance(MINUTE);
    let blog = server.create_project("Blog").await;
    server.advance(MINUTE);
    let reader = server
        .create_client(json!({"name": "CI", "type": "read", "projectId": "shop"}))
        .await;
    let id = |client: &Json| client["id"].as_str().unwrap().to_owned();

    let of_shop = root.get("/manage/clients?projectId=shop").await;
    assert_eq!(of_shop.ids(), [id(&reader), id(&shop["client"])]);
    let of_blog = root.get("/manage/clients?projectId=blog").await;
    assert_eq!(of_blog.ids(), [id(&blog["client"])]);
    let all = root.get("/manage/clients").await;
    assert_eq!(all.ids().len(), 4);
    assert_eq!(
        all.ids()[..3],
        [id(&reader), id(&blog["client"]), id(&shop["client"])]
    );
    assert_eq!(root.get("/manage/clients?projectId=").await.body, all.body);

    for unknown in ["nothing", "SHOP", "a%20b", "%F0%9F%9A%80", "%FF", "%00"] {
        let reply = root
            .get(&format!("/manage/clients?projectId={unknown}"))
            .await;
        reply.assert_error(404, "Project not found");
    }
    root.delete("/manage/projects/shop").await;
    let deleted = root.get("/manage/clients?projectId=shop").await;
    deleted.assert_error(404, "Project not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_in_a_path_has_either_letter_case() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    let id = client["id"].as_str().unwrap();
    let path = format!("/manage/clients/{}", id.to_uppercase());
    assert_eq!(root.get(&path).await.data()["id"], id);
    assert_eq!(root.delete(&path).await.status, 200);
    let gone = root.get(&path_of(&client)).await;
    gone.assert_error(404, "Client not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_an_unknown_or_deleted_project_is_not_made() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    root.delete("/manage/projects/shop").await;
    let before = root.get("/manage/clients").await;
    for project in ["shop", "nothing", "", "Not an id", "🚀"] {
        for client_type in ["read", "write", "root"] {
            let body = json!({"name": "CI", "type": client_type, "projectId": project});
            let reply = root.post("/manage/clients", body).await;
            reply.assert_error(404, "Project not found");
        }
    }
    assert_eq!(root.get("/manage/clients").await.body, before.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_and_write_clients_need_a_project() {
    let server = TestServer::start().await;
    let root = server.root();
    for body in [
        json!({"name": "CI"}),
        json!({"name": "CI", "projectId": null}),
        json!({"name": "CI", "type": "write"}),
        json!({"name": "CI", "type": "read"}),
        json!({"name": "CI", "type": "read", "projectId": null}),
    ] {
        let reply = root.post("/manage/clients", body).await;
        reply.assert_invalid_body(&[json!(["projectId"])]);
    }
    assert_eq!(root.get("/manage/clients").await.ids().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_write_client_may_ignore_cors_and_secret() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    for client_type in ["read", "root"] {
        let body = |ignores: bool| {
            json!({
                "name": "CI", "type": client_type, "projectId": "shop",
                "ignoreCorsAndSecret": ignores,
            })
        };
        let reply = root.post("/manage/clients", body(true)).await;
        reply.assert_invalid_body(&[json!(["ignoreCorsAndSecret"])]);

        let client = server.create_client(body(false)).await;
        let before = root.get(&path_of(&client)).await;
        let change = json!({"ignoreCorsAndSecret": true, "name": "Other"});
        let reply = root.patch(&path_of(&client), change).await;
        reply.assert_invalid_body(&[json!(["ignoreCorsAndSecret"])]);
        assert_eq!(root.get(&path_of(&client)).await.body, before.body);
        let change = json!({"ignoreCorsAndSecret": false});
        root.patch(&path_of(&client), change).await.data();
    }
    // Without a project as well, both are told.
    let body = json!({"name": "CI", "type": "read", "ignoreCorsAndSecret": true});
    let reply = root.post("/manage/clients", body).await;
    reply.assert_invalid_body(&[json!(["projectId"]), json!(["ignoreCorsAndSecret"])]);

    let body = json!({"name": "CI", "projectId": "shop", "ignoreCorsAndSecret": true});
    let writer = server.create_client(body).await;
    assert_eq!(writer["ignoreCorsAndSecret"], true);
    // That is for sending events; here the secret is asked for.
    let id = writer["id"].as_str().unwrap();
    let without = server.anonymous().with_header("openpanel-client-id", id);
    let refused = without.get("/manage/me").await;
    assert_refused(
        &refused,
        "invalid_credentials",
        "Invalid client credentials",
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_client_is_refused_at_once_until_it_is_enabled() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    let caller = server.caller_of(&client);
    caller.get("/manage/projects").await.data();

    root.patch(&path_of(&client), json!({"enabled": false}))
        .await
        .data();
    for path in ["/manage/projects", "/manage/me"] {
        let refused = caller.get(path).await;
        assert_refused(&refused, "client_disabled", "Client is disabled");
    }
    root.patch(&path_of(&client), json!({"enabled": true}))
        .await
        .data();
    caller.get("/manage/projects").await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_client_is_refused() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({
            "name": "CI", "type": "root", "expiresAt": "2026-01-15T11:31:00+01:00",
        }))
        .await;
    assert_eq!(client["expiresAt"], "2026-01-15T10:31:00.000Z");
    let caller = server.caller_of(&client);
    server.advance(MINUTE - Duration::from_millis(1));
    caller.get("/manage/projects").await.data();
    // It is remembered now, and expires all the same.
    server.advance(Duration::from_millis(1));
    for path in ["/manage/projects", "/manage/me"] {
        let refused = caller.get(path).await;
        assert_refused(&refused, "client_expired", "Client has expired");
    }
    let later = json!({"expiresAt": "2026-01-16"});
    let changed = root.patch(&path_of(&client), later).await;
    assert_eq!(changed.data()["expiresAt"], "2026-01-16T00:00:00.000Z");
    caller.get("/manage/projects").await.data();

    // One that is past when it is set, ends it at once; null is never.
    let past = json!({"expiresAt": "2020-01-01T00:00:00Z"});
    root.patch(&path_of(&client), past).await.data();
    let refused = caller.get("/manage/projects").await;
    assert_refused(&refused, "client_expired", "Client has expired");
    root.patch(&path_of(&client), json!({"expiresAt": null}))
        .await
        .data();
    server.advance(Duration::from_secs(1_000_000_000));
    caller.get("/manage/projects").await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_an_allow_list_is_refused_from_elsewhere() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({
            "name": "CI", "type": "root",
            "allowedIps": ["192.0.2.0/24", "198.51.100.7", "2001:db8:1::/48"],
        }))
        .await;
    let caller = server.caller_of(&client);
    for address in [
        "192.0.2.1",
        "192.0.2.255",
        "::ffff:192.0.2.1",
        "198.51.100.7",
        "2001:db8:1:2::3",
        // The hops before the last that is not a proxy are hearsay.
        "203.0.113.9, 192.0.2.1",
    ] {
        from(&caller, address).get("/manage/projects").await.data();
    }
    for address in [
        "192.0.3.1",
        "198.51.100.8",
        "2001:db8:2::1",
        "192.0.2.1, 203.0.113.9",
        "127.0.0.1",
    ] {
        let refused = from(&caller, address).get("/manage/projects").await;
        let message = "Address is not allowed for this client";
        assert_refused(&refused, "address_not_allowed", message);
    }
    // To one who has not even the secret, nothing is told.
    let stranger = server.caller(client["id"].as_str().unwrap(), "sec_not_the_secret_at_all");
    let refused = from(&stranger, "203.0.113.9").get("/manage/projects").await;
    assert_refused(
        &refused,
        "invalid_credentials",
        "Invalid client credentials",
    );

    // A new list counts at once; an empty one lets all in.
    let change = json!({"allowedIps": ["203.0.113.9"]});
    root.patch(&path_of(&client), change).await.data();
    let refused = from(&caller, "192.0.2.1").get("/manage/me").await;
    refused.assert_error(401, "Address is not allowed for this client");
    from(&caller, "203.0.113.9").get("/manage/me").await.data();
    root.patch(&path_of(&client), json!({"allowedIps": []}))
        .await
        .data();
    from(&caller, "192.0.2.1").get("/manage/me").await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_the_rate_it_was_given() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "20/10s")]).await;
    let root = server.root();
    let slow = server
        .create_client(json!({
            "name": "CI", "type": "root",
            "rateLimits": {"manage": {"limit": 2, "windowSeconds": 60}},
        }))
        .await;
    let caller = server.caller_of(&slow);
    for left in ["1", "0"] {
        let reply = caller.get("/manage/projects").await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("x-ratelimit-limit"), "2");
        assert_eq!(reply.header("x-ratelimit-remaining"), left);
        assert_eq!(reply.header("ratelimit-policy"), "\"manage\";q=2;w=60");
    }
    let refused = caller.get("/manage/projects").await;
    refused.assert_error(429, "You have exceeded the rate limit for this endpoint.");
    assert_eq!(refused.header("retry-after"), "30");
    server.advance(Duration::from_secs(30));
    caller.get("/manage/projects").await.data();

    // The group's applies again when its own is taken away.
    root.patch(&path_of(&slow), json!({"rateLimits": null}))
        .await
        .data();
    let reply = caller.get("/manage/projects").await;
    assert_eq!(reply.header("x-ratelimit-limit"), "20");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_given_no_rate_beyond_the_operators_maximum() {
    let server = TestServer::start_with(&[
        ("RATE_LIMIT_MANAGE", "1000/10s"),
        ("RATE_LIMIT_EXPORT", "100/10s"),
        ("RATE_LIMIT_TRACK", "off"),
        ("RATE_LIMIT_CLIENT_FACTOR", "3"),
    ])
    .await;
    let root = server.root();
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    let limits = |manage: u64, export: u64, window: u64| {
        json!({
            "manage": {"limit": manage, "windowSeconds": 10},
            "export": {"limit": export, "windowSeconds": window},
            // A group that is switched off sets no bound.
            "track": {"limit": 1_000_000, "windowSeconds": 1},
        })
    };
    for (given, wrong) in [
        (limits(3_000, 300, 10), vec![]),
        (limits(3_000, 3, 1), vec![]),
        (limits(3_001, 300, 10), vec!["manage"]),
        (limits(1, 301, 1_000), vec!["export"]),
        // More a second, though not more at once.
        (limits(1, 300, 9), vec!["export"]),
        (limits(30_000, 3_000, 10), vec!["manage", "export"]),
    ] {
        let paths = wrong.iter().map(|group| json!(["rateLimits", group]));
        let paths = paths.collect::<Vec<_>>();
        let body = json!({"name": "CI", "type": "root", "rateLimits": given});
        let made = root.post("/manage/clients", body).await;
        let change = json!({"rateLimits": given});
        let changed = root.patch(&path_of(&client), change).await;
        if paths.is_empty() {
            assert_eq!(made.data()["rateLimits"], given);
            assert_eq!(changed.data()["rateLimits"], given);
        } else {
            made.assert_invalid_body(&paths);
            changed.assert_invalid_body(&paths);
            assert!(changed.text.contains("at most 3 times"), "{}", changed.text);
        }
    }
    let kept = root.get(&path_of(&client)).await;
    assert_eq!(kept.data()["rateLimits"], limits(3_000, 3, 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_can_forbid_making_root_clients() {
    let server = TestServer::start_with(&[("ALLOW_ROOT_CREATION", "false")]).await;
    let root = server.root();
    server.create_project("Shop").await;
    let before = root.get("/manage/clients").await;
    for project in [json!(null), json!("shop")] {
        let body = json!({"name": "CI", "type": "root", "projectId": project});
        let reply = root.post("/manage/clients", body).await;
        reply.assert_error(
            403,
            "Root clients cannot be created through the API of this server",
        );
    }
    assert_eq!(root.get("/manage/clients").await.body, before.body);
    for client_type in ["read", "write"] {
        server
            .create_client(json!({"name": "CI", "type": client_type, "projectId": "shop"}))
            .await;
    }
    // Those that are there go on to work.
    let me = root.get("/manage/me").await;
    let id = me.data()["client"]["id"].as_str().unwrap();
    let path = format!("/manage/clients/{id}/rotate");
    root.post(&path, json!({})).await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_client_is_written_down_by_and_by() {
    let server = TestServer::start().await;
    let root = server.root();
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    let last_used = async || root.get(&path_of(&client)).await.data()["lastUsedAt"].clone();
    let before = root.get(&path_of(&client)).await;

    // A failure is no use.
    server
        .caller(client["id"].as_str().unwrap(), "sec_not_the_secret_at_all")
        .get("/manage/me")
        .await
        .assert_error(401, "Invalid client credentials");
    server.do_chores().await;
    assert_eq!(last_used().await, json!(null));

    let caller = server.caller_of(&client);
    server.advance(MINUTE);
    caller.get("/manage/me").await.data();
    assert_eq!(last_used().await, json!(null));
    server.do_chores().await;
    assert_eq!(last_used().await, "2026-01-15T10:31:00.000Z");

    server.advance(MINUTE);
    server.do_chores().await;
    assert_eq!(last_used().await, "2026-01-15T10:31:00.000Z");
    caller.get("/manage/projects").await.data();
    server.do_chores().await;
    let after = root.get(&path_of(&client)).await;
    // Being used is no change.
    let mut expected = before.data().clone();
    expected["lastUsedAt"] = json!("2026-01-15T10:32:00.000Z");
    assert_eq!(*after.data(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_use_that_was_not_written_yet_is_when_the_server_stops() {
    let server = TestServer::start().await;
    let client = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    server.advance(MINUTE);
    server.caller_of(&client).get("/manage/me").await.data();
    let server = server.restart().await;
    let found = server.root().get(&path_of(&client)).await;
    assert_eq!(found.data()["lastUsedAt"], "2026-01-15T10:31:00.000Z");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_found_under_api_too() {
    let server = TestServer::start().await;
    let root = server.root();
    let body = json!({"name": "CI", "type": "root"});
    let made = root.post("/api/manage/clients", body).await;
    let path = path_of(made.data());
    let api_path = format!("/api{path}");
    for (here, there) in [
        ("/manage/clients", "/api/manage/clients"),
        (path.as_str(), api_path.as_str()),
    ] {
        let reply = root.get(here).await;
        assert_eq!(reply.status, 200);
        assert_eq!(root.get(there).await.body, reply.body);
    }
    let changed = root.patch(&api_path, json!({"name": "CD"})).await;
    assert_eq!(changed.data()["name"], "CD");
    let rotated = root.post(&format!("{api_path}/rotate"), json!({})).await;
    assert_secret(&rotated.data()["secret"]);
    let deleted = root.delete(&api_path).await;
    assert_eq!(deleted.body, json!({"success": true}));
    root.get(&path).await.assert_error(404, "Client not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_survive_a_restart() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let body = overlay(
        &all_settings(),
        &json!({"projectId": "shop", "enabled": true, "allowedIps": []}),
    );
    let client = server.create_client(body).await;
    let deleted = server
        .create_client(json!({"name": "CI", "type": "root"}))
        .await;
    server.root().delete(&path_of(&deleted)).await;
    // Written down, so that the two lists do not differ in when the root client was used.
    server.do_chores().await;
    let before = server.root().get("/manage/clients").await;

    let server = server.restart().await;
    let after = server.root().get("/manage/clients").await;
    assert_eq!(after.body, before.body);
    server.caller_of(&client).get("/manage/me").await.data();
    let refused = server.caller_of(&deleted).get("/manage/me").await;
    assert_refused(
        &refused,
        "invalid_credentials",
        "Invalid client credentials",
    );
    server.stop().await;
}
