//! Clients of another server, whose secrets only a slow check can tell.

use paneld_auth::SecretHash;
use paneld_domain::{ClientChanges, ClientType, NewClient};

use crate::support::{Caller, TestServer};

const ID: &str = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
const SECRET: &str = "sec_0123456789abcdef0123";
const WRONG: &str = "sec_0123456789abcdef0124";
/// What the other server stored of the secret.
const HASH: &str = "00112233445566778899aabbccddeeff\
     .a1b61a14d7c3d8c933d607a316faf4eecd741472db2d77eb18ffde6b69c23fac";

async fn server_with_import(settings: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start_with(settings).await;
    let client = NewClient {
        name: "Old".parse().unwrap(),
        client_type: ClientType::Root,
        project_id: None,
        settings: ClientChanges::default(),
    };
    let hash = SecretHash::imported(HASH).unwrap();
    let organization = "acme".parse().unwrap();
    let (admin, id) = (server.admin().await, ID.parse().unwrap());
    let imported = admin.import_client(organization, client, id, hash).await;
    imported.unwrap();
    server
}

async fn status(caller: &Caller) -> u16 {
    caller.get("/manage/me").await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_secret_works_until_it_is_replaced() {
    let server = server_with_import(&[]).await;
    let wrong = server.caller(ID, WRONG).get("/manage/me").await;
    wrong.assert_error(401, "Invalid client credentials");
    let imported = server.caller(ID, SECRET);
    for _ in 0..2 {
        assert_eq!(status(&imported).await, 200);
    }
    let server = server.restart().await;
    let imported = server.caller(ID, SECRET);
    assert_eq!(status(&imported).await, 200);

    let path = format!("/manage/clients/{ID}/rotate");
    let body = serde_json::json!({"graceSeconds": 60});
    let rotated = imported.post(&path, body).await;
    assert_eq!(status(&server.caller_of(rotated.data())).await, 200);
    assert_eq!(status(&imported).await, 200);
    server.advance(std::time::Duration::from_secs(60));
    imported
        .get("/manage/me")
        .await
        .assert_error(401, "Invalid client credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_the_slow_check() {
    let server = server_with_import(&[]).await;
    let imported = server.caller(ID, SECRET);
    // One after the other, they would wait for longer than a check waits for its turn.
    let calls = (0..200).map(|_| status(&imported));
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_has_no_more_slow_checks() {
    let server = server_with_import(&[("RATE_LIMIT_AUTH_FAILURES", "2/60s")]).await;
    let guessing = server.caller(ID, WRONG);
    for _ in 0..2 {
        assert_eq!(status(&guessing).await, 401);
    }
    // Nothing was checked: also who knows the secret is asked to wait. Asking costs nothing.
    let imported = server.caller(ID, SECRET);
    for caller in [&guessing, &imported, &imported] {
        let limited = caller.get("/manage/me").await;
        limited.assert_error(429, "You have exceeded the rate limit for this endpoint.");
        assert_eq!(limited.header("retry-after"), "30");
        assert_eq!(limited.body["code"], "too_many_failed_logins");
    }
    // Secrets that are fast to check are none of its business.
    assert_eq!(status(&server.root()).await, 200);
    server.advance(std::time::Duration::from_secs(30));
    assert_eq!(status(&imported).await, 200);
    assert_eq!(status(&guessing).await, 401, "the token was not taken");
    // From now on it is fast to check.
    assert_eq!(status(&imported).await, 200);
}
