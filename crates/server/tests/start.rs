//! How long a host's tests wait for a server: alone in its process, for others would count.

use std::time::Duration;

use paneld_server::Server;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_host_waits_less_than_a_tenth_of_a_second() {
    let mut times = Vec::new();
    // The least of several: the machine may be busy with something else.
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let builder = Server::builder().data_dir(folder.path().join("data"));
        let server = builder.build().await.unwrap();
        times.push(started.elapsed());
        server.stop().await;
    }
    let least = times.iter().min().unwrap();
    assert!(*least < Duration::from_millis(100), "{times:?}");
}
