//! The crash test in short; `cargo xtask crash` is the long one.

use std::path::PathBuf;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tracked_outlives_sudden_ends() {
    let options = crash::Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_paneld")),
        kills: 5,
        seed: rand::random(),
        connections: 24,
    };
    let proof = crash::run(&options).await;
    let proof = proof.unwrap_or_else(|error| panic!("seed {}: {error:#}", options.seed));
    assert_eq!(proof.kills, 5);
    assert!(proof.sessions.1 > 0, "no session ended: {proof:?}");
}
