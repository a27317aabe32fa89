//! Messages between processes.

use paneld_redis::{BusEvent, Redis, RedisState};
use tokio::sync::mpsc::Receiver;

use crate::support::{Log, Server, connect, prefix, wait_until};

async fn next(events: &mut Receiver<BusEvent>) -> BusEvent {
    let patience = std::time::Duration::from_secs(30);
    let event = tokio::time::timeout(patience, events.recv()).await;
    event.unwrap().unwrap()
}

fn message(text: &str) -> BusEvent {
    BusEvent::Message(text.into())
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn all_who_listen_hear_what_is_said_under_their_prefix() {
    let server = Server::start(&[]).await;
    let redis = connect(&server.url()).await;
    let other = connect(&server.url()).await;
    let foreign = "other:".parse().unwrap();
    let foreign = Redis::connect(server.url().parse().unwrap(), foreign).await;
    let mut heard = redis.bus("news").listen();
    let mut heard_too = other.bus("news").listen();
    for events in [&mut heard, &mut heard_too] {
        assert_eq!(next(events).await, BusEvent::Connected);
    }
    foreign.bus("news").publish(b"foreign").await.unwrap();
    redis.bus("olds").publish(b"olds").await.unwrap();
    other.bus("news").publish(b"one").await.unwrap();
    redis.bus("news").publish(b"two \xff").await.unwrap();
    for events in [&mut heard, &mut heard_too] {
        assert_eq!(next(events).await, message("one"));
        assert_eq!(next(events).await, BusEvent::Message(b"two \xff".into()));
    }
    assert_eq!(prefix().as_str(), "test:");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_bus_that_was_cut_says_so_when_it_is_back() {
    let log = Log::start();
    let mut server = Server::start(&[]).await;
    let redis = connect(&server.url()).await;
    let bus = redis.bus("news");
    let mut heard = bus.listen();
    assert_eq!(next(&mut heard).await, BusEvent::Connected);

    server.kill();
    wait_until(&redis, RedisState::Down).await;
    bus.publish(b"lost").await.unwrap_err();
    server.restart().await;
    assert_eq!(next(&mut heard).await, BusEvent::Connected);
    bus.publish(b"one").await.unwrap();
    assert_eq!(next(&mut heard).await, message("one"));

    server.hang();
    wait_until(&redis, RedisState::Down).await;
    server.go_on();
    assert_eq!(next(&mut heard).await, BusEvent::Connected);
    log.assert_messages(&[
        "connected to Redis",
        "Redis is away",
        "Redis is back",
        "Redis is away",
        "Redis is back",
    ]);

    // Redis is there, but ends the connection: a slow listener's fate.
    server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(next(&mut heard).await, BusEvent::Connected);
    bus.publish(b"two").await.unwrap();
    assert_eq!(next(&mut heard).await, message("two"));
}
