//! Whether Redis is there, and the connection while it is.

use std::{fmt, sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, RedisError};
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    KeyPrefix, RedisUrl,
    connection::{CONNECT_TIMEOUT, Link, RESPONSE_TIMEOUT, within},
};

/// How often a server that is there is asked whether it still is. With the time it has to
/// answer, one that hangs is noticed within 250 ms though nobody uses it.
const PROBE_INTERVAL: Duration = Duration::from_millis(50);
/// How often a server that is away is looked for.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(250);

/// Redis is away. The log has the reason, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away")]
pub struct Away;

/// Whether Redis is there, as far as is known without asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisState {
    /// It answered when it was asked last.
    Up,
    /// It did not answer, and is looked for in the background.
    Down,
}

/// A connection to Redis that many share, and that knows whether Redis is there. Clones share
/// it; when the last is dropped it is closed.
///
/// A request waits 200 ms for its answer at most, and is told at once when Redis is known to be
/// away. Every change is one line in the log and sets the gauge `paneld_redis_up`.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
    _supervision: Arc<Supervision>,
}

struct Shared {
    url: RedisUrl,
    prefix: KeyPrefix,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    /// The first attempt is not over.
    Starting,
    /// As long as nothing goes wrong with this link.
    Up(Arc<Link>),
    Away,
}

/// Ends the task in the background.
struct Supervision(AbortHandle);

impl Drop for Supervision {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Redis {
    /// Connects, and goes on trying in the background when that fails. Waits for the first
    /// attempt, but no longer than 250 ms.
    ///
    /// The tokio runtime it is called on does the work for all clones, wherever they are used.
    pub async fn connect(url: RedisUrl, prefix: KeyPrefix) -> Self {
        let (state, mut changes) = watch::channel(State::Starting);
        let shared = Arc::new(Shared { url, prefix, state });
        let task = tokio::spawn(supervise(Arc::clone(&shared)));
        let started = changes.wait_for(|state| !matches!(state, State::Starting));
        // Whatever comes of it is in the state.
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, started).await;
        Self {
            shared,
            _supervision: Arc::new(Supervision(task.abort_handle())),
        }
    }

    /// Whether Redis is there, as far as is known.
    pub fn state(&self) -> RedisState {
        match *self.shared.state.borrow() {
            State::Up(_) => RedisState::Up,
            State::Starting | State::Away => RedisState::Down,
        }
    }

    /// What the names of keys and channels begin with.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.shared.prefix
    }

    pub(crate) fn url(&self) -> &RedisUrl {
        &self.shared.url
    }

    pub(crate) fn link(&self) -> Result<Arc<Link>, Away> {
        self.shared.link().ok_or(Away)
    }

    /// Waits until Redis is there.
    pub(crate) async fn wait_until_up(&self) -> Arc<Link> {
        let mut changes = self.shared.state.subscribe();
        loop {
            if let State::Up(link) = &*changes.borrow_and_update() {
                return Arc::clone(link);
            }
            // The sender is in `self`, and so is not gone.
            let _ = changes.changed().await;
        }
    }

    /// Waits until a connection is no longer the one in use.
    pub(crate) async fn wait_until_lost(&self, link: &Arc<Link>) {
        let mut changes = self.shared.state.subscribe();
        // As above.
        let _ = changes.wait_for(|state| !state.is(link)).await;
    }

    /// Notes that something went wrong with a connection. Of all that notice it at the same
    /// time, one changes the state and writes the line.
    pub(crate) fn lose(&self, link: &Arc<Link>, why: &RedisError) -> Away {
        self.shared.lose(link, why);
        Away
    }

    /// Sends one command.
    pub(crate) async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let link = self.link()?;
        let mut connection = link.connection();
        let reply = within(RESPONSE_TIMEOUT, connection.send(command)).await;
        reply.map_err(|error| self.lose(&link, &error))
    }
}

impl State {
    fn is(&self, link: &Arc<Link>) -> bool {
        matches!(self, Self::Up(current) if Arc::ptr_eq(current, link))
    }
}

impl Shared {
    fn link(&self) -> Option<Arc<Link>> {
        match &*self.state.borrow() {
            State::Up(link) => Some(Arc::clone(link)),
            State::Starting | State::Away => None,
        }
    }

    fn lose(&self, link: &Arc<Link>, why: &RedisError) {
        self.leave(|state| state.is(link), why);
    }

    /// Changes to away, if the state is as expected.
    fn leave(&self, expected: impl FnOnce(&State) -> bool, why: &RedisError) {
        let left = self.state.send_if_modified(|state| {
            let leaves = expected(state);
            if leaves {
                *state = State::Away;
            }
            leaves
        });
        if left {
            tracing::warn!(redis.url = %self.url, error = %why, "Redis is away");
        }
    }

    fn join(&self, link: Link) {
        let link = Arc::new(link);
        match self.state.send_replace(State::Up(link)) {
            State::Starting => tracing::info!(redis.url = %self.url, "connected to Redis"),
            State::Up(_) | State::Away => {
                tracing::info!(redis.url = %self.url, "Redis is back");
            }
        }
    }
}

/// Notices that Redis is away though nobody uses it, and finds it again.
async fn supervise(shared: Arc<Shared>) {
    let gauge = || metrics::gauge!("paneld_redis_up");
    let trial = format!("{}trial", shared.prefix);
    for turn in 0.. {
        let pause = if let Some(link) = shared.link() {
            gauge().set(1.0);
            if let Err(error) = link.ping().await {
                shared.lose(&link, &error);
            }
            PROBE_INTERVAL
        } else {
            match Link::open(&shared.url, turn, &trial).await {
                Ok(link) => {
                    shared.join(link);
                    PROBE_INTERVAL
                }
                Err(error) => {
                    gauge().set(0.0);
                    shared.leave(|state| matches!(state, State::Starting), &error);
                    RECONNECT_INTERVAL
                }
            }
        };
        tokio::time::sleep(pause).await;
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("url", &self.shared.url)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
