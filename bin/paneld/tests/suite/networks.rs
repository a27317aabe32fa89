//! Of which networks visitors are: `docs/contract/track.md` §5.8.

use std::fs;

use serde_json::{Value as Json, json};

use crate::{
    shop::{CHROME, Shop, text, track},
    support::{Caller, TestServer},
};

/// Some networks, in the forms of several makers of such files.
const NETWORKS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/enrich/tests/fixtures/networks.mmdb"
);
/// A file of the same format that knows no networks.
const PLACES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/enrich/tests/fixtures/places.mmdb"
);

const HETZNER: &str = "88.198.1.1";
const AT_HOME: &str = "81.2.69.160";
const UNKNOWN: &str = "1.1.1.1";

const MARKS: [&str; 3] = ["__asn", "__network", "__datacenter"];

async fn shop_with(networks: &str) -> Shop {
    let server = TestServer::start_with(&[("ASN", networks)]).await;
    Shop::open_on(server, json!({})).await
}

async fn tell(caller: &Caller, name: &str, properties: Json) {
    let reply = track(caller, json!({"name": name, "properties": properties})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// A page that a browser at this address shows, which sends all that browsers send.
fn page_at(shop: &Shop, address: &str) -> Caller {
    let page = shop.browser.with_header("true-client-ip", address);
    let page = page.with_header("sec-ch-ua", "\"Chromium\";v=\"126\"");
    let page = page.with_header("sec-fetch-mode", "cors");
    page.with_header("accept-language", "de")
}

/// What the event of this name tells of its visitor's network, and why it is suspicious.
fn marks(events: &[Json], name: &str) -> [Json; 4] {
    let event = events.iter().find(|event| event["name"] == name);
    let properties = &event.unwrap()["properties"];
    let [asn, network, datacenter] = MARKS.map(|mark| properties[mark].clone());
    let reasons = properties["__bot_reasons"].clone();
    [asn, network, datacenter, reasons]
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_the_network_of_their_visitor() {
    let shop = shop_with(NETWORKS).await;
    for (name, address) in [
        ("rented", HETZNER),
        ("home", AT_HOME),
        ("unknown", UNKNOWN),
        ("flagged", "202.196.224.5"),
    ] {
        tell(&page_at(&shop, address), name, json!({})).await;
    }
    // A server of the shop that passes its visitors on; and one that speaks for itself.
    let backend = shop.server.caller_of(&shop.client);
    let passing = backend.with_header("user-agent", CHROME);
    tell(&passing, "passed", json!({"__ip": HETZNER})).await;
    let own = shop.backend.with_header("true-client-ip", HETZNER);
    tell(&own, "own", json!({})).await;
    let events = shop.events().await;

    let rented = [json!("24940"), json!("Hetzner Online GmbH"), json!("1")];
    let [asn, network, datacenter] = rented;
    let passed = [asn, network, datacenter, Json::Null];
    assert_eq!(marks(&events, "passed"), passed);
    let [asn, network, datacenter, _] = passed;
    let reason = json!("datacenter_ip:AS24940");
    let rented = [asn, network, datacenter, reason];
    assert_eq!(marks(&events, "rented"), rented);
    // All of them happened at the same time, and come in any order.
    let starts = events
        .iter()
        .filter(|event| event["name"] == "session_start");
    let mut networks = starts.map(|start| &start["properties"]["__asn"]);
    assert!(networks.any(|asn| asn == "24940"));
    let home = [
        json!("20712"),
        json!("Andrews & Arnold Ltd"),
        Json::Null,
        Json::Null,
    ];
    assert_eq!(marks(&events, "home"), home);
    let flagged = [Json::Null, Json::Null, json!("1"), json!("datacenter_ip")];
    assert_eq!(marks(&events, "flagged"), flagged);
    let nothing = [Json::Null, Json::Null, Json::Null, Json::Null];
    assert_eq!(marks(&events, "unknown"), nothing);
    assert_eq!(marks(&events, "own"), nothing);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_centre_and_strange_headers_together_make_a_bot() {
    let shop = shop_with(NETWORKS).await;
    let strange = shop.browser.with_header("true-client-ip", HETZNER);
    tell(&strange, "strange", json!({})).await;
    tell(&page_at(&shop, HETZNER), "plain", json!({})).await;
    let events = shop.events().await;
    let property = |name: &str, key: &str| {
        let event = events.iter().find(|event| event["name"] == name);
        event.unwrap()["properties"][key].clone()
    };
    assert_eq!(property("strange", "__bot"), "1");
    let reasons = text(&property("strange", "__bot_reasons"));
    assert!(
        reasons.starts_with("datacenter_ip:AS24940,header:"),
        "{reasons}"
    );
    assert_eq!(property("plain", "__bot"), Json::Null);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_tells_of_networks() {
    let forged = json!({
        "__asn": "1", "__network": "Mine", "__datacenter": "1", "__bot": "1",
        "__asn\0": "2", "__\0network": "Mine", "__datacenter\0": "1", "__bot\0": "1",
        "__ip\0": UNKNOWN,
    });
    for networks in [Some(NETWORKS), None] {
        let shop = match networks {
            Some(networks) => shop_with(networks).await,
            None => Shop::open().await,
        };
        tell(&page_at(&shop, UNKNOWN), "page", forged.clone()).await;
        tell(&shop.backend, "backend", forged.clone()).await;
        tell(&page_at(&shop, AT_HOME), "home", forged.clone()).await;
        let body = json!({"name": "old", "profile_id": "p", "created_at": "2026-01-01T00:00:00Z",
            "properties": forged});
        let importer = json!({"name": "Importer", "type": "write", "projectId": "shop"});
        let importer = shop
            .server
            .caller_of(&shop.server.create_client(importer).await);
        let reply = importer.post("/import/events", json!([body])).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let events = shop.events().await;
        for name in ["page", "backend", "old"] {
            let event = events.iter().find(|event| event["name"] == name);
            assert_eq!(event.unwrap()["properties"], json!({}), "{name}");
        }
        let [asn, network, datacenter, _] = marks(&events, "home");
        if networks.is_some() {
            assert_eq!([asn, network], ["20712", "Andrews & Arnold Ltd"]);
        } else {
            assert_eq!([asn, network], [Json::Null, Json::Null]);
        }
        assert_eq!(datacenter, Json::Null);
        shop.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_exports_are_filtered_by_networks() {
    let shop = shop_with(NETWORKS).await;
    for (name, address) in [("a", HETZNER), ("b", AT_HOME), ("c", UNKNOWN)] {
        let page = page_at(&shop, address);
        tell(
            &page,
            "screen_view",
            json!({"__path": "https://shop.example/"}),
        )
        .await;
        tell(&page, name, json!({})).await;
    }
    shop.server.settle().await;
    let root = shop.server.root();
    let asked = async |path: &str, name: &str, operator: &str, value: Json| {
        let filters = json!([{"name": name, "operator": operator, "value": value}]);
        let filters = filters.to_string();
        let filters = url::form_urlencoded::byte_serialize(filters.as_bytes());
        let reply = root
            .get(&format!("{path}&filters={}", filters.collect::<String>()))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body
    };
    let visitors = async |name: &str, operator: &str, value: Json| {
        let path = "/insights/shop/metrics?range=30d";
        let found = asked(path, name, operator, value).await;
        found["metrics"]["unique_visitors"].as_u64().unwrap()
    };
    assert_eq!(
        visitors("properties.__datacenter", "is", json!(["1"])).await,
        1
    );
    assert_eq!(
        visitors("properties.__datacenter", "isNot", json!(["1"])).await,
        2
    );
    assert_eq!(
        visitors("properties.__asn", "is", json!(["20712"])).await,
        1
    );
    let named = ("properties.__network", "contains", json!(["Arnold"]));
    assert_eq!(visitors(named.0, named.1, named.2).await, 1);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_read_again_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asn.mmdb");
    fs::copy(NETWORKS, &path).unwrap();
    let shop = shop_with(path.to_str().unwrap()).await;
    let page = page_at(&shop, HETZNER);
    tell(&page, "before", json!({})).await;
    fs::copy(PLACES, &path).unwrap();
    shop.server.reload_databases().await;
    tell(&page, "without", json!({})).await;
    fs::write(&path, "no such file").unwrap();
    shop.server.reload_databases().await;
    tell(&page, "broken", json!({})).await;
    fs::copy(NETWORKS, &path).unwrap();
    shop.server.reload_databases().await;
    tell(&page, "after", json!({})).await;
    let events = shop.events().await;
    for (name, asn) in [
        ("before", json!("24940")),
        ("without", Json::Null),
        ("broken", Json::Null),
        ("after", json!("24940")),
    ] {
        assert_eq!(marks(&events, name)[0], asn, "{name}");
    }
    shop.server.stop().await;
}
