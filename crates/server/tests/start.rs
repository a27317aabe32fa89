//! How long a host's tests wait for a server.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use paneld_server::Server;

const STARTS: u32 = 20;

/// The time that processors worked for this process: others may be at work on the machine, too.
fn worked() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name of the program, in parentheses, times are the 12th and 13th: proc(5).
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_waits_no_tenth_of_a_second_for_a_server() {
    let mut spent = Duration::ZERO;
    for _ in 0..STARTS {
        let folder = tempfile::tempdir().unwrap();
        let builder = Server::builder().data_dir(folder.path().join("data"));
        let before = worked();
        let server = builder.build().await.unwrap();
        spent += worked() - before;
        server.stop().await;
    }
    let each = spent / STARTS;
    assert!(each > Duration::ZERO, "nothing was measured");
    assert!(each < Duration::from_millis(100), "{each:?}");
}
