//! The root client that the environment asks for.

use serde_json::{Value as Json, json};

use crate::support::{Place, ROOT_ID, ROOT_SECRET};

const OTHER_SECRET: &str = "quite-another-secret-9876543210";

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_the_environment_is_made_and_then_left_alone() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let me = server.root().get("/manage/me").await;
    assert_eq!(me.status, 200, "{}", me.text);
    assert_eq!(me.body["data"]["client"]["type"], "root");
    assert_eq!(me.body["data"]["organization"]["name"], "Acme");
    let before = server.root().get("/manage/clients").await.body;
    let ended = server.stop();
    assert!(!ended.stderr.contains(ROOT_SECRET));
    assert_eq!(ended.stdout, "");
    assert!(!place.data_dir().join("initial-credentials").exists());

    let server = place.bootstrapped().serve();
    let after = server.root().get("/manage/clients").await.body;
    // A use of the client is no change to it.
    let without_uses = |mut clients: Json| {
        clients["data"][0]["lastUsedAt"].take();
        clients
    };
    assert_eq!(without_uses(before), without_uses(after));
    let ended = server.stop();
    assert_eq!(ended.log("WARN"), [] as [Json; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_bootstrap_client_is_not_enabled_again() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let root = server.root();
    let body = json!({"name": "Other", "type": "root"});
    root.create("/manage/clients", body).await;
    let path = format!("/manage/clients/{ROOT_ID}");
    let body = json!({"enabled": false}).to_string();
    let disabled = root.call(reqwest::Method::PATCH, &path, Some(body)).await;
    assert_eq!(disabled.unwrap().status, 200);
    server.stop();

    let server = place.bootstrapped().serve();
    let refused = server.root().get("/manage/me").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["code"], "client_disabled");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_differing_secret_is_one_warning_and_the_old_one_goes_on_working() {
    let place = Place::new();
    place.bootstrapped().serve().stop();
    let server = place
        .bootstrapped()
        .with("BOOTSTRAP_CLIENT_SECRET", OTHER_SECRET)
        .serve();
    assert_eq!(server.root().get("/manage/me").await.status, 200);
    let other = server.caller(ROOT_ID, OTHER_SECRET);
    assert_eq!(other.get("/manage/me").await.status, 401);
    let ended = server.stop();
    let warnings = ended.log("WARN");
    assert_eq!(warnings.len(), 1, "{}", ended.stderr);
    assert_eq!(warnings[0]["client.id"], ROOT_ID);
    let text = warnings[0]["message"].as_str().unwrap();
    assert!(text.contains("another secret"), "{text}");
    for secret in [ROOT_SECRET, OTHER_SECRET] {
        assert!(!(ended.stdout.clone() + &ended.stderr).contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_bootstrap_client_is_not_made_again() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let body = json!({"name": "Other", "type": "root"});
    let other = server.root().create("/manage/clients", body).await;
    let (id, secret) = (other["id"].as_str().unwrap(), &other["secret"]);
    let path = format!("/manage/clients/{ROOT_ID}");
    assert_eq!(server.root().delete(&path).await.status, 200);
    server.stop();

    let server = place.bootstrapped().serve();
    assert_eq!(server.root().get("/manage/me").await.status, 401);
    let other = server.caller(id, secret.as_str().unwrap());
    let clients = other.get("/manage/clients").await.body;
    let ids = clients["data"].as_array().unwrap().iter();
    assert_eq!(ids.map(|c| &c["id"]).collect::<Vec<_>>(), [id]);
    let ended = server.stop();
    let warnings = ended.log("WARN");
    assert_eq!(warnings.len(), 1, "{}", ended.stderr);
    assert!(!place.data_dir().join("initial-credentials").exists());
}

#[test]
fn an_id_and_a_secret_go_together() {
    let place = Place::new();
    let id_only = place.paneld().with("BOOTSTRAP_CLIENT_ID", ROOT_ID).run();
    let secret_only = place
        .paneld()
        .with("BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET)
        .run();
    for refused in [id_only, secret_only] {
        let sentence = "PANELD_BOOTSTRAP_CLIENT_ID and PANELD_BOOTSTRAP_CLIENT_SECRET go together";
        refused.assert_refused(1, &[sentence]);
        assert!(!refused.stderr.contains(ROOT_SECRET));
    }
    assert!(!place.data_dir().exists());
}

#[test]
fn a_bad_bootstrap_secret_is_an_error_that_does_not_show_it() {
    let place = Place::new();
    for secret in ["tooShort7", "with a blank inside it", &"x".repeat(257)] {
        let refused = place
            .bootstrapped()
            .with("BOOTSTRAP_CLIENT_SECRET", secret)
            .run();
        refused.assert_refused(1, &["PANELD_BOOTSTRAP_CLIENT_SECRET", "openssl rand"]);
        assert!(!refused.stderr.contains(secret), "{}", refused.stderr);
    }
    for secret in [
        "aaaaaaaaaaaaaaaaaaaa",
        "passwordpassword",
        "1234567890123456",
    ] {
        let refused = place
            .bootstrapped()
            .with("BOOTSTRAP_CLIENT_SECRET", secret)
            .run();
        let sentences = [
            "PANELD_BOOTSTRAP_CLIENT_SECRET",
            "hard to guess",
            "openssl rand",
        ];
        refused.assert_refused(1, &sentences);
        assert!(!refused.stderr.contains(secret), "{}", refused.stderr);
    }
    // Generated ones have a checksum, which tells a typing error at once.
    let mistyped = format!("sec_{}", "a".repeat(49));
    let refused = place
        .bootstrapped()
        .with("BOOTSTRAP_CLIENT_SECRET", &mistyped)
        .run();
    refused.assert_refused(1, &["PANELD_BOOTSTRAP_CLIENT_SECRET"]);
    assert!(!refused.stderr.contains(&mistyped));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_can_come_from_a_file() {
    let place = Place::new();
    let file = place.write("secret", &format!("{ROOT_SECRET}\n"));
    let server = place
        .paneld()
        .with("BOOTSTRAP_CLIENT_ID", ROOT_ID)
        .with("BOOTSTRAP_CLIENT_SECRET_FILE", &file)
        .serve();
    assert_eq!(server.root().get("/manage/me").await.status, 200);
    let ended = server.stop();
    assert_eq!(ended.log("WARN"), [] as [Json; 0]);

    let absent = place.path().join("absent").display().to_string();
    let refused = place
        .paneld()
        .with("BOOTSTRAP_CLIENT_ID", ROOT_ID)
        .with("BOOTSTRAP_CLIENT_SECRET_FILE", &absent)
        .run();
    refused.assert_refused(1, &["cannot read the secret in", &absent]);
}

/// Whoever mistakes one name for the other gives a path for a secret.
#[test]
fn a_bad_secret_file_is_told_by_the_name_it_was_given_under() {
    let place = Place::new();
    let file = place.write("secret", "short\n");
    let with_id = || place.paneld().with("BOOTSTRAP_CLIENT_ID", ROOT_ID);
    let by_variable = with_id().with("BOOTSTRAP_CLIENT_SECRET_FILE", &file).run();
    by_variable.assert_refused(
        1,
        &["PANELD_BOOTSTRAP_CLIENT_SECRET_FILE: its value must be"],
    );
    let flag = format!("--bootstrap-client-secret-file {file}");
    let by_flag = with_id().args(&flag).run();
    by_flag.assert_refused(1, &["--bootstrap-client-secret-file: its value must be"]);
    let help = place.paneld().args("--help").run();
    assert!(
        help.stdout
            .contains("[env: PANELD_BOOTSTRAP_CLIENT_SECRET_FILE]")
    );
}
