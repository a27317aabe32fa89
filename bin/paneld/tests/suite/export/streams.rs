//! Streams of events, read back as files.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use paneld_service::arrow::{
    array::{Array, AsArray as _, RecordBatch},
    datatypes::{Float32Type, TimestampMillisecondType, UInt64Type},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value as Json, json};

use super::Shop;

const EVENTS: &str = "/export/events";
const EVERYTHING: &str = "properties,region,longitude,latitude,osVersion,browserVersion,device,\
    brand,model,origin,referrer,referrerName,referrerType,sdkName,sdkVersion,revenue,importedAt,\
    groups";

/// Texts that files like to spoil.
const TEXTS: [&str; 20] = [
    "",
    "plain",
    "a,b",
    "\"quoted\"",
    "line\nbreak",
    "line\r\nbreak",
    "tab\there",
    "=1+1",
    "-1",
    "@x",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "\t＝1+1",
    "\r=1+1",
    "'quoted",
    "🦆 Größe",
    "null",
    "\\N",
];

/// Events with these texts everywhere.
fn events() -> Vec<Json> {
    let numbered = TEXTS.iter().enumerate();
    let events = numbered.map(|(number, text)| {
        json!({"name": format!("n{text}"), "device_id": "d", "profile_id": "d",
            "created_at": format!("2026-01-{:02} 12:00:00.{number:03}", 10 - number % 3),
            "path": format!("/{text}"), "city": text, "region": text, "longitude": -18.0686,
            "latitude": 59.33, "revenue": number * 100,
            "groups": [format!("g{number}")], "properties": {"text": text, "n": number}})
    });
    events.collect()
}

async fn shop_with_events() -> Shop {
    let shop = Shop::open().await;
    shop.import(&events()).await;
    shop
}

/// All events as pages tell them.
async fn listed(shop: &Shop) -> Vec<Json> {
    let parameters = [("limit", "1000"), ("includes", EVERYTHING)];
    let list = shop.answer(EVENTS, &parameters).await;
    let rows = list["data"].as_array().unwrap().clone();
    assert_eq!(rows.len(), TEXTS.len());
    rows
}

/// The bytes of a stream.
async fn stream(shop: &Shop, parameters: &[(&str, &str)]) -> Vec<u8> {
    let reply = raw(shop, parameters, &[]).await;
    assert_eq!(reply.status(), 200);
    reply.bytes().await.unwrap().to_vec()
}

async fn raw(
    shop: &Shop,
    parameters: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> reqwest::Response {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("projectId", "shop")
        .extend_pairs(parameters)
        .finish();
    let url = format!("{}{EVENTS}?{query}", shop.server.url());
    let mut request = reqwest::Client::new()
        .get(url)
        .basic_auth(crate::support::ROOT_ID, Some(crate::support::ROOT_SECRET));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_format_is_the_one_that_is_liked_most() {
    let shop = shop_with_events().await;
    const PAGE: &str = "application/json";
    const LINES: &str = "application/x-ndjson";
    const CSV: &str = "text/csv; charset=utf-8";
    for (accept, expected) in [
        ("text/csv", CSV),
        ("text/csv;q=0", PAGE),
        ("text/csv;q=0, application/x-ndjson;q=0", PAGE),
        ("text/csv;q=0, */*", PAGE),
        ("application/json;q=0, text/csv;q=0, */*;q=0.5", LINES),
        ("text/csv, */*", CSV),
        ("text/csv;q=0.5, application/x-ndjson;q=0.9", LINES),
        ("application/x-ndjson;q=0.9, text/csv", CSV),
        ("application/x-ndjson, text/csv", LINES),
        ("text/*", CSV),
        ("text/*;q=0, text/csv", CSV),
        ("application/*, text/csv;q=0.1", PAGE),
        ("text/html, application/xhtml+xml, */*;q=0.8", PAGE),
        ("text/html", PAGE),
        ("TEXT/CSV", CSV),
        ("nonsense", PAGE),
        ("", PAGE),
    ] {
        let reply = raw(&shop, &[], &[("accept", accept)]).await;
        assert_eq!(reply.status(), 200, "{accept}");
        assert_eq!(reply.headers()["content-type"], expected, "{accept}");
    }
    shop.server.stop().await;
}

fn lines(bytes: &[u8]) -> Vec<Json> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_json_are_what_pages_have() {
    let shop = shop_with_events().await;
    let expected = listed(&shop).await;
    let full = [("format", "ndjson"), ("includes", EVERYTHING)];
    assert_eq!(lines(&stream(&shop, &full).await), expected);
    let with_profile = [("includes", "profile"), ("limit", "2")];
    let page = shop.answer(EVENTS, &with_profile).await;
    let found = raw(&shop, &with_profile, &[("accept", "application/x-ndjson")]).await;
    assert_eq!(found.headers()["content-type"], "application/x-ndjson");
    let found = lines(&found.bytes().await.unwrap());
    assert_eq!(Json::from(found), page["data"]);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_texts_is_read_back() {
    let shop = shop_with_events().await;
    let expected = listed(&shop).await;
    let bytes = stream(&shop, &[("format", "csv"), ("includes", EVERYTHING)]).await;
    let mut table = csv::Reader::from_reader(bytes.as_slice());
    let names = table.headers().unwrap().clone();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), expected.len());
    for (row, event) in rows.iter().zip(&expected) {
        assert_eq!(names.len(), 13 + 16 + 2);
        for (name, cell) in names.iter().zip(row) {
            let known = &event[name];
            let formula = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];
            match known {
                Json::String(text) => {
                    assert!(!cell.starts_with(formula), "{name}: {cell:?}");
                    assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text, "{name}");
                }
                Json::Null => assert_eq!(cell, "", "{name}"),
                other => {
                    let read: Json = serde_json::from_str(cell).unwrap();
                    assert_eq!(read, *other, "{name}");
                }
            }
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_columns_is_read_back() {
    let shop = shop_with_events().await;
    let expected = listed(&shop).await;
    let bytes = stream(&shop, &[("format", "parquet"), ("includes", EVERYTHING)]).await;
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let batches: Vec<RecordBatch> = file.build().unwrap().map(Result::unwrap).collect();
    let [batch] = batches.as_slice() else {
        panic!("{} batches", batches.len());
    };
    assert_eq!(batch.num_rows(), expected.len());
    let column = |name: &str| batch.column_by_name(name).unwrap();
    for (row, event) in expected.iter().enumerate() {
        for name in [
            "id",
            "name",
            "path",
            "city",
            "region",
            "projectId",
            "deviceId",
        ] {
            assert_eq!(
                column(name).as_string::<i32>().value(row),
                event[name],
                "{name}"
            );
        }
        for name in ["revenue", "duration"] {
            let numbers = column(name).as_primitive::<UInt64Type>();
            assert_eq!(numbers.value(row), event[name].as_u64().unwrap());
        }
        let longitude = column("longitude").as_primitive::<Float32Type>().value(row);
        assert_eq!(longitude, -18.0686);
        let moments = column("createdAt").as_primitive::<TimestampMillisecondType>();
        assert_eq!(moments.timezone(), Some("UTC"));
        let moment = paneld_domain::parse_timestamp(event["createdAt"].as_str().unwrap());
        assert_eq!(moments.value(row), moment.unwrap().timestamp_millis());
        let groups = column("groups").as_list::<i32>().value(row);
        let groups: Vec<_> = groups.as_string::<i32>().iter().flatten().collect();
        assert_eq!(json!(groups), event["groups"]);
        let entries = column("properties").as_map().value(row);
        let [keys, values] = entries.columns() else {
            panic!("no map");
        };
        let pairs = keys
            .as_string::<i32>()
            .iter()
            .zip(values.as_string::<i32>().iter());
        let properties = pairs.map(|(key, value)| (key.unwrap().to_owned(), json!(value.unwrap())));
        assert_eq!(Json::Object(properties.collect()), event["properties"]);
        assert!(column("importedAt").is_valid(row));
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_what_was_sent() {
    let shop = shop_with_events().await;
    let mut expected = listed(&shop).await;
    let read = async |format: &str, reader: &str| {
        let bytes = stream(&shop, &[("format", format), ("includes", EVERYTHING)]).await;
        let file = shop.server.folder().join(format!("events.{format}"));
        std::fs::write(&file, bytes).unwrap();
        let (mut rows, columns) = paneld_testing_files::read(reader, &file);
        for row in &mut rows {
            assert_eq!(row.as_object().unwrap().len(), 13 + 16 + 2);
            for name in ["longitude", "latitude"] {
                let degrees = row[name].as_f64().unwrap();
                row[name] = json!((degrees * 1e4).round() / 1e4);
            }
            // Moments are compared by their types below, and above as numbers.
            for name in ["createdAt", "importedAt"] {
                row.as_object_mut().unwrap().remove(name);
            }
        }
        (rows, columns)
    };
    for event in &mut expected {
        for name in ["createdAt", "importedAt"] {
            event.as_object_mut().unwrap().remove(name);
        }
    }
    let (rows, columns) = read("parquet", "read_parquet").await;
    assert_eq!(rows, expected);
    for (name, kind) in [
        ("id", "VARCHAR"),
        ("createdAt", "TIMESTAMP WITH TIME ZONE"),
        ("importedAt", "TIMESTAMP WITH TIME ZONE"),
        ("revenue", "UBIGINT"),
        ("longitude", "FLOAT"),
        ("groups", "VARCHAR[]"),
        ("properties", "MAP(VARCHAR, VARCHAR)"),
    ] {
        assert!(
            columns.contains(&(name.to_owned(), kind.to_owned())),
            "{columns:?}"
        );
    }
    let (rows, _) = read("ndjson", "read_json").await;
    assert_eq!(rows.len(), expected.len());
    for (row, event) in rows.iter().zip(&expected) {
        for name in ["name", "path", "city", "region", "groups", "revenue"] {
            assert_eq!(row[name], event[name], "{name}");
        }
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_obey_limit_cursor_window_and_filters() {
    let shop = shop_with_events().await;
    let expected = listed(&shop).await;
    let ids = |rows: &[Json]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    let mut all = vec![("format", "ndjson")];
    assert_eq!(ids(&lines(&stream(&shop, &all).await)), ids(&expected));
    all.push(("limit", "3"));
    assert_eq!(ids(&lines(&stream(&shop, &all).await)), ids(&expected[..3]));
    let part = shop.answer(EVENTS, &[("limit", "4")]).await;
    let cursor = part["meta"]["nextCursor"].as_str().unwrap();
    let rest = [("format", "ndjson"), ("cursor", cursor)];
    assert_eq!(
        ids(&lines(&stream(&shop, &rest).await)),
        ids(&expected[4..])
    );
    for parameters in [
        [("start", "2026-01-09"), ("end", "2026-01-09")],
        [("event", "nplain"), ("start", "2026-01-01")],
        [
            (
                "filters",
                r#"[{"name":"revenue","operator":"gt","value":[500]}]"#,
            ),
            ("limit", "9"),
        ],
        [("event", "never"), ("limit", "9")],
    ] {
        let page = shop.answer(EVENTS, &parameters).await;
        let mut parameters = parameters.to_vec();
        parameters.push(("format", "ndjson"));
        let rows = lines(&stream(&shop, &parameters).await);
        assert_eq!(Json::from(rows), page["data"], "{parameters:?}");
    }
    // Files of nothing have their names all the same.
    let nothing = [("event", "never"), ("format", "csv")];
    let table = String::from_utf8(stream(&shop, &nothing).await).unwrap();
    assert!(
        table.starts_with("id,name,") && table.lines().count() == 1,
        "{table}"
    );
    let nothing = [("event", "never"), ("format", "parquet")];
    let file = stream(&shop, &nothing).await;
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap();
    assert_eq!(
        (
            file.schema().fields().len(),
            file.metadata().file_metadata().num_rows()
        ),
        (13, 0)
    );
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_packed_as_callers_like() {
    let shop = shop_with_events().await;
    let parameters = [("format", "ndjson"), ("includes", EVERYTHING)];
    let plain = stream(&shop, &parameters).await;
    for packing in ["gzip", "zstd"] {
        let reply = raw(&shop, &parameters, &[("accept-encoding", packing)]).await;
        assert_eq!(reply.headers()["content-encoding"], packing);
        let packed = reply.bytes().await.unwrap();
        let mut unpacked = Vec::new();
        match packing {
            "gzip" => flate2::read::GzDecoder::new(packed.as_ref()).read_to_end(&mut unpacked),
            _ => zstd::stream::copy_decode(packed.as_ref(), &mut unpacked).map(|()| 0),
        }
        .unwrap();
        assert_eq!(unpacked, plain, "{packing}");
    }
    let file = [("format", "parquet")];
    let reply = raw(&shop, &file, &[("accept-encoding", "gzip")]).await;
    assert_eq!(reply.headers().get("content-encoding"), None);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_frees_its_turn() {
    let shop = Shop::open().await;
    let long = "x".repeat(2_000);
    for round in 0..4 {
        let event = |number: u64| {
            json!({"name": "x", "device_id": "d", "profile_id": "d", "path": long,
                "created_at": format!("2026-01-{:02} 12:00:00", 1 + round), "city": number.to_string()})
        };
        shop.import(&(0..5_000).map(event).collect::<Vec<_>>())
            .await;
    }
    let address = shop.server.url().replace("http://", "");
    let request = format!(
        "GET {EVENTS}?projectId=shop&format=ndjson HTTP/1.1\r\nhost: {address}\r\n\
         openpanel-client-id: {}\r\nopenpanel-client-secret: {}\r\n\r\n",
        crate::support::ROOT_ID,
        crate::support::ROOT_SECRET
    );
    // More than there are turns; each reads a little of forty megabytes, and leaves.
    for _ in 0..6 {
        let mut connection = TcpStream::connect(&address).unwrap();
        connection
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut begin = [0; 2_000];
        connection.read_exact(&mut begin).unwrap();
        assert!(begin.starts_with(b"HTTP/1.1 200 OK"));
        drop(connection);
    }
    let rows = lines(&stream(&shop, &[("format", "ndjson")]).await);
    assert_eq!(rows.len(), 20_000);
    let list = shop.answer(EVENTS, &[("limit", "1")]).await;
    assert_eq!(list["meta"]["totalCount"], 20_000);
    let series = json!([{"name": "x"}]).to_string();
    let chart = [("series", series.as_str()), ("startDate", "2026-01-01")];
    let chart = shop.answer("/export/charts", &chart).await;
    assert_eq!(chart["metrics"]["sum"], 20_000);
    shop.server.stop().await;
}
