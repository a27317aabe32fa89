//! Work that takes long, on threads that give way.

use std::{sync::OnceLock, time::Duration};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// A thread that has had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// Does work that keeps a processor busy for milliseconds, such as to parse a large body or to
/// check a slow secret, on a thread that gives way to those who answer others. How much of it is
/// done at once is for the caller to bound: see [`Turns`](crate::Turns).
///
/// # Panics
/// Outside a Tokio runtime, if the threads for such work could not be set up: then the work is done
/// on the runtime's own blocking threads, which do not give way.
pub fn spawn_heavy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static THREADS: OnceLock<Option<Runtime>> = OnceLock::new();
    let threads = THREADS.get_or_init(|| {
        let threads = Builder::new_current_thread()
            .thread_name("heavy")
            .thread_keep_alive(IDLE)
            .on_thread_start(crate::give_way)
            .build();
        threads.ok()
    });
    match threads {
        Some(threads) => threads.spawn_blocking(work),
        None => Handle::current().spawn_blocking(work),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_done_on_a_thread_that_gives_way() {
        let niceness = || rustix::process::getpriority_process(None).ok();
        assert_eq!(spawn_heavy(niceness).await.unwrap(), Some(10));
        assert_eq!(niceness(), Some(0));
    }
}
