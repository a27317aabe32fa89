//! Answers that come in parts: from the thread that asks to the future that takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use crate::{
    Cause, EventsError,
    duckdb::{fault::Fault, interrupt::Waiter},
    turns::Turn,
};

/// So many parts are found ahead.
const AHEAD: usize = 1;

/// How often who waits for its reader looks whether it must end.
const LOOK: Duration = Duration::from_millis(100);

/// Why answers in parts must end. The file cannot be put aside, nor opened anew, while somebody
/// reads from it.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// The file is to be compacted.
    pub(crate) by_compaction: AtomicBool,
    /// The database was given up, or is to be closed.
    pub(crate) by_loss: AtomicBool,
}

impl Ending {
    fn is_due(&self) -> bool {
        self.by_compaction.load(Ordering::Relaxed) || self.by_loss.load(Ordering::Relaxed)
    }
}

/// The two ends of an answer. Work that is waited for like this is interrupted when the parts are
/// dropped. Both ends hold the turn. No part is sent any more once it must end.
pub(crate) fn pair<T>(
    waiter: Waiter,
    turn: Arc<Turn>,
    at_work: Arc<Semaphore>,
    ending: Arc<Ending>,
) -> (Outlet<T>, Parts<T>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let parts = Parts {
        receiver,
        first: None,
        is_over: false,
        turn,
        _waiter: waiter,
    };
    let outlet = Outlet {
        sender,
        at_work,
        working: None,
        ending,
    };
    (outlet, parts)
}

enum Sent<T> {
    Part(T),
    End,
}

/// Where parts go in. It blocks while there are enough ahead, and lets others work meanwhile.
pub(crate) struct Outlet<T> {
    sender: mpsc::Sender<Result<Sent<T>, EventsError>>,
    at_work: Arc<Semaphore>,
    working: Option<OwnedSemaphorePermit>,
    ending: Arc<Ending>,
}

impl<T> Outlet<T> {
    /// Waits until it may work: few do at once.
    pub(crate) fn work(&mut self) -> Result<(), Fault> {
        let working = Handle::current().block_on(async {
            tokio::select! {
                () = self.sender.closed() => None,
                working = Arc::clone(&self.at_work).acquire_owned() => working.ok(),
            }
        });
        self.working = working;
        match self.working {
            Some(_) => Ok(()),
            None => Err(gone()),
        }
    }

    /// Sends a part.
    pub(crate) fn send(&mut self, part: T) -> Result<(), Fault> {
        if self.ending.is_due() {
            return Err(Fault::Ended);
        }
        self.put(Ok(Sent::Part(part)))?;
        self.work()
    }

    /// Tells that all was sent, or why not.
    pub(crate) fn end(mut self, sent: Result<(), EventsError>) {
        // Nobody is left to be told that nobody waits.
        let _nobody_waits = self.put(sent.map(|()| Sent::End));
    }

    fn put(&mut self, what: Result<Sent<T>, EventsError>) -> Result<(), Fault> {
        self.working = None;
        let room = Handle::current().block_on(async {
            loop {
                match timeout(LOOK, self.sender.reserve()).await {
                    Ok(room) => return room.map_err(|_gone| gone()),
                    Err(_elapsed) if self.ending.is_due() => {
                        return Err(Fault::Ended);
                    }
                    Err(_elapsed) => {}
                }
            }
        });
        room?.send(what);
        Ok(())
    }
}

fn gone() -> Fault {
    Fault::Data("nobody takes the answer".into())
}

/// Where they come out.
pub(crate) struct Parts<T> {
    receiver: mpsc::Receiver<Result<Sent<T>, EventsError>>,
    first: Option<T>,
    is_over: bool,
    turn: Arc<Turn>,
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

    /// Whether somebody else waits for the turn.
    pub(crate) fn is_wanted(&self) -> bool {
        self.turn.is_wanted()
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
