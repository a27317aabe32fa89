//! Servers that are away, slow, old, or do not let anybody in.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use paneld_events::{EventStore, EventsError};

use super::fixtures::*;
use crate::fixtures::*;

/// Why a store is away.
async fn why(store: &EventStore) -> String {
    match store.applied_position().await.unwrap_err() {
        EventsError::Away(cause) => cause.to_string(),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_told_so_and_back_by_itself() {
    let Some(folder) = folder("servers that are away") else {
        return;
    };
    let changes = [of_event(full_event())];
    // Before anything was asked of it, and later.
    for round in 1..3 {
        if !order_faults(folder.database(), "refuse", &[]) {
            return;
        }
        let store = folder.store();
        assert!(!store.is_up().await);
        let error = store.apply(batch(round, changes.clone())).await;
        let error = error.unwrap_err();
        assert!(matches!(error, EventsError::Away(_)), "{error:?}");
        folder.database().order_fault("none", &[]);
        // It is left alone for a while.
        assert!(!store.is_up().await);
        leave_alone().await;
        assert!(store.is_up().await);
        store.apply(batch(round, changes.clone())).await.unwrap();
        order_faults(folder.database(), "refuse", &[]);
        let error = store.count_events().await.unwrap_err();
        assert!(matches!(error, EventsError::Away(_)), "{error:?}");
        assert!(!store.is_up().await);
        folder.database().order_fault("none", &[]);
        leave_alone().await;
        assert_eq!(store.count_events().await.unwrap()[&PROJECT], round);
    }
}

#[tokio::test]
async fn a_server_that_nobody_asks_anything_is_missed() {
    let Some(folder) = folder("servers that nobody asks anything") else {
        return;
    };
    let store = folder.store();
    assert!(store.is_up().await);
    if !order_faults(folder.database(), "refuse", &[]) {
        return;
    }
    leave_alone().await;
    assert!(!store.is_up().await);
    folder.database().order_fault("none", &[]);
    leave_alone().await;
    assert!(store.is_up().await);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let Some(folder) = folder("answers that take long") else {
        return;
    };
    let store = folder.store().with_read_time(Duration::from_millis(300));
    assert!(store.is_up().await);
    if !order_faults(folder.database(), "delay", &[("seconds", "2")]) {
        return;
    }
    let error = store.count_events().await.unwrap_err();
    assert!(matches!(error, EventsError::TooSlow), "{error:?}");
    // Nothing is wrong with the server.
    assert!(store.is_up().await);
    assert!(!store.is_answering());
}

#[tokio::test]
async fn what_the_server_has_no_memory_for_is_too_much_and_it_is_there_as_before() {
    let Some(folder) = folder("servers without memory") else {
        return;
    };
    let store = folder.store();
    store
        .apply(batch(1, [of_event(full_event())]))
        .await
        .unwrap();
    let of_memory = [("code", "241")];
    if !order_faults(folder.database(), "error", &of_memory) {
        return;
    }
    let error = store.count_events().await.unwrap_err();
    assert!(matches!(error, EventsError::TooSlow), "{error:?}");
    let changes = [of_event(event(2, "", "", 0))];
    let error = store.apply(batch(2, changes.clone())).await.unwrap_err();
    assert!(matches!(error, EventsError::NoRoom(_)), "{error:?}");
    assert!(store.is_up().await);
    folder.database().order_fault("none", &[]);
    store.apply(batch(2, changes)).await.unwrap();
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 2);
}

#[tokio::test]
async fn a_database_that_is_missing_is_told_by_its_name() {
    let Some(folder) = folder("databases that are missing") else {
        return;
    };
    let store = folder.store_at(&format!("{}_missing", folder.database().url()));
    let why = why(&store).await;
    assert!(why.contains("there is no database test_"), "{why}");
    assert!(why.contains("_missing in ClickHouse: create it"), "{why}");
}

#[tokio::test]
async fn whoever_the_server_does_not_know_is_told_so() {
    let Some(folder) = folder("users that are not known") else {
        return;
    };
    let url = folder.database().url();
    let url = url.replace("://", "://nobody:secret%21@");
    let why = why(&folder.store_at(&url)).await;
    assert!(why.contains("Authentication failed"), "{why}");
    assert!(!why.contains("secret!"), "{why}");
}

/// A server of a version that is too old, which answers nobody without this password.
fn old_server(password: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || answer(&listener.accept().unwrap().0, password));
    address
}

fn answer(mut stream: &TcpStream, password: &str) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !ends_with_version(&request) {
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "another question: {request:?}");
        request.extend_from_slice(&part[..read]);
    }
    let key = format!("x-clickhouse-key: {password}\r\n").into_bytes();
    let is_known = request.windows(key.len()).any(|bytes| bytes == key);
    let (status, body) = if is_known {
        // One column of texts, and a row.
        ("200 OK", "\u{1}\u{9}version()\u{6}String\u{8}24.7.9.1")
    } else {
        (
            "403 Forbidden",
            "Code: 516. DB::Exception: no (AUTHENTICATION_FAILED)",
        )
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}

fn ends_with_version(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    text.split_once("\r\n\r\n")
        .is_some_and(|(_, body)| body.contains("version()"))
}

#[tokio::test]
async fn an_old_server_is_told_by_its_version_and_a_password_has_any_characters() {
    let folder = Folder::with(None);
    let address = old_server("p@ss/w:ö r%d");
    let right = format!("clickhouse://paneld:p%40ss%2Fw%3A%C3%B6%20r%25d@{address}/events");
    let why = why(&folder.store_at(&right)).await;
    let expected = "the server is ClickHouse 24.7.9.1: 24.8 is the oldest that can be used";
    assert_eq!(why, expected);

    let address = old_server("p@ss/w:ö r%d");
    let wrong = format!("clickhouse://paneld:pass@{address}/events");
    let why = self::why(&folder.store_at(&wrong)).await;
    assert!(why.contains("AUTHENTICATION_FAILED"), "{why}");
}
