//! `openpanel_rust` of crates.io, in a program of its own.

use std::{path::Path, process::Command};

use serde_json::{Value as Json, json};

use crate::{
    install,
    shop::{Shop, output_of},
};

/// Builds the program; nothing where its dependencies cannot be fetched.
fn program() -> Option<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks/rust");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-sdk");
    let mut fetch = Command::new(env!("CARGO"));
    fetch.args(["fetch", "--locked"]).current_dir(&folder);
    if let Err(why) = install::run(&mut fetch) {
        return install::skip(&why);
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--quiet", "--target-dir"]);
    install::run(build.arg(&target).current_dir(&folder)).unwrap();
    Some(Command::new(target.join("debug/sdk-program")))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "fetches and builds a program"]
async fn every_call_is_stored() {
    let program = tokio::task::spawn_blocking(program).await.unwrap();
    let Some(mut program) = program else { return };
    let shop = Shop::open("https://shop.example").await;
    // The SDK wants a file beside the environment, though it may be empty.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "").unwrap();
    program
        .current_dir(folder.path())
        .env(
            "OPENPANEL_TRACK_URL",
            format!("{}/track", shop.recorder.url()),
        )
        .env("OPENPANEL_CLIENT_ID", shop.client_id())
        .env("OPENPANEL_CLIENT_SECRET", shop.client_secret());
    let told = output_of(program).await;

    let replies = told["replies"].as_array().unwrap();
    let first = &replies[0]["body"];
    assert_eq!(replies.len(), 9);
    for reply in replies {
        assert_eq!(reply, &json!({"status": 200, "body": first}));
    }
    assert_eq!(told["device"], first["deviceId"]);
    let sent = shop.recorder.exchanges();
    assert_eq!(sent.len(), 10);
    assert_eq!(
        (sent[9].method.as_str(), sent[9].path.as_str()),
        ("GET", "/track/device-id")
    );

    let events = shop.events().await;
    let named = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
    assert_eq!(events.len(), 4, "{events:?}");
    for event in &events {
        assert_eq!(event["deviceId"], first["deviceId"]);
        assert_eq!(event["sessionId"], first["sessionId"]);
        assert_eq!(event["os"], "Android");
    }
    assert_eq!(
        named("first")["properties"],
        json!({"plan": "pro", "release": "1.2"})
    );
    let groups = named("second")["groups"].as_array().unwrap();
    let mut groups = groups.iter().filter_map(Json::as_str).collect::<Vec<_>>();
    groups.sort_unstable();
    assert_eq!(groups, ["acme", "beta", "eu"]);
    assert_eq!(named("second")["profileId"], "dora");
    assert_eq!(named("revenue")["revenue"], 1999);

    let dora = shop.profile("dora").await;
    assert_eq!(dora["first_name"], "Dora");
    assert_eq!(dora["email"], "dora@shop.example");
    assert_eq!(dora["properties"]["tier"], "gold");
    assert_eq!(dora["properties"]["visits"], "3");
    assert_eq!(dora["groups"], json!(["acme", "beta", "eu"]));
    shop.close().await;
}
