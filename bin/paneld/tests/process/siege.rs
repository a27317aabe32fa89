//! The siege in short; `cargo xtask siege` is the long one.

use std::{path::PathBuf, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_does_not_notice_attacks() {
    let options = siege::Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_paneld")),
        floor: None,
        each: Duration::ZERO,
        all: Duration::from_secs(12),
    };
    let verdict = Box::pin(siege::run(&options)).await.unwrap();
    assert!(verdict.holds(), "{verdict}");
}
