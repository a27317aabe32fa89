//! Messages between processes.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::{sync::mpsc, time};

use crate::{
    Away, Redis,
    connection::{RESPONSE_TIMEOUT, subscribe, within},
};

/// How often the connection on which messages come is tried, for it may be silent for days.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// How long to wait before that connection is opened again. In this time it is found out
/// whether Redis itself is away, which is somebody else's line in the log.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// How many messages may wait to be looked at.
const CAPACITY: usize = 1_024;

/// A channel on which every process hears what any of them says. What is said while a process
/// does not listen is lost for it.
#[derive(Debug, Clone)]
pub struct Bus {
    redis: Redis,
    channel: String,
}

/// What happens on a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// It is listened to from now on: messages before may have been missed.
    Connected,
    /// Somebody, perhaps this process, said something.
    Message(Vec<u8>),
}

impl Redis {
    /// The bus of this name.
    pub fn bus(&self, name: &str) -> Bus {
        Bus {
            redis: self.clone(),
            channel: format!("{}{name}", self.prefix()),
        }
    }
}

impl Bus {
    /// Says something to all who listen.
    ///
    /// # Errors
    /// When Redis is away, or has just been found to be. Others may have heard it all the same.
    pub async fn publish(&self, message: &[u8]) -> Result<(), Away> {
        let mut publish = redis::cmd("PUBLISH");
        let publish = publish.arg(&self.channel).arg(message);
        self.redis.send(publish).await
    }

    /// Listens, on a connection of its own, which is opened again whenever it is lost, for as
    /// long as the receiver is there.
    pub fn listen(&self) -> mpsc::Receiver<BusEvent> {
        let (events, receiver) = mpsc::channel(CAPACITY);
        tokio::spawn(keep_listening(self.clone(), events));
        receiver
    }
}

async fn keep_listening(bus: Bus, events: mpsc::Sender<BusEvent>) {
    let mut is_reported = false;
    for turn in 0.. {
        let link = tokio::select! {
            link = bus.redis.wait_until_up() => link,
            () = events.closed() => return,
        };
        let lost = tokio::select! {
            result = listen(&bus, turn, &events, &mut is_reported) => result.err(),
            () = bus.redis.wait_until_lost(&link) => continue,
        };
        // It ends without an error when nobody wants to know any longer.
        let Some(error) = lost else { return };
        time::sleep(RECONNECT_PAUSE).await;
        let is_redis_there = bus.redis.link().is_ok_and(|now| Arc::ptr_eq(&now, &link));
        if is_redis_there && !is_reported {
            is_reported = true;
            tracing::warn!(
                redis.channel = bus.channel, %error,
                "messages of other processes are not received, though Redis is there"
            );
        }
    }
}

/// Listens until something goes wrong, or nobody wants to know any longer.
async fn listen(
    bus: &Bus,
    turn: usize,
    events: &mpsc::Sender<BusEvent>,
    is_reported: &mut bool,
) -> RedisResult<()> {
    let connection = subscribe(bus.redis.url(), turn, &bus.channel).await?;
    let (mut commands, mut messages) = connection.split();
    if std::mem::take(is_reported) {
        tracing::info!(
            redis.channel = bus.channel,
            "messages of other processes are received again"
        );
    }
    let mut event = BusEvent::Connected;
    let mut probes = time::interval(PROBE_INTERVAL);
    probes.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        if events.send(event).await.is_err() {
            return Ok(());
        }
        event = loop {
            tokio::select! {
                message = messages.next() => {
                    let closed = || RedisError::from((ErrorKind::Io, "the connection was closed"));
                    let message = message.ok_or_else(closed)?;
                    break BusEvent::Message(message.get_payload_bytes().to_vec());
                }
                _ = probes.tick() => within(RESPONSE_TIMEOUT, commands.ping::<()>()).await?,
                () = events.closed() => return Ok(()),
            }
        };
    }
}
