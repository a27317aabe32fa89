//! The examples of `paneld-guard`, spoken to over HTTP.

use paneld_guard::{PlainSecret, SecretHash};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::support::Example;

fn header<'a>(reply: &'a Response, name: &str) -> &'a str {
    reply.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn protect_your_api() {
    let mut example = Example::start(env!("CARGO_BIN_EXE_protect_your_api"), &[]);
    let (reader, writer) = (example.printed(), example.printed());
    let ((id, secret), http) = (reader.credentials.unwrap(), Client::new());

    let stranger = http.get(&reader.url).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(&stranger, "www-authenticate"),
        "Basic realm=\"Acme\""
    );
    let problem: Value = stranger.json().await.unwrap();
    assert_eq!(problem["code"], "missing_credentials");
    assert_eq!(
        problem["message"],
        "Billing: Client ID must be a valid UUIDv4"
    );
    assert_eq!(problem["details"][0]["path"][0], "acme-client-id");

    let (writer_id, writer_secret) = writer.credentials.unwrap();
    let other_type = http.get(&writer.url);
    let other_type = other_type.basic_auth(&writer_id, Some(&writer_secret));
    let other_type = other_type.send().await.unwrap();
    assert_eq!(other_type.status(), StatusCode::UNAUTHORIZED);
    let problem: Value = other_type.json().await.unwrap();
    assert_eq!(problem["code"], "insufficient_permissions");
    assert_eq!(
        problem["message"],
        "Billing: Client is not allowed to call this API"
    );

    for left in (0..5).rev() {
        let request = http.get(&reader.url);
        let request = request.header("acme-client-id", &id);
        let reply = request.header("acme-client-secret", &secret).send();
        let reply = reply.await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(header(&reply, "ratelimit-policy"), "\"billing\";q=5;w=60");
        assert!(header(&reply, "ratelimit").starts_with(&format!("\"billing\";r={left};")));
        assert_eq!(reply.text().await.unwrap(), "The invoices of acme\n");
    }
    let reply = http.get(&reader.url).basic_auth(&id, Some(&secret)).send();
    let reply = reply.await.unwrap();
    assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait = header(&reply, "retry-after").parse::<u64>().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
}

#[tokio::test]
async fn limit_by_key() {
    let mut example = Example::start(env!("CARGO_BIN_EXE_limit_by_key"), &[]);
    let (url, http) = (example.printed().url, Client::new());
    let search = async |address: &str, tenant: Option<&str>| {
        let request = http.get(&url).header("x-forwarded-for", address);
        let request = tenant.into_iter().fold(request, |request, tenant| {
            request.header("x-tenant", tenant)
        });
        request.send().await.unwrap()
    };
    for left in (0..3).rev() {
        let reply = search("192.0.2.1", Some("acme")).await;
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(header(&reply, "x-ratelimit-remaining"), left.to_string());
        let policies = reply.headers().get_all("ratelimit-policy").iter();
        let policies = policies.map(|value| value.to_str().unwrap());
        assert_eq!(
            policies.collect::<Vec<_>>(),
            ["\"tenant\";q=3;w=60", "\"address\";q=20;w=3600"]
        );
    }
    let denied = search("192.0.2.1", Some("acme")).await;
    assert_eq!(denied.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait = header(&denied, "retry-after").parse::<u64>().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let problem: Value = denied.json().await.unwrap();
    assert_eq!(problem["status"], 429);
    assert!(problem["requestId"].is_string(), "{problem}");

    // Other tenants and who names none have nothing to do with it, but the address is used up.
    assert_eq!(search("192.0.2.1", Some("beta")).await.status(), 200);
    for _ in 0..15 {
        assert_eq!(search("192.0.2.1", None).await.status(), 200);
    }
    assert_eq!(search("192.0.2.1", Some("gamma")).await.status(), 429);
    let elsewhere = search("192.0.2.2", Some("gamma")).await;
    assert_eq!(header(&elsewhere, "x-ratelimit-remaining"), "2");
}

#[tokio::test]
async fn own_credential_store() {
    const ID: &str = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
    const UNKNOWN: &str = "1d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clients");
    let secret = PlainSecret::generate();
    let hash = SecretHash::of(&secret).to_stored();
    std::fs::write(&file, format!("# clients\n{ID} acme write {hash}\n")).unwrap();
    let program = env!("CARGO_BIN_EXE_own_credential_store");
    let mut example = Example::start(program, &[file.to_str().unwrap()]);
    let (url, http) = (example.printed().url, Client::new());
    let call = async |id: &str, secret: &PlainSecret| {
        let request = http.get(&url).basic_auth(id, Some(secret.expose()));
        request.send().await.unwrap()
    };
    let reply = call(ID, &secret).await;
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.text().await.unwrap(), "Hello, acme\n");
    let wrong = call(ID, &PlainSecret::generate()).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(call(UNKNOWN, &secret).await.status(), 401);

    // A store that is away makes nobody's credentials wrong.
    std::fs::remove_file(&file).unwrap();
    let unknown = "2d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
    let away = call(unknown, &secret).await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&away, "retry-after"), "1");
}
