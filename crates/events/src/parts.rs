//! Answers that come in parts: from the thread that asks to the future that takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    EventsError,
    error::{Cause, Fault},
    interrupt::Waiter,
};

/// So many parts are found ahead.
const AHEAD: usize = 4;

/// Who takes nothing for so long is given up: the query holds a turn, and what was deleted since.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two ends of an answer. Work that is waited for like this is interrupted when the parts are
/// dropped. No part is sent any more once it must end.
pub(crate) fn pair<T>(waiter: Waiter, must_end: Arc<AtomicBool>) -> (Outlet<T>, Parts<T>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let parts = Parts {
        receiver,
        first: None,
        is_over: false,
        _waiter: waiter,
    };
    (Outlet { sender, must_end }, parts)
}

enum Sent<T> {
    Part(T),
    End,
}

/// Where parts go in. It blocks while there are enough ahead.
pub(crate) struct Outlet<T> {
    sender: mpsc::Sender<Result<Sent<T>, EventsError>>,
    must_end: Arc<AtomicBool>,
}

impl<T> Outlet<T> {
    /// Sends a part.
    pub(crate) fn send(&self, part: T) -> Result<(), Fault> {
        if self.must_end.load(Ordering::Relaxed) {
            return Err(Fault::Data("the store is to be compacted".into()));
        }
        self.put(Ok(Sent::Part(part)))
    }

    /// Tells that all was sent, or why not.
    pub(crate) fn end(self, sent: Result<(), EventsError>) {
        // Nobody is left to be told that nobody waits.
        let _nobody_waits = self.put(sent.map(|()| Sent::End));
    }

    fn put(&self, what: Result<Sent<T>, EventsError>) -> Result<(), Fault> {
        let sent = Handle::current().block_on(self.sender.send_timeout(what, PATIENCE));
        sent.map_err(|_gone| Fault::Data("nobody takes the answer".into()))
    }
}

/// Where they come out.
pub(crate) struct Parts<T> {
    receiver: mpsc::Receiver<Result<Sent<T>, EventsError>>,
    first: Option<T>,
    is_over: bool,
    _waiter: Waiter,
}

impl<T> Parts<T> {
    /// Waits for the first part, so that what goes wrong before is told at once.
    pub(crate) async fn begun(mut self) -> Result<Self, EventsError> {
        self.first = self.take().await?;
        Ok(self)
    }

    /// The next part; `None` when there is none left.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, EventsError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.take().await,
        }
    }

    async fn take(&mut self) -> Result<Option<T>, EventsError> {
        if self.is_over {
            return Ok(None);
        }
        match self.receiver.recv().await {
            Some(Ok(Sent::Part(part))) => Ok(Some(part)),
            Some(Ok(Sent::End)) => {
                self.is_over = true;
                Ok(None)
            }
            Some(Err(error)) => Err(error),
            // The thread is gone without a word.
            None => Err(EventsError::Away(Cause::from("a query broke off"))),
        }
    }
}
