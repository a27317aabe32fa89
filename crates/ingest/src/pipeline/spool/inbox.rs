//! What the writer is asked to do, in parts that fit into a transaction.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use super::command::Command;

/// How many commands go into one transaction at most; a few large ones come on top.
const MOST: usize = 2_048;
/// With how many bytes of records no more commands go into a transaction.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// A command of more bytes is a large one: few events have so many.
const LARGE: usize = 16 * 1024;
/// With how many bytes no more large ones go into a transaction: whoever sends them waits for them,
/// and nobody else for more than this.
const LARGE_BYTES: usize = 1024 * 1024;

/// Commands that wait to be carried out.
pub(super) struct Inbox {
    commands: Receiver<Command>,
    /// Large ones whose turn has not come.
    large: VecDeque<Command>,
}

impl Inbox {
    pub(super) fn new(commands: Receiver<Command>) -> Self {
        Self {
            commands,
            large: VecDeque::new(),
        }
    }

    /// What came in since the last time, of large commands not all at once: nothing when nothing
    /// came within this time, if there is a limit. `None` when nobody can ask any more.
    pub(super) fn take(&mut self, wait: Option<Duration>) -> Option<Vec<Command>> {
        let mut next = match self.first(wait) {
            Err(RecvTimeoutError::Disconnected) if self.large.is_empty() => return None,
            first => first.ok(),
        };
        let (mut commands, mut bytes) = (Vec::new(), 0);
        while let Some(command) = next {
            if command.bytes() > LARGE {
                self.large.push_back(command);
            } else {
                bytes += command.bytes();
                commands.push(command);
            }
            let has_room = commands.len() < MOST && bytes < MOST_BYTES;
            next = has_room.then(|| self.commands.try_recv().ok()).flatten();
        }
        let mut bytes = 0;
        while bytes < LARGE_BYTES
            && let Some(command) = self.large.pop_front()
        {
            bytes += command.bytes();
            commands.push(command);
        }
        Some(commands)
    }

    fn first(&self, wait: Option<Duration>) -> Result<Command, RecvTimeoutError> {
        let wait = match self.large.is_empty() {
            true => wait,
            false => Some(Duration::ZERO),
        };
        match wait {
            Some(time) => self.commands.recv_timeout(time),
            None => Ok(self.commands.recv()?),
        }
    }
}
