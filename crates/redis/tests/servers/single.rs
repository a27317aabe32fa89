//! One server that goes away, in every way it can, and comes back.

use std::time::Duration;

use futures_util::future::join_all;
use paneld_base::Clock;
use paneld_redis::RedisState;

use crate::support::{Log, Server, connect, count, eventually, wait_until};

/// The promise is 250 ms; the rest is for a machine that is busy with other tests.
const NOTICED: Duration = Duration::from_millis(500);
const AT_ONCE: Duration = Duration::from_millis(100);

const CONNECTED: &str = "connected to Redis";
const AWAY: &str = "Redis is away";
const BACK: &str = "Redis is back";

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_is_killed_is_away_at_once_and_found_again() {
    let log = Log::start();
    let clock = Clock::system();
    let mut server = Server::start(&[]).await;
    let redis = connect(&server.url()).await;
    assert_eq!(redis.state(), RedisState::Up);
    assert_eq!(count(&redis, "a").await, Some(1));
    assert_eq!(count(&redis, "a").await, Some(2));

    server.kill();
    let start = clock.elapsed();
    let all = join_all((0..100).map(|_| count(&redis, "a"))).await;
    assert!(all.iter().all(Option::is_none), "{all:?}");
    assert!(clock.elapsed() - start < NOTICED);
    let start = clock.elapsed();
    for _ in 0..100 {
        assert_eq!(count(&redis, "a").await, None);
    }
    assert!(clock.elapsed() - start < AT_ONCE);

    server.restart().await;
    wait_until(&redis, RedisState::Up).await;
    // The new process knows neither the key nor the script.
    assert_eq!(count(&redis, "a").await, Some(1));
    log.assert_messages(&[CONNECTED, AWAY, BACK]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_hangs_is_as_good_as_killed() {
    let log = Log::start();
    let clock = Clock::system();
    let server = Server::start(&[]).await;
    let redis = connect(&server.url()).await;
    for _ in 0..2 {
        server.hang();
        let start = clock.elapsed();
        let all = join_all((0..100).map(|_| count(&redis, "a"))).await;
        assert!(all.iter().all(Option::is_none), "{all:?}");
        assert!(clock.elapsed() - start < NOTICED);
        server.go_on();
        wait_until(&redis, RedisState::Up).await;
        assert!(count(&redis, "a").await.is_some());
    }
    log.assert_messages(&[CONNECTED, AWAY, BACK, AWAY, BACK]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_hangs_is_noticed_though_nobody_uses_it() {
    let clock = Clock::system();
    let server = Server::start(&[]).await;
    let redis = connect(&server.url()).await;
    server.hang();
    let start = clock.elapsed();
    wait_until(&redis, RedisState::Down).await;
    assert!(clock.elapsed() - start < NOTICED);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_is_not_there_at_the_start_is_found_later() {
    let log = Log::start();
    let clock = Clock::system();
    let mut server = Server::start(&[]).await;
    server.kill();
    let start = clock.elapsed();
    let redis = connect(&server.url()).await;
    assert!(clock.elapsed() - start < NOTICED);
    assert_eq!(redis.state(), RedisState::Down);
    assert_eq!(count(&redis, "a").await, None);
    server.restart().await;
    wait_until(&redis, RedisState::Up).await;
    assert_eq!(count(&redis, "a").await, Some(1));
    log.assert_messages(&[AWAY, BACK]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_wrong_password_is_told_to_the_log_but_not_shown() {
    let log = Log::start();
    let server = Server::start(&[]).await;
    server.cli(&["CONFIG", "SET", "requirepass", "right-password"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}", server.port());
    let redis = connect(&url("right-password")).await;
    assert_eq!(count(&redis, "a").await, Some(1));
    let redis = connect(&url("wrong-password")).await;
    assert_eq!(redis.state(), RedisState::Down);
    log.assert_messages(&[CONNECTED, AWAY]);
    assert!(!log.text().contains("-password"), "{}", log.text());
    assert!(!format!("{redis:?}").contains("-password"));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_cannot_write_is_away() {
    let log = Log::start();
    let master = Server::start(&[]).await;
    let server = Server::start(&[]).await;
    let redis = connect(&server.url()).await;
    assert_eq!(count(&redis, "a").await, Some(1));
    let port = master.port().to_string();
    server.cli(&["REPLICAOF", "127.0.0.1", &port]);
    eventually("a replica", || server.cli(&["ROLE"]).starts_with("slave")).await;
    assert_eq!(count(&redis, "a").await, None);
    assert_eq!(redis.state(), RedisState::Down);
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    wait_until(&redis, RedisState::Up).await;
    assert!(count(&redis, "a").await.is_some());
    log.assert_messages(&[CONNECTED, AWAY, BACK]);
}
