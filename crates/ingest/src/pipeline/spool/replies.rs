//! Replies of the thread that writes, to tasks on other threads.
//!
//! To wake a task of another thread takes a system call. So all replies of a commit that go to
//! one thread go there in one letter, to a task which wakes the others at no cost.

use std::cell::RefCell;

use tokio::{
    runtime::{Handle, Id},
    sync::{mpsc, oneshot},
};

use super::SpoolError;

/// What came of something that was to be written.
pub(super) type Outcome = Result<u64, SpoolError>;

thread_local! {
    static POSTBOX: RefCell<Option<Postbox>> = const { RefCell::new(None) };
}

/// Where the tasks of a thread get their replies.
#[derive(Debug, Clone)]
struct Postbox {
    runtime: Id,
    letters: mpsc::UnboundedSender<Vec<Reply>>,
}

impl Postbox {
    /// That of this thread, in the runtime that is at work on it now.
    fn here() -> Self {
        let runtime = Handle::current().id();
        POSTBOX.with_borrow_mut(|present| match present {
            Some(postbox) if postbox.runtime == runtime && !postbox.letters.is_closed() => {
                postbox.clone()
            }
            _ => present.insert(Self::open(runtime)).clone(),
        })
    }

    fn open(runtime: Id) -> Self {
        let (letters, mut inbox) = mpsc::unbounded_channel::<Vec<Reply>>();
        tokio::spawn(async move {
            while let Some(letter) = inbox.recv().await {
                letter.into_iter().for_each(Reply::deliver);
            }
        });
        Self { runtime, letters }
    }
}

/// An outcome on its way to who waits for it.
#[derive(Debug)]
struct Reply {
    to: oneshot::Sender<Outcome>,
    outcome: Outcome,
}

impl Reply {
    fn deliver(self) {
        // Whoever went away meanwhile misses nothing.
        let _ = self.to.send(self.outcome);
    }
}

/// Where somebody waits for an outcome.
#[derive(Debug)]
pub(super) struct Waiter {
    to: oneshot::Sender<Outcome>,
    postbox: Postbox,
}

impl Waiter {
    /// One in this thread's runtime, and what it waits for.
    pub(super) fn here() -> (Self, oneshot::Receiver<Outcome>) {
        let (to, outcome) = oneshot::channel();
        let postbox = Postbox::here();
        (Self { to, postbox }, outcome)
    }

    /// Tells what came of it, and nobody else anything.
    pub(super) fn tell(self, outcome: Outcome) {
        let mut replies = Replies::default();
        replies.add(self, outcome);
        replies.send();
    }
}

/// Replies to be sent together.
#[derive(Debug, Default)]
pub(super) struct Replies(Vec<(Postbox, Vec<Reply>)>);

impl Replies {
    pub(super) fn add(&mut self, waiter: Waiter, outcome: Outcome) {
        let Waiter { to, postbox } = waiter;
        let reply = Reply { to, outcome };
        let same = |(other, _): &&mut (Postbox, _)| other.letters.same_channel(&postbox.letters);
        match self.0.iter_mut().find(same) {
            Some((_, letter)) => letter.push(reply),
            None => self.0.push((postbox, vec![reply])),
        }
    }

    pub(super) fn send(self) {
        for (postbox, letter) in self.0 {
            // A runtime that has ended has nobody who waits.
            let _ = postbox.letters.send(letter);
        }
    }
}
