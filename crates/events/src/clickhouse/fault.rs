//! What goes wrong in the engine, and what its errors mean.

use clickhouse::error::Error;

use crate::{Cause, EventsError};

/// What went wrong inside, before it is known who is to be told.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server cannot be used now.
    Away(Cause),
    /// The server had no memory left for the question or the rows.
    Memory(Cause),
    /// It took too long.
    Time,
    /// More was found than an answer may have.
    TooLarge,
    /// What was asked, or was to be written, is wrong.
    Data(Cause),
}

impl Fault {
    /// What is told to whoever asked.
    pub(crate) fn of_answer(self) -> EventsError {
        match self {
            Self::Away(cause) => EventsError::Away(cause),
            Self::Memory(_) | Self::Time => EventsError::TooSlow,
            Self::TooLarge => EventsError::TooLarge,
            Self::Data(cause) => EventsError::Rejected(cause),
        }
    }

    /// What is told to whoever writes.
    pub(crate) fn of_write(self) -> EventsError {
        match self {
            Self::Away(cause) => EventsError::Away(cause),
            Self::Time => EventsError::away("it took too long to write"),
            Self::Memory(cause) => EventsError::NoRoom(cause),
            Self::TooLarge => EventsError::TooLarge,
            Self::Data(cause) => EventsError::Rejected(cause),
        }
    }
}

/// `MEMORY_LIMIT_EXCEEDED`, and `TOO_MANY_ROWS_OR_BYTES` of what is kept while grouping.
const OF_MEMORY: &[u32] = &[241, 396];
/// What says that the time of a question is over: `TIMEOUT_EXCEEDED` and `TOO_SLOW`.
const OF_TIME: &[u32] = &[159, 160];
/// What tells of a fault in a question or a row: of values that cannot be parsed or compared, and
/// of SQL that is wrong or too long. Everything else may pass.
const OF_DATA: &[u32] = &[
    6, 26, 27, 33, 38, 41, 42, 43, 44, 46, 47, 50, 53, 62, 69, 70, 72, 117, 131, 167, 168, 427,
];

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let of = |codes: &[u32], code| codes.contains(&code);
        match &error {
            Error::BadResponse(message) => match code(message) {
                Some(code) if of(OF_MEMORY, code) => Self::Memory(error.into()),
                Some(code) if of(OF_TIME, code) => Self::Time,
                Some(code) if of(OF_DATA, code) => Self::Data(error.into()),
                _ => Self::Away(error.into()),
            },
            Error::Network(_) | Error::TimedOut => Self::Away(error.into()),
            _ => Self::Data(error.into()),
        }
    }
}

/// The code of an exception of the server: `Code: 241. DB::Exception: …`.
fn code(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("Code: ")?;
    rest.split('.').next()?.parse().ok()
}
