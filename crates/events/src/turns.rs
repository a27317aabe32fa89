//! Turns: who may ask now, and who waits for that.
//!
//! Three queues stand before the store, each fair to organizations and their clients:
//!
//! - `short`: where every question begins. One that goes on for [`SHORT`] is a long one.
//! - `long`: where it goes on then. While no turn is free there, it keeps its turn among the short
//!   ones until somebody waits for that; then it is interrupted, and begun anew when its turn comes.
//! - `streams`: answers in parts, which may take as long as their readers do.

mod asker;
mod queue;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::{counter, gauge};
use tokio::sync::{Semaphore, oneshot};

pub use self::asker::{Asker, Crowded};
use self::queue::{FairQueue, Share, Ticket};

/// Short questions are answered within this time.
pub(crate) const SHORT: Duration = Duration::from_millis(250);

/// So long a long question may take while another organization waits with one.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// Each uses about one thread of its own, and shares one of DuckDB's.
const SHORT_TURNS: Share = Share {
    all: 3,
    organization: 2,
    client: 2,
};

const LONG_TURNS: Share = Share {
    all: 2,
    organization: 1,
    client: 1,
};

/// Each may hold some parts of 4 MiB, and a snapshot of the store.
const STREAM_TURNS: Share = Share {
    all: 6,
    organization: 2,
    client: 2,
};

/// How many questions wait for a turn.
const WAITING: Share = Share {
    all: 256,
    organization: 64,
    client: 32,
};

/// How many questions wait that go on as long ones, and how many exports.
const FEW_WAITING: Share = Share {
    all: 128,
    organization: 32,
    client: 16,
};

/// Streams look for their next parts one after the other: two at once would share the same threads,
/// and take memory twice.
const STREAMS_AT_WORK: usize = 1;

/// All turns of a store.
pub(crate) struct Lanes {
    pub(crate) short: Turns,
    pub(crate) long: Turns,
    pub(crate) streams: Turns,
    /// Streams that look for their next part.
    pub(crate) at_work: Arc<Semaphore>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            short: Turns::new("short", SHORT_TURNS, WAITING),
            long: Turns::new("long", LONG_TURNS, FEW_WAITING),
            streams: Turns::new("stream", STREAM_TURNS, FEW_WAITING),
            at_work: Arc::new(Semaphore::new(STREAMS_AT_WORK)),
        }
    }
}

/// A [`FairQueue`] in which futures wait.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    /// What metrics call it.
    name: &'static str,
    queue: FairQueue,
    waiting: HashMap<Ticket, oneshot::Sender<Result<(), Crowded>>>,
}

impl State {
    /// Lets those begin who may.
    fn begin(&mut self) {
        while let Some(ticket) = self.queue.begin_next() {
            if let Some(waiting) = self.waiting.remove(&ticket) {
                // Nobody is there to be told who is about to leave.
                let _leaves = waiting.send(Ok(()));
            }
        }
        gauge!("paneld_questions_waiting", "queue" => self.name)
            .set(self.queue.count_waiting() as f64);
    }

    fn note(&self, why: Crowded) {
        let reason = why.reason();
        counter!("paneld_questions_refused_total", "queue" => self.name, "reason" => reason)
            .increment(1);
    }
}

impl Turns {
    fn new(name: &'static str, turns: Share, waiting: Share) -> Self {
        Self(Arc::new(Mutex::new(State {
            name,
            queue: FairQueue::new(turns, waiting),
            waiting: HashMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// When too many wait, at once or while this one waits: the asker's own, or it has most.
    pub(crate) async fn take(&self, asker: &Asker) -> Result<Turn, Crowded> {
        let mut place = self.enter(asker)?;
        place.begins().await?;
        Ok(place.into_turn())
    }

    /// Begins to wait for a turn.
    pub(crate) fn enter(&self, asker: &Asker) -> Result<Place, Crowded> {
        let mut state = self.state();
        let entered = state.queue.enter(asker);
        let (ticket, evicted) = entered.inspect_err(|why| state.note(*why))?;
        if let Some(evicted) = evicted.and_then(|ticket| state.waiting.remove(&ticket)) {
            state.note(Crowded::Server);
            let _leaves = evicted.send(Err(Crowded::Server));
        }
        let (sender, begun) = oneshot::channel();
        state.waiting.insert(ticket, sender);
        state.begin();
        drop(state);
        Ok(Place {
            turn: self.turn(ticket),
            begun,
        })
    }

    /// Notes somebody who has a turn elsewhere.
    pub(crate) fn enter_aside(&self, asker: &Asker) -> Turn {
        let ticket = self.state().queue.enter_aside(asker);
        self.turn(ticket)
    }

    fn turn(&self, ticket: Ticket) -> Turn {
        Turn {
            turns: self.clone(),
            ticket,
        }
    }

    /// Whether nobody has a turn or waits for one.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.state().queue.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn count_waiting(&self) -> usize {
        self.state().queue.count_waiting()
    }

    #[cfg(test)]
    pub(crate) fn count_running(&self) -> usize {
        self.state().queue.count_running()
    }
}

/// A place in a queue: it is given up when this is dropped.
pub(crate) struct Place {
    turn: Turn,
    begun: oneshot::Receiver<Result<(), Crowded>>,
}

impl Place {
    /// Waits until the turn begins. When this is over, it must not be called again.
    pub(crate) async fn begins(&mut self) -> Result<(), Crowded> {
        // The sender is only dropped with an answer.
        (&mut self.begun).await.unwrap_or(Err(Crowded::Server))
    }

    /// The turn, when it has begun.
    pub(crate) fn into_turn(self) -> Turn {
        self.turn
    }
}

/// A turn: it ends when this is dropped.
pub(crate) struct Turn {
    turns: Turns,
    ticket: Ticket,
}

impl Turn {
    /// Gives the place to others; what runs still counts for its organization and client.
    pub(crate) fn set_aside(&self) {
        let mut state = self.turns.state();
        state.queue.set_aside(self.ticket);
        state.begin();
    }

    /// Whether somebody waits for this turn to end.
    pub(crate) fn is_wanted(&self) -> bool {
        let state = self.turns.state();
        state.queue.heirs(self.ticket).next().is_some()
    }

    /// Whether another organization waits for that.
    pub(crate) fn is_wanted_by_others(&self, asker: &Asker) -> bool {
        let state = self.turns.state();
        let mut heirs = state.queue.heirs(self.ticket);
        heirs.any(|heir| heir.organization != asker.organization)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.waiting.remove(&self.ticket);
        state.queue.leave(self.ticket);
        state.begin();
    }
}
