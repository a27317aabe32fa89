//! Numbers are kept as JavaScript would write them: the same double, to the last bit.

use std::fmt::Write as _;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::shop::{Shop, send, text};

/// Numbers as callers write them, and as they are shown.
const NUMBERS: &[(&str, &str)] = &[
    ("103.81983600000001", "103.81983600000001"),
    ("1998.9999999999998", "1998.9999999999998"),
    ("0.1", "0.1"),
    ("0.30000000000000004", "0.30000000000000004"),
    ("5e-324", "5e-324"),
    ("2.2250738585072014e-308", "2.2250738585072014e-308"),
    ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ("123456789012345678901234567890", "1.2345678901234568e+29"),
    ("9007199254740993", "9007199254740993"),
    ("1E3", "1000"),
    ("1.0", "1"),
    ("-0.0", "0"),
    ("1e-7", "1e-7"),
    ("8.41", "8.41"),
    ("1e23", "1e+23"),
    ("59.99999999999999", "59.99999999999999"),
    // Halfway between two doubles, or next to it.
    ("9007199254740993.0", "9007199254740992"),
    ("4503599627370497.5", "4503599627370498"),
    (
        "0.500000000000000166533453693773481063544750213623046875",
        "0.5000000000000002",
    ),
];

fn object(numbers: &[(String, String)]) -> String {
    let mut text = String::from("{");
    for (place, (written, _)) in numbers.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(text, r#"{comma}"n{place}":{written}"#).unwrap();
    }
    text + "}"
}

fn assert_shown(properties: &Json, numbers: &[(String, String)]) {
    for (place, (written, shown)) in numbers.iter().enumerate() {
        let found = &properties[format!("n{place}")];
        assert_eq!(found, &json!(shown), "{written}");
    }
}

/// Every bit of a double may matter.
fn random_numbers() -> Vec<(String, String)> {
    let mut rng = StdRng::seed_from_u64(17);
    let mut numbers = Vec::new();
    while numbers.len() < 300 {
        let number = f64::from_bits(rng.random::<u64>());
        if number.is_finite() && number != 0.0 {
            let shown = ryu_js::Buffer::new().format(number).to_owned();
            numbers.push((shown.replace('+', ""), shown));
        }
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_the_same_double_wherever_it_is_sent() {
    let shop = Shop::open().await;
    let known = NUMBERS.iter();
    let known = known.map(|(written, shown)| ((*written).to_owned(), (*shown).to_owned()));
    let numbers = known.chain(random_numbers()).collect::<Vec<_>>();
    let object = object(&numbers);
    for body in [
        format!(r#"{{"type":"track","payload":{{"name":"x","properties":{object}}}}}"#),
        format!(r#"{{"type":"identify","payload":{{"profileId":"p","properties":{object}}}}}"#),
        format!(
            r#"{{"type":"group","payload":{{"id":"g","type":"t","name":"n","properties":{object}}}}}"#
        ),
        // Told beside an event.
        format!(
            r#"{{"type":"track","payload":{{"name":"y","properties":{{"__identify":
                {{"profileId":"q","properties":{object}}}}}}}}}"#
        ),
    ] {
        let reply = shop.backend.send_text(Method::POST, "/track", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let old = format!(r#"{{"name":"old","properties":{object}}}"#);
    let reply = shop.backend.send_text(Method::POST, "/event", &old).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let rows = format!(r#"[{{"name":"row","created_at":"2026-01-15","properties":{object}}}]"#);
    let json = Method::POST;
    let reply = shop.backend.send_text(json, "/import/events", &rows).await;
    assert_eq!(reply.status, 200, "{}", reply.text);

    let events = shop.events().await;
    for name in ["x", "old", "row"] {
        let event = events.iter().find(|event| event["name"] == name).unwrap();
        assert_shown(&event["properties"], &numbers);
    }
    for id in ["p", "q"] {
        assert_shown(&shop.profile(id).await["properties"], &numbers);
    }
    let groups = shop.server.root().get("/insights/shop/groups").await;
    assert_shown(&groups.body[0]["properties"], &numbers);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_is_whole_in_every_form_or_refused() {
    let shop = Shop::open().await;
    let body = |told: &str| {
        format!(
            r#"{{"type": "track", "payload": {{"name": "revenue",
                "properties": {{"__revenue": {told}, "told": {}}}}}}}"#,
            json!(told)
        )
    };
    for told in [
        "1998.9999999999998",
        "\"1998.9999999999998\"",
        "1999.0000000000002",
        "0.5",
        "\"1999.5\"",
        "\"1e-1\"",
        "-1",
        "\"-1\"",
        "\"-1e3\"",
        "\"1999,00\"",
        "\"1 999\"",
        "\"0x10\"",
        "\"1_000\"",
        "\"NaN\"",
        "\"inf\"",
        "\"1e400\"",
        "\"1e300\"",
        "\"1.\"",
        "\".5e1\"",
        "\"[1]\"",
        "\"true\"",
        "\"1 2\"",
    ] {
        let reply = shop
            .backend
            .send_text(Method::POST, "/track", &body(told))
            .await;
        reply.assert_invalid_body(&[json!(["payload", "properties", "__revenue"])]);
        let row = format!(r#"[{{"name":"revenue","created_at":"2026-01-15","revenue":{told}}}]"#);
        let reply = shop
            .backend
            .send_text(Method::POST, "/import/events", &row)
            .await;
        reply.assert_invalid_body(&[json!([0, "revenue"])]);
        let old = format!(r#"{{"name":"revenue","properties":{{"__revenue":{told}}}}}"#);
        let reply = shop.backend.send_text(Method::POST, "/event", &old).await;
        reply.assert_invalid_body(&[json!(["properties", "__revenue"])]);
    }
    for (told, amount) in [
        ("1999", 1_999),
        ("1999.0", 1_999),
        ("1.999e3", 1_999),
        ("\"1999\"", 1_999),
        ("\"1999.0\"", 1_999),
        ("\" 1999.00 \"", 1_999),
        ("\"1e3\"", 1_000),
        ("\"1E+3\"", 1_000),
        ("\"1.5e1\"", 15),
        ("\"0.0\"", 0),
        ("-0.0", 0),
        ("9007199254740992", 9_007_199_254_740_992_i64),
        ("\"9007199254740992.0\"", 9_007_199_254_740_992_i64),
    ] {
        let reply = shop
            .backend
            .send_text(Method::POST, "/track", &body(told))
            .await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
        let row =
            format!(r#"[{{"name":"row {amount}","created_at":"2026-01-15","revenue":{told}}}]"#);
        let reply = shop
            .backend
            .send_text(Method::POST, "/import/events", &row)
            .await;
        assert_eq!(reply.status, 200, "{told}: {}", reply.text);
        let events = shop.events().await;
        let of_track = events
            .iter()
            .find(|event| event["properties"]["told"] == told);
        assert_eq!(of_track.unwrap()["revenue"], json!(amount), "{told}");
        let name = format!("row {amount}");
        let rows = events.iter().filter(|event| event["name"] == name.as_str());
        assert!(
            rows.map(|row| &row["revenue"])
                .all(|found| *found == json!(amount))
        );
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_properties_are_counted_as_they_were_sent() {
    let shop = Shop::open().await;
    for amount in ["103.81983600000001", "0.1", "0.2"] {
        let body =
            format!(r#"{{"type":"track","payload":{{"name":"x","properties":{{"n":{amount}}}}}}}"#);
        assert_eq!(
            shop.backend
                .send_text(Method::POST, "/track", &body)
                .await
                .status,
            200
        );
    }
    shop.server.settle().await;
    let series = r#"[{"name":"x","segment":"property_max","property":"properties.n"}]"#;
    let path = format!("/export/charts?projectId=shop&range=today&series={series}");
    let chart = shop.server.root().get(&path).await;
    let largest = &chart.body["series"][0]["metrics"]["max"];
    assert_eq!(
        largest.as_f64(),
        Some(103.819_836_000_000_01),
        "{}",
        chart.text
    );
    let payload = json!({"profileId": "p", "property": "n", "value": 0.1});
    for _ in 0..3 {
        assert_eq!(
            send(&shop.backend, "increment", payload.clone())
                .await
                .status,
            200
        );
    }
    let profile = shop.profile("p").await;
    assert_eq!(text(&profile["properties"]["n"]), "0.30000000000000004");
    shop.server.stop().await;
}
