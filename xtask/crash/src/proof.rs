//! What is known after a run.

/// What was proved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proof {
    /// How often the server was killed.
    pub kills: u32,
    /// How many requests were answered.
    pub acknowledged: u64,
    /// How many were never answered.
    pub unanswered: u64,
    /// How many answers were to a request that was sent before without an answer.
    pub repeated: u64,
    /// How many events are stored, those of the server's own included.
    pub events: u64,
    /// How many sessions there are, and how many of them ended.
    pub sessions: (u64, u64),
}
