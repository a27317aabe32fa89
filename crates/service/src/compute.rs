//! Work that takes more than a few milliseconds, beside the event loops.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::ServiceError;

/// How long a piece of work may take, waiting for its turn included. What it works on is bounded
/// so that it takes a small part of that: mostly this is how long one waits.
const TIME: Duration = Duration::from_secs(10);

/// Does work on threads of its own: as many pieces at once as there are processors, and in the
/// order in which they come. Clones share the turns.
#[derive(Debug, Clone)]
pub struct Compute {
    turns: Arc<Semaphore>,
    time: Duration,
}

impl Default for Compute {
    fn default() -> Self {
        let turns = available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            time: TIME,
        }
    }
}

impl Compute {
    /// Does a piece of work.
    ///
    /// # Errors
    /// When it takes too long, or panics. It goes on then, and keeps its turn until it is over:
    /// there are never more threads at work than there are turns.
    pub async fn run<T, F>(&self, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let done = timeout(self.time, async {
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            let turn = turn.map_err(ServiceError::internal)?;
            let done = spawn_blocking(move || {
                let _turn = turn;
                work()
            });
            done.await.map_err(ServiceError::internal)
        });
        done.await.unwrap_or(Err(ServiceError::TooSlow))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    fn compute(turns: usize, time: Duration) -> Compute {
        Compute {
            turns: Arc::new(Semaphore::new(turns)),
            time,
        }
    }

    #[tokio::test]
    async fn the_event_loop_goes_on_while_work_is_done() {
        let compute = compute(1, TIME);
        let (begin, begun) = mpsc::channel::<()>();
        let work = compute.run(move || begun.recv().is_ok());
        // The one thread of this test would never get here if it did the work itself.
        let go_on = async { begin.send(()).unwrap() };
        let (worked, ()) = tokio::join!(work, go_on);
        assert!(worked.unwrap());
    }

    #[tokio::test]
    async fn no_more_is_done_at_once_than_there_are_turns() {
        let compute = compute(2, TIME);
        let (at_work, both) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (compute, at_work, both) =
                (compute.clone(), Arc::clone(&at_work), Arc::clone(&both));
            all.spawn(async move {
                let work = move || {
                    let before = at_work.fetch_add(1, Ordering::SeqCst);
                    // Two at a time, or it would wait for ever.
                    both.wait();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    before
                };
                compute.run(work).await
            });
        }
        for before in all.join_all().await {
            assert!(before.unwrap() < 2);
        }
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up_and_keeps_its_turn() {
        let compute = compute(1, Duration::from_millis(50));
        let (finish, finished) = mpsc::channel::<()>();
        let slow = compute.run(move || finished.recv().is_ok()).await;
        assert!(matches!(slow, Err(ServiceError::TooSlow)), "{slow:?}");
        let waiting = compute.run(|| ()).await;
        assert!(matches!(waiting, Err(ServiceError::TooSlow)), "{waiting:?}");
        finish.send(()).unwrap();
        let _last = compute.turns.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let compute = compute(1, TIME);
        let panicked = compute.run(|| panic!("as planned")).await;
        let panicked: Result<(), _> = panicked;
        assert!(matches!(panicked, Err(ServiceError::Internal(_))));
        assert_eq!(compute.run(|| 5).await.unwrap(), 5);
    }
}
