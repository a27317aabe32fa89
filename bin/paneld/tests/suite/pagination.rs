//! Lists in pages: nothing is lost and nothing comes twice.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::support::{Caller, START, TestServer};

/// The paths of all lists.
const LISTS: [&str; 3] = ["/manage/projects", "/manage/clients", "/manage/references"];

/// Moments apart at which things are made: ties, microseconds, milliseconds, and a whole day.
const STEPS: [Duration; 9] = [
    Duration::ZERO,
    Duration::ZERO,
    Duration::from_micros(1),
    Duration::ZERO,
    Duration::from_micros(99),
    Duration::from_millis(400),
    Duration::from_millis(100),
    Duration::from_secs(86_399),
    Duration::ZERO,
];

/// Makes a project, two clients and a reference at each step.
async fn fill(server: &TestServer) {
    for (number, step) in STEPS.into_iter().enumerate() {
        server.advance(step);
        let project = format!("project-{}", (number * 5) % 9);
        server.create_project(&project).await;
        let client = json!({"projectId": project, "name": number.to_string()});
        server.create_client(client).await;
        let body = json!({"projectId": project, "title": number.to_string(), "datetime": START});
        server.root().post("/manage/references", body).await.data();
    }
    // So that the lists stay as they are however often they are asked for.
    server.do_chores().await;
}

/// Adds a parameter to a path.
fn with(path: &str, parameter: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{parameter}")
}

/// The entries of a page, and where the list goes on.
async fn page(caller: &Caller, path: &str) -> (Vec<Json>, Option<String>) {
    let reply = caller.get(path).await;
    let entries = reply.data().as_array().unwrap().clone();
    let meta = reply.body["meta"].as_object().unwrap();
    let next = meta["nextCursor"].as_str().map(str::to_owned);
    assert!(next.is_some() || meta["nextCursor"].is_null());
    assert_eq!(meta.len(), 1, "{}", reply.text);
    assert_eq!(reply.body.as_object().unwrap().len(), 2, "{}", reply.text);
    (entries, next)
}

/// All pages of a list.
async fn walk(caller: &Caller, list: &str, limit: usize) -> Vec<Vec<Json>> {
    let first = with(list, &format!("limit={limit}"));
    let (entries, mut next) = page(caller, &first).await;
    let mut pages = vec![entries];
    while let Some(cursor) = next {
        let (entries, after) = page(caller, &with(&first, &format!("cursor={cursor}"))).await;
        pages.push(entries);
        next = after;
        assert!(pages.len() < 100, "there is no end");
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_list_are_the_list() {
    let server = TestServer::start().await;
    let root = server.root();
    fill(&server).await;
    root.delete("/manage/projects/project-3").await;
    let lists = LISTS.into_iter().chain([
        "/manage/projects?includeDeleted=true",
        "/manage/clients?projectId=project-1",
        "/manage/references?projectId=project-1",
        "/manage/references?projectId=",
    ]);
    for list in lists {
        let whole = root.get(list).await;
        assert_eq!(whole.body.as_object().unwrap().len(), 1, "{}", whole.text);
        let whole = whole.data().as_array().unwrap();
        assert!(!whole.is_empty());
        for limit in [1, 2, 3, 4, 5, 8, 9, 10, 1000] {
            let pages = walk(&root, list, limit).await;
            // All pages are full, but the last need not be; none is empty.
            assert_eq!(pages.len(), whole.len().div_ceil(limit), "{list} {limit}");
            let (last, full) = pages.split_last().unwrap();
            assert!(full.iter().all(|page| page.len() == limit));
            assert!((1..=limit).contains(&last.len()));
            assert_eq!(pages.concat(), *whole, "{list} {limit}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_newest_first_and_then_by_id() {
    let server = TestServer::start().await;
    fill(&server).await;
    for list in LISTS {
        let reply = server.root().get(list).await;
        let entries = reply.data().as_array().unwrap();
        let text = |entry: &Json, field: &str| entry[field].as_str().unwrap().to_owned();
        for pair in entries.windows(2) {
            let (first, second) = (&pair[0], &pair[1]);
            let (newer, older) = (text(first, "createdAt"), text(second, "createdAt"));
            assert!(newer >= older, "{}", reply.text);
        }
        // The last two steps were at the same moment, long after all others.
        let ties = entries
            .iter()
            .take_while(|entry| entry["createdAt"] == entries[0]["createdAt"]);
        let ids = ties.map(|entry| text(entry, "id")).collect::<Vec<_>>();
        assert!([2, 4].contains(&ids.len()), "{}", reply.text);
        assert!(ids.is_sorted(), "{}", reply.text);
    }
    // Microseconds count, though they are not shown.
    let listed = server.root().get("/manage/projects").await;
    let expected = [4, 8, 3, 7, 2, 1, 6, 0, 5].map(|number| format!("project-{number}"));
    assert_eq!(listed.ids(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_is_one_page() {
    let server = TestServer::start().await;
    for list in ["/manage/projects", "/manage/references"] {
        let whole = server.root().get(list).await;
        assert_eq!(whole.body, json!({"data": []}));
        let paged = server.root().get(&with(list, "limit=1")).await;
        assert_eq!(
            paged.body,
            json!({"data": [], "meta": {"nextCursor": null}})
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_alone_gives_all_the_rest() {
    let server = TestServer::start().await;
    let root = server.root();
    fill(&server).await;
    for list in LISTS {
        let whole = root.get(list).await;
        let (first, cursor) = page(&root, &with(list, "limit=4")).await;
        let rest = with(list, &format!("cursor={}", cursor.unwrap()));
        let (rest, cursor) = page(&root, &rest).await;
        assert_eq!(cursor, None);
        assert_eq!(json!([first, rest].concat()), *whole.data());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_and_goes_meanwhile_shifts_no_page() {
    let server = TestServer::start().await;
    let root = server.root();
    fill(&server).await;
    let whole = root.get("/manage/projects").await;
    let whole = whole.data().as_array().unwrap();
    let (first, cursor) = page(&root, "/manage/projects?limit=4").await;
    assert_eq!(first, whole[..4]);
    // A newer one comes, and the very one that the cursor points at goes.
    server.advance(Duration::from_secs(1));
    server.create_project("New").await;
    let last = first[3]["id"].as_str().unwrap();
    assert_eq!(
        root.delete(&format!("/manage/projects/{last}"))
            .await
            .status,
        200
    );
    let rest = format!("/manage/projects?limit=100&cursor={}", cursor.unwrap());
    let (rest, _) = page(&root, &rest).await;
    assert_eq!(rest, whole[4..]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_outlives_a_restart() {
    let server = TestServer::start().await;
    fill(&server).await;
    let (first, cursor) = page(&server.root(), "/manage/projects?limit=4").await;
    let server = server.restart().await;
    let whole = server.root().get("/manage/projects").await;
    let rest = format!("/manage/projects?cursor={}", cursor.unwrap());
    let (rest, _) = page(&server.root(), &rest).await;
    assert_eq!(json!([first, rest].concat()), *whole.data());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_from_one_to_a_thousand() {
    let server = TestServer::start().await;
    let root = server.root();
    for list in LISTS {
        for limit in [
            "0",
            "1001",
            "-1",
            "%2B5",
            "1.0",
            "1e2",
            "0x10",
            "abc",
            "",
            "%20",
            "1%20",
            "10;",
            "%00",
            "%FF",
            "٣",
            "4294967297",
            "18446744073709551617",
            "NaN",
            "null",
            "[]",
        ] {
            let reply = root.get(&with(list, &format!("limit={limit}"))).await;
            assert_eq!(reply.status, 400, "{limit}: {}", reply.text);
            reply.assert_invalid_query(&[json!(["limit"])]);
        }
        for limit in ["1", "1000"] {
            page(&root, &with(list, &format!("limit={limit}"))).await;
        }
        // The last of several counts.
        page(&root, &with(list, "limit=0&limit=5")).await;
        let reply = root.get(&with(list, "limit=5&limit=0")).await;
        reply.assert_invalid_query(&[json!(["limit"])]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_one_that_was_given_out() {
    let server = TestServer::start().await;
    let root = server.root();
    fill(&server).await;
    let encoded = |plain: &[u8]| URL_SAFE_NO_PAD.encode(plain);
    let long = "x".repeat(5_000);
    for list in LISTS {
        for cursor in [
            "",
            "abc",
            "!!!!",
            "a",
            "%00",
            "%FF",
            "%F0%9F%9A%80",
            "eyJpZCI6MX0=",
            &long,
            &encoded(b""),
            &encoded(b":"),
            &encoded(b"x:shop"),
            &encoded(b":shop"),
            &encoded(b"1768473000000000"),
            &encoded(b"-1:shop"),
            &encoded(b"1.5:shop"),
            &encoded(b"9223372036854775807:shop"),
            &encoded(b"-9223372036854775808:shop"),
            &encoded(b"9223372036854775808:shop"),
            &encoded(b"99999999999999999999999999999999:shop"),
            &encoded(b"8210266876799999999:shop"),
            &encoded(b"1768473000000000:' OR 1=1 --"),
            &encoded(b"1768473000000000:a\0b"),
            &encoded("1768473000000000:🚀".as_bytes()),
            &encoded(b"1768473000000000:\xff\xfe"),
            &encoded(&[0xff; 16]),
        ] {
            let reply = root.get(&with(list, &format!("cursor={cursor}"))).await;
            assert_eq!(reply.status, 400, "{cursor}: {}", reply.text);
            reply.assert_invalid_query(&[json!(["cursor"])]);
        }
        let both = root.get(&with(list, "cursor=abc&limit=abc")).await;
        both.assert_invalid_query(&[json!(["cursor"]), json!(["limit"])]);
    }
    // One that could have been given out, once, is just a place in the list.
    let distant = encoded(b"4102444800000000:zzz");
    let (all, _) = page(&root, &format!("/manage/projects?cursor={distant}")).await;
    assert_eq!(all.len(), STEPS.len());
    let before_all = encoded(b"0:a");
    let (none, _) = page(&root, &format!("/manage/projects?cursor={before_all}")).await;
    assert_eq!(none.len(), 0);
    server.stop().await;
}

/// Long lists are sent in parts of 500; the seams must not show.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_whole_without_a_limit() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let mut made = Vec::new();
    for number in 0..1_001 {
        // Some at the same moment, so that seams fall among ties too.
        if number % 3 == 0 {
            server.advance(Duration::from_micros(1));
        }
        let new =
            json!({"projectId": "shop", "title": number.to_string(), "datetime": "2026-01-15"});
        let reply = root.post("/manage/references", new).await;
        made.push((number / 3, reply.body["data"].clone()));
    }
    // Newest first, then by id.
    made.sort_by_key(|(step, reference)| (-step, reference["id"].as_str().unwrap().to_owned()));
    let made = made
        .into_iter()
        .map(|(_, reference)| reference)
        .collect::<Vec<_>>();
    let listed = root.get("/manage/references").await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.header("content-type"), "application/json");
    assert_eq!(listed.body, json!({"data": made}));
    server.stop().await;
}
