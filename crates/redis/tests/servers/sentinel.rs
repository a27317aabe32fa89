//! Sentinels, who choose another master.

use paneld_redis::{BusEvent, RedisState};

use crate::support::{Log, Server, connect, count, eventually, wait_until};

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn another_master_is_found() {
    let log = Log::start();
    let mut master = Server::start(&[]).await;
    let port = master.port().to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]).await;
    let sentinel = Server::start_sentinel(&format!(
        "sentinel monitor main 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds main 500\n\
         sentinel failover-timeout main 2000\n"
    ))
    .await;
    let replicas = || sentinel.cli(&["SENTINEL", "REPLICAS", "main"]);
    eventually("the replica", || {
        replicas().contains(&replica.port().to_string())
    })
    .await;

    // The Sentinel that is asked first is not there.
    let (gone, there) = (crate::support::free_port(), sentinel.port());
    let url = format!("redis+sentinel://127.0.0.1:{gone},127.0.0.1:{there}/main");
    let redis = connect(&url).await;
    wait_until(&redis, RedisState::Up).await;
    let bus = redis.bus("news");
    let mut heard = bus.listen();
    assert_eq!(heard.recv().await, Some(BusEvent::Connected));
    assert_eq!(count(&redis, "a").await, Some(1));

    master.kill();
    wait_until(&redis, RedisState::Down).await;
    assert_eq!(count(&redis, "a").await, None);
    wait_until(&redis, RedisState::Up).await;
    assert!(replica.cli(&["ROLE"]).starts_with("master"));
    assert!(count(&redis, "a").await.is_some());
    assert_eq!(heard.recv().await, Some(BusEvent::Connected));
    bus.publish(b"one").await.unwrap();
    assert_eq!(heard.recv().await, Some(BusEvent::Message(b"one".into())));
    log.assert_messages(&["connected to Redis", "Redis is away", "Redis is back"]);
}
