//! Ending a query when nobody waits for its answer any more.
//!
//! A query runs on a thread of its own and does not notice that the future it works for is gone.
//! [`pair`] makes two ends: the future holds the [`Waiter`], the thread the [`Job`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use duckdb::InterruptHandle;
use tokio::runtime::Handle;

/// An interrupt that comes between two queries has no effect on the second, so it is repeated
/// until the work is over.
const REPEAT: Duration = Duration::from_millis(20);

/// Two ends of one piece of work.
pub(crate) fn pair() -> (Waiter, Job) {
    let shared = Arc::<Shared>::default();
    (Waiter(Arc::clone(&shared)), Job(shared))
}

#[derive(Default)]
struct Shared(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    abandoned: bool,
    over: bool,
    /// Of the connection at work. Nobody may use it after the connection is closed, which is why
    /// it is used under the lock, and gone before the connection is.
    handle: Option<Arc<InterruptHandle>>,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Interrupts what runs now; whether the work goes on.
    fn interrupt(&self) -> bool {
        let progress = self.progress();
        if let Some(handle) = &progress.handle {
            handle.interrupt();
        }
        !progress.over
    }
}

/// Interrupts the work when it is dropped before it is over.
pub(crate) struct Waiter(Arc<Shared>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.progress().abandoned = true;
        if !self.0.interrupt() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let shared = Arc::clone(&self.0);
            runtime.spawn(async move {
                while shared.interrupt() {
                    tokio::time::sleep(REPEAT).await;
                }
            });
        }
    }
}

/// The work, before it begins.
pub(crate) struct Job(Arc<Shared>);

impl Job {
    /// Begins, unless nobody waits for it any more. What is returned must be dropped before the
    /// connection of this handle is.
    pub(crate) fn begin(self, handle: Arc<InterruptHandle>) -> Option<Running> {
        let mut progress = self.0.progress();
        if progress.abandoned {
            return None;
        }
        progress.handle = Some(handle);
        drop(progress);
        Some(Running(Arc::clone(&self.0)))
    }
}

impl Drop for Job {
    /// It may end before it began: no connection could be had, say.
    fn drop(&mut self) {
        let mut progress = self.0.progress();
        progress.over = progress.handle.is_none();
    }
}

/// The work at hand. It is over when this is dropped.
pub(crate) struct Running(Arc<Shared>);

impl Running {
    /// Ends the work; whether somebody still waits for it, so that it was not interrupted.
    pub(crate) fn end(self) -> bool {
        self.end_now()
    }

    fn end_now(&self) -> bool {
        let mut progress = self.0.progress();
        progress.handle = None;
        progress.over = true;
        !progress.abandoned
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_now();
    }
}
