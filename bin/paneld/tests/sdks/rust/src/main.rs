//! What a program does with `openpanel_rust`, which finds its settings in the environment.
//! Prints, as JSON, what the server answered.

use std::collections::HashMap;

use openpanel_sdk::{
    TrackerError,
    sdk::{Tracker, group::Group, user::IdentifyUser},
};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tracker = Tracker::try_new_from_env()?
        .with_default_headers()?
        .with_header("openpanel-client-ip".into(), "198.51.100.7".into())?
        .with_header(
            "user-agent".into(),
            "MyApp/1.0 (Linux; Android 13; Pixel 7)".into(),
        )?
        .with_global_properties(texts(&[("release", "1.2")]));
    let dora = || "dora".to_owned();
    let mut replies = Vec::new();
    let mut keep = async |reply: Result<_, TrackerError>| {
        replies.push(told(reply?).await?);
        Ok::<_, TrackerError>(())
    };

    let properties = texts(&[("plan", "pro")]);
    keep(
        tracker
            .track("first".into(), None, Some(properties), None, None)
            .await,
    )
    .await?;
    keep(tracker.identify(user(dora())).await).await?;
    keep(tracker.increment(dora(), "visits".into(), 5).await).await?;
    keep(tracker.decrement(dora(), "visits".into(), 2).await).await?;
    let acme = Group {
        id: "acme".into(),
        group_type: "company".into(),
        name: "Acme".into(),
        properties: HashMap::new(),
    };
    keep(tracker.upsert_group(acme).await).await?;
    keep(tracker.set_group(dora(), "acme".into()).await).await?;
    keep(
        tracker
            .set_groups(dora(), vec!["acme".into(), "eu".into()])
            .await,
    )
    .await?;
    let of_event = vec!["beta".into()];
    keep(
        tracker
            .track("second".into(), Some(dora()), None, Some(of_event), None)
            .await,
    )
    .await?;
    keep(tracker.revenue(Some(dora()), 1999, None).await).await?;
    let device = tracker.fetch_device_id().await?;
    println!("{}", json!({"replies": replies, "device": device}));
    Ok(())
}

fn user(profile_id: String) -> IdentifyUser {
    IdentifyUser {
        profile_id,
        email: "dora@shop.example".into(),
        first_name: "Dora".into(),
        last_name: "Ek".into(),
        properties: texts(&[("tier", "gold")]),
    }
}

fn texts(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    owned.collect()
}

async fn told(reply: reqwest::Response) -> Result<Value, TrackerError> {
    let status = reply.status().as_u16();
    let body: Value = reply.json().await?;
    Ok(json!({"status": status, "body": body}))
}
