//! `@openpanel/sdk` of npm, in Node.

use serde_json::{Value as Json, json};

use crate::{
    recorder::Exchange,
    shop::{Shop, output_of, script},
};

const ORIGIN: &str = "https://shop.example";

/// Opens a shop, and lets the SDK do something there. Nothing where that cannot be installed.
async fn play(scenario: &str) -> Option<(Shop, Json)> {
    let mut node = script("node.mjs")?;
    let shop = Shop::open(ORIGIN).await;
    let arguments = json!({"apiUrl": shop.recorder.url(), "clientId": shop.client_id(),
        "clientSecret": shop.client_secret(), "scenario": scenario});
    node.arg(arguments.to_string());
    let told = output_of(node).await;
    Some((shop, told))
}

fn statuses(exchanges: &[Exchange]) -> Vec<u16> {
    exchanges.iter().map(|exchange| exchange.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn every_call_is_one_request_and_is_stored() {
    let Some((shop, told)) = play("everything").await else {
        return;
    };
    let sent = shop.recorder.exchanges();
    let kinds = sent
        .iter()
        .map(|exchange| exchange.sent["type"].clone())
        .collect::<Vec<_>>();
    let expected = json!([
        "track",
        "identify",
        "increment",
        "increment",
        "decrement",
        "group",
        "assign_group",
        "assign_group",
        "track",
        "track"
    ]);
    assert_eq!(Json::from(kinds), expected);
    assert_eq!(statuses(&sent), [200; 10]);
    assert!(sent.iter().all(|exchange| exchange.path == "/track"));
    // What the SDK believes is what the server said, every time the same.
    for (exchange, reply) in sent.iter().zip(told["replies"].as_array().unwrap()) {
        assert_eq!(&exchange.reply, reply);
        assert_eq!(reply, &told["ids"]);
    }

    let events = shop.events().await;
    let named = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
    let of_sessions = ["session_start", "signup", "with groups", "revenue"];
    assert_eq!(events.len(), of_sessions.len());
    for name in of_sessions {
        assert_eq!(named(name)["deviceId"], told["ids"]["deviceId"], "{name}");
        assert_eq!(named(name)["sessionId"], told["ids"]["sessionId"], "{name}");
        assert_eq!(named(name)["browser"], "Chrome", "{name}");
        assert_eq!(named(name)["sdkName"], "node", "{name}");
    }
    let signup = named("signup");
    let properties = json!({"plan": "pro", "release": "1.2", "nested.deep.0": "1",
        "nested.deep.1": "true"});
    assert_eq!(signup["properties"], properties);
    assert_eq!(signup["groups"], json!(["beta"]));
    assert_eq!(signup["profileId"], told["ids"]["deviceId"]);
    let groups = named("with groups")["groups"].as_array().unwrap();
    let mut groups = groups.iter().filter_map(Json::as_str).collect::<Vec<_>>();
    groups.sort_unstable();
    assert_eq!(groups, ["acme", "beta", "eu", "nordics"]);
    let revenue = named("revenue");
    assert_eq!(revenue["revenue"], 1999);
    assert_eq!(revenue["profileId"], "anna");
    assert_eq!(revenue["properties"]["currency"], "SEK");
    assert_eq!(revenue["properties"].get("__revenue"), None);
    assert_eq!(revenue["properties"].get("__deviceId"), None);

    let anna = shop.profile("anna").await;
    assert_eq!(anna["first_name"], "Anna");
    assert_eq!(anna["last_name"], "Ek");
    assert_eq!(anna["email"], "anna@shop.example");
    assert_eq!(anna["avatar"], "https://shop.example/anna.png");
    assert_eq!(anna["properties"]["tier"], "gold");
    assert_eq!(anna["properties"]["release"], "1.2");
    assert_eq!(anna["properties"]["visits"], "3.5");
    assert_eq!(anna["groups"], json!(["acme", "beta", "eu", "nordics"]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn money_that_a_backend_tells_belongs_to_the_visit() {
    let Some((shop, told)) = play("paid_elsewhere").await else {
        return;
    };
    let paid = &shop.events_named("revenue").await[0];
    assert_eq!(paid["revenue"], 500);
    assert_eq!(paid["deviceId"], told["deviceId"]);
    assert_eq!(paid["sessionId"], told["sessionId"]);
    assert_eq!(told["reply"]["deviceId"], told["deviceId"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn what_is_called_twice_in_an_instant_is_one_request_each() {
    let Some((shop, told)) = play("twice").await else {
        return;
    };
    let sent = shop.recorder.exchanges();
    assert_eq!(statuses(&sent), [200; 4]);
    assert!(sent.iter().all(|one| one.header("origin") == ORIGIN));
    assert_eq!(told["track"][0], told["track"][1]);
    assert_ne!(told["track"][0]["sessionId"], "");
    assert_eq!(shop.events_named("bought").await.len(), 1);
    assert_eq!(shop.profile("ben").await["properties"]["n"], "2");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn who_is_refused_does_not_try_again() {
    let Some((shop, told)) = play("refused").await else {
        return;
    };
    assert_eq!(statuses(&shop.recorder.exchanges()), [401]);
    assert_eq!(told, Json::Null);
    assert_eq!(shop.events().await, [Json::Null; 0]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn what_is_wrong_is_tried_four_times() {
    let Some((shop, told)) = play("wrong").await else {
        return;
    };
    let sent = shop.recorder.exchanges();
    assert_eq!(statuses(&sent), [400; 4]);
    assert_eq!(sent[0].reply["message"], "Invalid request body");
    assert!(sent.iter().all(|one| one.sent == sent[0].sent));
    assert_eq!(told, Json::Null);
    assert_eq!(shop.events().await, [Json::Null; 0]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm, and what it installs"]
async fn what_waited_for_a_profile_gets_it() {
    let Some((shop, told)) = play("queued").await else {
        return;
    };
    let sent = shop.recorder.exchanges();
    assert_eq!(statuses(&sent), [200]);
    let early = &shop.events_named("early").await[0];
    assert_eq!(early["profileId"], "cleo");
    assert_eq!(early["sessionId"], told["sessionId"]);
    assert_eq!(early["properties"], json!({"n": "1"}));
    // The SDK said when it happened, and that was not long ago.
    let told = &sent[0].sent["payload"]["properties"]["__timestamp"];
    assert_eq!(&early["createdAt"], told);
    shop.close().await;
}
