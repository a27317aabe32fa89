//! Making authentication forget, in every process.

use std::sync::Arc;

use paneld_auth::{Authenticator, Stale};
use paneld_redis::{Bus, BusEvent, Redis};
use tokio::sync::mpsc;

/// How many messages may wait to be sent. Those beyond are lost, and other processes notice the
/// change when what they remember is too old.
const CAPACITY: usize = 1_024;

/// Makes authentication forget what a change made stale: at once in this process, and over the
/// bus in others, who forget everything whenever they may have missed a message.
#[derive(Debug, Clone)]
pub struct Revocations {
    authenticator: Arc<Authenticator>,
    outbox: Option<mpsc::Sender<Stale>>,
}

impl Revocations {
    /// For a process that is alone.
    pub fn local(authenticator: Arc<Authenticator>) -> Self {
        Self {
            authenticator,
            outbox: None,
        }
    }

    /// For one of several processes, which share this Redis. Listens as long as a clone of this
    /// is there, on the tokio runtime it is called on.
    pub fn shared(authenticator: Arc<Authenticator>, redis: &Redis) -> Self {
        let (outbox, inbox) = mpsc::channel(CAPACITY);
        tokio::spawn(exchange(bus(redis), Arc::clone(&authenticator), inbox));
        Self {
            authenticator,
            outbox: Some(outbox),
        }
    }

    /// Forgets. The others are told by a task in the background: no change waits for Redis.
    pub fn forget(&self, stale: Stale) {
        self.authenticator.forget(stale);
        if let Some(outbox) = &self.outbox
            && outbox.try_send(stale).is_err()
        {
            tracing::warn!("too many revocations wait to be told to other processes");
        }
    }

    /// Tells running servers that anything may have changed, from a process that is no server.
    /// Says whether Redis took the message.
    pub async fn announce(redis: &Redis) -> bool {
        let message = Stale::All.to_message();
        bus(redis).publish(message.as_bytes()).await.is_ok()
    }
}

fn bus(redis: &Redis) -> Bus {
    redis.bus("revocations")
}

/// Sends what was changed here, and forgets what was changed elsewhere.
async fn exchange(bus: Bus, authenticator: Arc<Authenticator>, mut inbox: mpsc::Receiver<Stale>) {
    let mut events = bus.listen();
    // Whether the others have to be told of something that could not be sent.
    let mut owes = false;
    loop {
        tokio::select! {
            stale = inbox.recv() => {
                let Some(stale) = stale else { return };
                owes |= bus.publish(stale.to_message().as_bytes()).await.is_err();
            }
            event = events.recv() => match event {
                Some(BusEvent::Message(message)) => {
                    authenticator.forget(Stale::from_message(&message));
                }
                Some(BusEvent::Connected) => {
                    authenticator.evict_all();
                    if owes {
                        let message = Stale::All.to_message();
                        owes = bus.publish(message.as_bytes()).await.is_err();
                    }
                }
                None => return,
            },
        }
    }
}
