//! What is sent and not read is named, in a header or, for who prefers strictness, in a refusal.

use serde_json::{Value as Json, json};

use crate::{
    openapi::Document,
    shop::{Shop, view},
    support::{Caller, Reply},
};

const IGNORED: &str = "x-paneld-ignored";

async fn ignored(caller: &Caller, path: &str) -> String {
    let reply = caller.get(path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    assert_eq!(reply.header("preference-applied"), "");
    reply.header(IGNORED).to_owned()
}

fn strict(caller: &Caller) -> Caller {
    caller.with_header("prefer", "handling=strict")
}

fn messages(reply: &Reply) -> Vec<(Json, String)> {
    let details = reply.body["details"].as_array().unwrap().iter();
    let told = details.map(|detail| (detail["path"].clone(), detail["message"].to_string()));
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_is_named_with_what_it_looks_like() {
    let shop = Shop::open().await;
    let root = shop.server.root();
    for (path, expected) in [
        (
            "/insights/shop/metrics?rnage=7d",
            "rnage; did-you-mean=range",
        ),
        ("/insights/shop/metrics?range=7d", ""),
        (
            "/insights/shop/metrics?start_date=2026-01-01",
            "start_date; did-you-mean=startDate",
        ),
        (
            "/insights/shop/metrics?Filters=[]",
            "Filters; did-you-mean=filters",
        ),
        (
            "/insights/shop/metrics?filters[0][name]=path&filters[0][operator]=is&filters[0][value][]=/",
            "",
        ),
        (
            "/insights/shop/metrics?fitlers[0][name]=path",
            "fitlers; did-you-mean=filters",
        ),
        // What others read of this API, and we do not.
        ("/insights/shop/metrics?interval=day", "interval"),
        ("/insights/shop/live?range=7d", "range"),
        ("/insights/shop/events/names?x&y=1&x=2", "x, y"),
        (
            "/insights/shop/traffic/geo?limit=5&cursor=1&labels=true",
            "",
        ),
        ("/export/events?projectId=shop&page=1&includes=geo", ""),
        (
            "/export/events?projectId=shop&includes=props",
            "includes=props; did-you-mean=properties",
        ),
        (
            "/export/events?projectId=shop&includes=country,meta,geo",
            "includes=meta",
        ),
        ("/export/events?projectId=shop&project_id=x", "project_id"),
        (
            "/export/events?projectId=shop&start=2026-01-01&startDate=2026-01-02",
            "startDate",
        ),
        (
            "/export/events?projectId=shop&format=csv&lmit=3",
            "lmit; did-you-mean=limit",
        ),
        (
            "/export/charts?projectId=shop&series=[]&events=[]",
            "events",
        ),
        (
            "/v1/events/count?project_id=shop&untill=2026-01-01",
            "untill; did-you-mean=until",
        ),
        (
            "/manage/projects?includedeleted=1",
            "includedeleted; did-you-mean=includeDeleted",
        ),
        ("/manage/projects/shop?limit=3", "limit"),
        (
            "/manage/clients?limit[]=3",
            "limit%5B%5D; did-you-mean=limit",
        ),
        (
            "/manage/audit?resource=client&resourceID=x",
            "resourceID; did-you-mean=resourceId",
        ),
        ("/manage/me?verbose", "verbose"),
        ("/api/manage/organization?x=1", "x"),
        ("/manage/me", ""),
    ] {
        assert_eq!(ignored(&root, path).await, expected, "{path}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_prefers_strictness_is_refused_for_the_same() {
    let shop = Shop::open().await;
    let root = strict(&shop.server.root());
    for (path, at, says) in [
        ("/insights/shop/metrics?rnage=7d", json!(["rnage"]), "range"),
        (
            "/insights/shop/live?range=7d",
            json!(["range"]),
            "is not known here",
        ),
        (
            "/export/events?projectId=shop&includes=props",
            json!(["includes"]),
            "properties",
        ),
        (
            "/export/events?projectId=shop&project_id=x",
            json!(["project_id"]),
            "beside projectId",
        ),
        ("/manage/projects?limits=1", json!(["limits"]), "limit"),
        ("/manage/me?x", json!(["x"]), "is not known here"),
    ] {
        let reply = root.get(path).await;
        reply.assert_error(400, "Invalid query parameters");
        assert_eq!(reply.header("preference-applied"), "handling=strict");
        assert_eq!(reply.header(IGNORED), "");
        let told = messages(&reply);
        assert!(
            told.iter()
                .any(|(path, why)| *path == at && why.contains(says)),
            "{path}: {told:?}"
        );
    }
    // What is right passes, and the rest of the decision order stays as it is.
    let reply = root.get("/insights/shop/metrics?range=7d").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("preference-applied"), "handling=strict");
    let stranger = strict(&shop.server.anonymous());
    assert_eq!(stranger.get("/manage/me?x").await.status, 401);

    for (prefer, status) in [
        ("respond-async, handling=strict", 400),
        ("Handling=\"STRICT\"; x=1", 400),
        ("handling = strict", 400),
        ("handling=lenient", 200),
        ("handling=lenient, handling=strict", 200),
        ("strict", 200),
        ("xhandling=strict", 200),
    ] {
        let caller = shop.server.root().with_header("prefer", prefer);
        let reply = caller.get("/manage/me?x").await;
        assert_eq!(reply.status.as_u16(), status, "{prefer}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_is_bounded_and_harmless() {
    let shop = Shop::open().await;
    let root = shop.server.root();
    let long = "é".repeat(3_000);
    let evil = "/manage/me?a%0D%0Aset-cookie:%20x=1&b%22%3B=1&%00=2";
    let named = ignored(&root, evil).await;
    assert_eq!(named, "a%0D%0Aset-cookie%3A+x, b%22%3B, %00");
    let named = ignored(&root, &format!("/manage/me?{long}=1")).await;
    assert_eq!(named, "%C3%A9".repeat(24));

    let many = (0..3_000).map(|number| format!("u{number}=1"));
    let many = many.collect::<Vec<_>>().join("&");
    for path in ["/manage/me", "/insights/shop/live"] {
        let named = ignored(&root, &format!("{path}?{many}")).await;
        assert_eq!(named, "u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, ...");
        let refused = strict(&root).get(&format!("{path}?{many}")).await;
        assert_eq!(messages(&refused).len(), 10);
    }
    let values = (0..3_000)
        .map(|number| format!("v{number}"))
        .collect::<Vec<_>>()
        .join(",");
    let named = ignored(
        &root,
        &format!("/export/events?projectId=shop&includes={values}"),
    )
    .await;
    assert_eq!(named.matches("includes=").count(), 10);
    assert!(named.len() < 2_048);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_fields_can_be_included() {
    let shop = Shop::open().await;
    view(&shop.browser, "/").await;
    let all = shop.events().await;
    assert_eq!(all.len(), 2, "a session's start, and the view");
    let keys = async |includes: &str| {
        let path = format!("/export/events?projectId=shop&includes={includes}");
        let reply = shop.server.root().get(&path).await;
        assert_eq!(reply.header(IGNORED), "", "{includes}");
        let event = reply.data()[0].as_object().unwrap().clone();
        event.keys().cloned().collect::<Vec<_>>()
    };
    let always = keys("").await;
    let added = async |includes: &str| {
        let keys = keys(includes).await;
        let added = keys.into_iter().filter(|key| !always.contains(key));
        added.collect::<Vec<_>>()
    };
    assert_eq!(added("geo").await, ["latitude", "longitude", "region"]);
    let device = ["brand", "browserVersion", "device", "model", "osVersion"];
    assert_eq!(added("device").await, device);
    let everything = added("all").await;
    for name in device
        .into_iter()
        .chain(["latitude", "properties", "profile", "referrerType"])
    {
        assert!(everything.iter().any(|key| key == name), "{name}");
    }
    shop.server.stop().await;
}

/// What is documented is read: none of it may ever be called ignored.
#[tokio::test(flavor = "multi_thread")]
async fn every_documented_parameter_is_known() {
    let shop = Shop::open().await;
    let root = shop.server.root();
    let mut checked = 0;
    for (path, parameters) in Document::new().query_parameters() {
        let path = path.replace("{projectId}", "shop").replace("{id}", "shop");
        let names = parameters.iter().map(|name| format!("{name}=1"));
        let query = names.collect::<Vec<_>>().join("&");
        let reply = root.get(&format!("{path}?{query}")).await;
        let named = reply.header(IGNORED);
        for name in parameters {
            let beside = ["project_id", "startDate", "endDate", "events"];
            let is_named = named.split(", ").any(|one| one == name);
            assert!(
                !is_named || beside.contains(&name.as_str()),
                "{path}: {name}"
            );
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
    shop.server.stop().await;
}
