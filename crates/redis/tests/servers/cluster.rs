//! A Cluster, whose nodes come and go.

use paneld_redis::{BusEvent, RedisState};

use crate::support::{Server, connect, count, eventually, free_port, redis_cli, wait_until};

/// Three masters, each with this many replicas.
async fn start(replicas: usize) -> Vec<Server> {
    let mut nodes = Vec::new();
    for _ in 0..3 * (1 + replicas) {
        let bus = free_port().to_string();
        let options = [
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
            "--cluster-node-timeout",
            "1000",
        ];
        nodes.push(Server::start(&options).await);
    }
    let addresses = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    let addresses = addresses.collect::<Vec<_>>();
    let mut arguments = vec!["--cluster", "create"];
    arguments.extend(addresses.iter().map(String::as_str));
    let replicas_text = replicas.to_string();
    arguments.extend(["--cluster-replicas", &replicas_text, "--cluster-yes"]);
    let made = redis_cli(&arguments);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stdout)
    );
    for node in &nodes {
        let is_ready = || {
            let info = node.cli(&["CLUSTER", "INFO"]);
            let known = node.cli(&["CLUSTER", "NODES"]).matches("slave").count();
            let replication = node.cli(&["INFO", "replication"]);
            // A replica that never was in step does not take over.
            let in_step = replication.contains("role:master")
                || replication.contains("master_link_status:up");
            info.contains("cluster_state:ok") && known == 3 * replicas && in_step
        };
        eventually("the Cluster", is_ready).await;
    }
    nodes
}

fn url(nodes: &[Server]) -> String {
    let hosts = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    format!("redis+cluster://{}", hosts.collect::<Vec<_>>().join(","))
}

/// Counts with keys that lie on all nodes. Whether all of it worked.
async fn count_everywhere(redis: &paneld_redis::Redis) -> bool {
    for number in 0..50 {
        if count(redis, &format!("{{{number}}}")).await.is_none() {
            return false;
        }
    }
    true
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn keys_and_messages_find_their_way_and_a_lost_node_is_noticed() {
    let mut nodes = start(0).await;
    // One node is enough to find the others.
    let redis = connect(&url(&nodes[..1])).await;
    let other = connect(&url(&nodes[1..2])).await;
    assert!(count_everywhere(&redis).await);
    assert!(count_everywhere(&other).await);
    assert_eq!(count(&other, "{0}").await, Some(3), "they share the keys");

    let mut heard = redis.bus("news").listen();
    assert_eq!(heard.recv().await, Some(BusEvent::Connected));
    other.bus("news").publish(b"one").await.unwrap();
    assert_eq!(heard.recv().await, Some(BusEvent::Message(b"one".into())));

    // A slot that moves is followed, without anybody noticing.
    let id = |node: &Server| node.cli(&["CLUSTER", "MYID"]);
    let (from, to) = (id(&nodes[0]), id(&nodes[1]));
    let address = format!("127.0.0.1:{}", nodes[0].port());
    let moved = redis_cli(&[
        "--cluster",
        "reshard",
        &address,
        "--cluster-from",
        &from,
        "--cluster-to",
        &to,
        "--cluster-slots",
        "2000",
        "--cluster-yes",
    ]);
    assert!(
        moved.status.success(),
        "{}",
        String::from_utf8_lossy(&moved.stdout)
    );
    assert!(count_everywhere(&redis).await);

    nodes[2].kill();
    wait_until(&redis, RedisState::Down).await;
    nodes[2].restart().await;
    wait_until(&redis, RedisState::Up).await;
    eventually("the Cluster", || {
        nodes[0]
            .cli(&["CLUSTER", "INFO"])
            .contains("cluster_state:ok")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_replica_takes_over() {
    let mut nodes = start(1).await;
    let redis = connect(&url(&nodes)).await;
    assert!(count_everywhere(&redis).await);
    nodes[0].kill();
    wait_until(&redis, RedisState::Down).await;
    wait_until(&redis, RedisState::Up).await;
    let mut is_whole = false;
    for _ in 0..100 {
        is_whole = count_everywhere(&redis).await;
        if is_whole {
            break;
        }
        wait_until(&redis, RedisState::Up).await;
    }
    assert!(is_whole);
}
