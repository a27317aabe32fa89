//! Who may track, with every combination of client, origin and secret:
//! `docs/contract/auth-and-limits.md` §2.2.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::{
    shop::{ORIGIN, Shop, text},
    support::{Caller, Reply},
};

const REFUSED: &str = "Ingestion: Invalid cors or secret";
const INVALID: &str = "Invalid client credentials";
const NO_MONEY: &str = "Ingestion: Revenue tracking is not allowed without a client secret";

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq)]
enum May {
    /// With the secret, or from an allowed origin.
    SecretOrOrigin,
    /// With the secret only.
    Secret,
    /// From anywhere, without any secret.
    Anything,
    /// Nothing, whatever it sends.
    Nothing,
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_origins_and_secrets_are_combined_as_the_contract_says() {
    let shop = Shop::open().await;
    let mut clients = vec![("write", shop.client.clone(), May::SecretOrOrigin)];
    let make = async |name: &'static str, more: Json| {
        let mut body = json!({"name": name, "type": "write", "projectId": "shop"});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        (name, shop.server.create_client(body).await)
    };
    for (name, more, may) in [
        ("open", json!({"ignoreCorsAndSecret": true}), May::Anything),
        ("root", json!({"type": "root"}), May::Secret),
        ("read", json!({"type": "read"}), May::Nothing),
        ("disabled", json!({"enabled": false}), May::Nothing),
        (
            "expired",
            json!({"expiresAt": "2026-01-15T10:31:00Z"}),
            May::Nothing,
        ),
        (
            "elsewhere",
            json!({"allowedIps": ["203.0.113.0/24"]}),
            May::Nothing,
        ),
    ] {
        let (name, client) = make(name, more).await;
        clients.push((name, client, may));
    }
    let gone = json!({"name": "Gone", "cors": [ORIGIN]});
    let gone = shop.server.root().post("/manage/projects", gone).await;
    let client = gone.data()["client"].clone();
    shop.server
        .root()
        .delete("/manage/projects/gone")
        .await
        .data();
    clients.push(("deleted", client, May::Nothing));
    let unknown = json!({"id": "3c9a1f0e-5a4b-4f0e-9c0d-2f6a7b8c9d0e",
        "secret": shop.client["secret"]});
    clients.push(("unknown", unknown, May::Nothing));
    shop.server.advance(Duration::from_secs(120));

    let mut taken = 0;
    for (name, client, may) in &clients {
        let right = text(&client["secret"]);
        let other = "sec_wrong_but_long_enough";
        let origins = [
            None,
            Some(ORIGIN),
            Some("https://shop.example.evil.example"),
        ];
        for origin in origins {
            for secret in [None, Some(other), Some(right.as_str())] {
                let mut caller = shop
                    .server
                    .anonymous()
                    .with_header("openpanel-client-id", &text(&client["id"]));
                if let Some(origin) = origin {
                    caller = caller.with_header("origin", origin);
                }
                if let Some(secret) = secret {
                    caller = caller.with_header("openpanel-client-secret", secret);
                }
                let knows = secret == Some(right.as_str());
                let is_in = match may {
                    May::SecretOrOrigin => knows || origin == Some(ORIGIN),
                    May::Secret => knows,
                    May::Anything => true,
                    May::Nothing => false,
                };
                let case = format!("{name}, {origin:?}, {secret:?}");
                taken += check(&shop, &caller, name, is_in, knows, &case).await;
            }
        }
    }
    // All that was taken is there, and nothing else.
    let stored = shop.names().await;
    let stored = stored.iter().filter(|name| !name.starts_with("session_"));
    assert_eq!(stored.count(), taken);
    shop.server.stop().await;
}

/// Sends an event and some money, and says how many of the two have to be stored.
async fn check(
    shop: &Shop,
    caller: &Caller,
    name: &str,
    is_in: bool,
    knows_secret: bool,
    case: &str,
) -> usize {
    // Or the second would be a duplicate of what the same page sent before.
    shop.server.advance(Duration::from_millis(100));
    let event = json!({"type": "track", "payload": {"name": "x"}});
    let revenue = json!({"name": "revenue", "properties": {"__revenue": 1}});
    let revenue = json!({"type": "track", "payload": revenue});
    let path = "/track?projectId=shop";
    let replies = [
        caller.post(path, event).await,
        caller.post(path, revenue).await,
    ];
    if !is_in {
        for reply in &replies {
            assert_refused(reply, name, knows_secret, case);
        }
        return 0;
    }
    assert_eq!(replies[0].status, 200, "{case}: {}", replies[0].text);
    if knows_secret {
        assert_eq!(replies[1].status, 200, "{case}: {}", replies[1].text);
        return 2;
    }
    replies[1].assert_error(401, NO_MONEY);
    assert_eq!(replies[1].body["code"], "secret_required", "{case}");
    1
}

fn assert_refused(reply: &Reply, name: &str, knows_secret: bool, case: &str) {
    let (code, message) = match name {
        "write" | "root" => ("invalid_credentials", REFUSED),
        // Only who knows the secret is told.
        "elsewhere" if !knows_secret => ("invalid_credentials", REFUSED),
        "elsewhere" => (
            "address_not_allowed",
            "Address is not allowed for this client",
        ),
        _ => ("invalid_credentials", INVALID),
    };
    assert_eq!(reply.body["code"], code, "{case}: {}", reply.text);
    reply.assert_error(401, message);
    assert_eq!(reply.header("www-authenticate"), "", "{case}");
    assert_eq!(reply.header("access-control-allow-origin"), "*", "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_found_wherever_sdks_put_them() {
    let shop = Shop::open().await;
    let (id, secret) = (text(&shop.client["id"]), text(&shop.client["secret"]));
    let event = |more: Json| {
        let mut body = json!({"type": "track", "payload": {"name": "x"}});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        body
    };
    let with = |headers: &[(&str, &str)]| {
        let mut caller = shop.server.anonymous();
        for (name, value) in headers {
            caller = caller.with_header(name, value);
        }
        caller
    };
    let upper = id.to_uppercase();
    for (headers, body) in [
        (
            vec![
                ("openpanel-client-id", id.as_str()),
                ("openpanel-client-secret", &secret),
            ],
            json!({}),
        ),
        (
            vec![
                ("openpanel-client-id", upper.as_str()),
                ("openpanel-client-secret", &secret),
            ],
            json!({}),
        ),
        (
            vec![
                ("mixan-client-id", id.as_str()),
                ("mixan-client-secret", &secret),
            ],
            json!({}),
        ),
        (
            vec![
                ("openpanel-client-id", id.as_str()),
                ("mixan-client-secret", &secret),
            ],
            json!({}),
        ),
        (
            vec![("openpanel-client-id", id.as_str())],
            json!({"clientSecret": secret}),
        ),
        (vec![], json!({"clientId": id, "clientSecret": secret})),
        (vec![("origin", ORIGIN)], json!({"clientId": id})),
        // Headers are asked first.
        (
            vec![
                ("openpanel-client-id", id.as_str()),
                ("openpanel-client-secret", &secret),
            ],
            json!({"clientId": "x", "clientSecret": 5}),
        ),
    ] {
        let reply = with(&headers).post("/track", event(body.clone())).await;
        assert_eq!(reply.status, 200, "{headers:?} {body}: {}", reply.text);
    }
    let missing = "Ingestion: Missing client id";
    let malformed = "Ingestion: Client ID must be a valid UUIDv4";
    for (headers, body, message) in [
        (vec![], json!({"clientId": null}), missing),
        (vec![], json!({"clientId": 5}), missing),
        (vec![], json!({"clientId": ""}), missing),
        (vec![("openpanel-client-id", "")], json!({}), missing),
        (vec![], json!({"clientId": "x"}), malformed),
        (
            vec![("openpanel-client-id", "x")],
            json!({"clientId": id}),
            malformed,
        ),
        (vec![("mixan-client-id", "'; --")], json!({}), malformed),
    ] {
        let reply = with(&headers).post("/track", event(body.clone())).await;
        assert_eq!(reply.status, 401, "{headers:?} {body}: {}", reply.text);
        reply.assert_error(401, message);
    }
    // Who is refused is told so, and not that its body is too big: SDKs repeat everything else.
    let mut big = event(json!({}));
    big["payload"]["properties"] = json!({"x": "x".repeat(100_000)});
    let reply = with(&[("openpanel-client-id", &id)])
        .post("/track", big)
        .await;
    reply.assert_error(401, REFUSED);
    // What has no body asks the headers only.
    let asker = with(&[
        ("openpanel-client-id", &id),
        ("openpanel-client-secret", &secret),
    ]);
    assert_eq!(asker.get("/track/device-id").await.status, 200);
    let reply = with(&[]).get("/track/device-id").await;
    reply.assert_error(401, missing);
    for path in [
        "/event",
        "/profile",
        "/profile/increment",
        "/profile/decrement",
    ] {
        let body = json!({"name": "x", "profileId": "p", "property": "n"});
        let reply = with(&[]).post(path, body.clone()).await;
        reply.assert_error(401, missing);
        let mut own = body;
        own["clientId"] = id.as_str().into();
        own["clientSecret"] = secret.as_str().into();
        assert_eq!(with(&[]).post(path, own).await.status, 202, "{path}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_compared_by_host() {
    let cors = json!([
        "https://www.shop.example/",
        "*.foo.example",
        "http://localhost:3000"
    ]);
    let shop = Shop::open_with(json!({"cors": cors})).await;
    let id = text(&shop.client["id"]);
    for (origin, is_in) in [
        ("https://shop.example", true),
        ("http://shop.example", true),
        ("https://WWW.Shop.Example", true),
        ("https://a.shop.example", false),
        ("https://a.foo.example", true),
        ("https://a.b.foo.example", true),
        ("https://foo.example", false),
        ("https://a.foo.example.evil.example", false),
        ("https://evilfoo.example", false),
        ("http://localhost:3000", true),
        ("http://localhost:3001", false),
        ("null", false),
        ("", false),
        ("https://", false),
    ] {
        let page = shop
            .server
            .anonymous()
            .with_header("openpanel-client-id", &id)
            .with_header("origin", origin);
        let body = json!({"type": "track", "payload": {"name": format!("of {origin}")}});
        let reply = page.post("/track", body).await;
        let status = if is_in { 200 } else { 401 };
        assert_eq!(reply.status, status, "{origin}: {}", reply.text);
    }
    shop.server.stop().await;
}
