//! What answers take in memory, from the rows that were read to the last byte that is sent.

use std::sync::Arc;

use paneld_fairness::{Held, Pool, Share};

use crate::{ServiceError, circle::Circle};

/// So many bytes have all answers together.
const OF_ALL: u64 = 256 << 20;
/// So many have those of an organization: two of the longest do not fit.
const OF_ORGANIZATION: u64 = 64 << 20;
/// So many has one answer as it is sent.
const OF_ONE: u64 = 32 << 20;
/// What has no more rows is not counted: those of an organization that are short go on while its
/// long ones wait for readers.
const SHORT: u64 = 64 << 10;

/// Room for answers. An organization has a quarter of it, and not more than it leaves free; a
/// client nearly all of that. So a long answer has room beside all that three other organizations
/// may hold.
#[derive(Debug, Clone)]
pub(crate) struct AnswerPool(Arc<Pool<Circle>>);

impl Default for AnswerPool {
    fn default() -> Self {
        Self(Pool::new(OF_ALL))
    }
}

impl AnswerPool {
    /// The bytes of an answer to somebody of these circles: none yet.
    pub(crate) fn hold(&self, [organization, client]: [Circle; 2]) -> AnswerBytes {
        let shares = vec![
            Share::new(organization, 1).at_most(OF_ORGANIZATION),
            Share::nested(client, 16),
        ];
        AnswerBytes {
            read: 0,
            rows: self.0.hold(shares.clone()),
            written: self.0.hold(shares),
        }
    }
}

/// The bytes of one answer. They are given back when this is dropped.
#[derive(Debug)]
pub struct AnswerBytes {
    /// How many bytes its rows have, counted or not.
    read: u64,
    rows: Held<Circle>,
    written: Held<Circle>,
}

impl AnswerBytes {
    /// Counts rows that were read for it.
    ///
    /// # Errors
    /// When answers of this client or organization have all bytes that there are for them.
    pub fn read(&mut self, bytes: usize) -> Result<(), ServiceError> {
        let read = self.read + bytes as u64;
        if read > SHORT {
            let uncounted = read - self.rows.amount();
            take(&mut self.rows, uncounted)?;
        }
        self.read = read;
        Ok(())
    }

    /// Counts what was written of it.
    ///
    /// # Errors
    /// When it is longer than an answer may be, or answers of this client or organization have all
    /// bytes that there are for them.
    pub fn write(&mut self, bytes: usize) -> Result<(), ServiceError> {
        if self.written.amount() + bytes as u64 > OF_ONE {
            return Err(ServiceError::too_large());
        }
        take(&mut self.written, bytes as u64)
    }

    /// Notes that it is written, and that its rows are gone.
    pub fn forget_rows(&mut self) {
        self.rows.give_back(u64::MAX);
        self.read = 0;
    }

    /// Notes that so much of it was sent.
    pub fn note_sent(&mut self, bytes: usize) {
        self.written.give_back(bytes as u64);
    }
}

fn take(held: &mut Held<Circle>, bytes: u64) -> Result<(), ServiceError> {
    if held.take(bytes) {
        return Ok(());
    }
    let why = "Too many long answers of this client or organization are made or sent: ask again \
               in a moment, or for fewer rows";
    Err(ServiceError::Excess(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn of(pool: &AnswerPool, organization: &str, client: usize) -> AnswerBytes {
        let client = format!("{client:08x}-0000-4000-8000-000000000000");
        let client = client.parse().unwrap();
        pool.hold(Circle::both(&organization.parse().unwrap(), client))
    }

    /// All that an organization gets, a mebibyte at a time.
    fn fill(pool: &AnswerPool, organization: &str) -> Vec<AnswerBytes> {
        let mut held = Vec::new();
        loop {
            let mut next = of(pool, organization, held.len());
            if next.read(MIB).is_err() {
                return held;
            }
            held.push(next);
        }
    }

    #[test]
    fn a_long_answer_has_room_beside_all_of_others() {
        let pool = AnswerPool::default();
        let greedy = ["a", "b", "c"].map(|organization| fill(&pool, organization));
        for held in &greedy {
            assert!((60..=64).contains(&held.len()), "{}", held.len());
        }
        let mut long = of(&pool, "victim", 1);
        long.read(14 * MIB).unwrap();
        long.write(14 * MIB).unwrap();
        let mut short = of(&pool, "a", 1);
        short.read(40 << 10).unwrap();
        short.read(24 << 10).unwrap();
        // However small the parts are in which it gets long.
        let refused = short.read(1);
        assert!(
            matches!(refused, Err(ServiceError::Excess(_))),
            "{refused:?}"
        );
    }

    #[test]
    fn what_is_sent_has_room_for_others() {
        let pool = AnswerPool::default();
        let mut long = of(&pool, "acme", 1);
        long.read(16 * MIB).unwrap();
        long.write(32 * MIB).unwrap();
        let beyond = long.write(1);
        assert!(
            matches!(beyond, Err(ServiceError::Question(_))),
            "{beyond:?}"
        );
        let mut next = of(&pool, "acme", 1);
        assert!(next.read(16 * MIB).is_err());
        long.forget_rows();
        next.read(16 * MIB).unwrap();
        assert!(next.write(32 * MIB).is_err());
        long.note_sent(32 * MIB);
        next.write(32 * MIB).unwrap();
    }
}
