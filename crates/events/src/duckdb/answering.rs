//! How many questions are being answered.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many questions are being answered now. They take memory that is then missing elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Answering(AtomicUsize);

/// One of them, until it is dropped.
pub(crate) struct Answer<'a>(&'a AtomicUsize);

impl Answering {
    pub(crate) fn begin(&self) -> Answer<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Answer(&self.0)
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
