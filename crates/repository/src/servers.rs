//! The servers that are at work on a catalog.

use std::time::Duration;

use paneld_domain::Timestamp;
use uuid::Uuid;

/// How many heartbeats a server may miss before it counts as gone.
pub const MISSED_HEARTBEATS: u32 = 2;

/// A server, as it registers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServer {
    /// Its id: that of its spool, which stays the same from start to start; of a server that
    /// keeps no events, a random one.
    pub id: String,
    /// Which start of the server it is.
    pub run: Uuid,
    /// Whether it keeps events of its own. Of those there may be only one.
    pub has_events: bool,
    /// The name of its machine.
    pub hostname: String,
    /// The address on which the server listens.
    pub address: String,
    /// The version of its program.
    pub version: String,
    /// How often it tells that it is there.
    pub heartbeat: Duration,
}

/// A server that has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredServer {
    /// What it told of itself.
    pub server: NewServer,
    /// When it registered, by the clock of the database.
    pub started_at: Timestamp,
    /// When it last told that it is there, by the clock of the database.
    pub heartbeat_at: Timestamp,
    /// How long ago that is, by the clock of the database.
    pub silence: Duration,
}

impl RegisteredServer {
    /// Whether it told lately that it is there.
    pub fn is_live(&self) -> bool {
        self.silence < self.server.heartbeat * MISSED_HEARTBEATS
    }
}

/// Whether a server is registered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The server is registered.
    Yes,
    /// It is not: it would keep events beside this one.
    Beside(Box<RegisteredServer>),
}

/// Which of the other servers with events give way to one that registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivesWay {
    /// Those that this one replaces: earlier starts of it, and the starts that were seen to be
    /// silent, at this time of their last heartbeat.
    Replaced(Vec<(Uuid, Timestamp)>),
    /// All that are silent when this one registers.
    Silent,
}
