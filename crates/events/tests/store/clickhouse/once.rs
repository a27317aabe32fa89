//! Batches whose statements fail in the middle, each in turn: afterwards everything is there once.

use paneld_events::{EventStore, StoreChange};

use super::fixtures::*;
use crate::{fixtures::*, model::Model};

/// How somebody goes on who does not know what became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// As before.
    Failure,
    /// With what is on the disk.
    Restart,
    /// The same, and the journal is not there any more.
    Loss,
}

/// What comes in a first batch, and what came to it in the meantime.
struct Changes {
    first: Vec<StoreChange>,
    later: Vec<StoreChange>,
}

impl Changes {
    /// The first batch.
    async fn apply_first(&self, store: &EventStore) -> Result<Vec<(u64, u64)>, ()> {
        let erased = store.apply(batch(self.first.len() as u64, self.first.clone()));
        let erased = erased.await.map_err(|_why| ())?;
        Ok(erased
            .iter()
            .map(|erased| (erased.events, erased.sessions))
            .collect())
    }

    /// Everything that is not applied, in batches that end at these positions; but first what the
    /// store must finish.
    async fn apply_rest(&self, store: &EventStore, ends: &[u64]) {
        let all = self.first.iter().chain(&self.later).cloned();
        let all = all.collect::<Vec<_>>();
        let unfinished = store.unfinished_position().await.unwrap();
        for end in unfinished.iter().chain(ends) {
            let applied = store.applied_position().await.unwrap();
            if applied < *end {
                let changes = all[applied as usize..*end as usize].to_vec();
                store.apply(batch(*end, changes)).await.unwrap();
            }
        }
    }

    fn model(&self) -> Model {
        let mut model = Model::default();
        for change in self.first.iter().chain(&self.later) {
            model.apply((PROJECT, change.clone()));
        }
        model
    }

    /// Has each statement of the first batch fail, and goes on; the last time, none does. Tells how
    /// many there were; `None` where that cannot be tried.
    #[expect(
        clippy::print_stdout,
        reason = "tells which of them it was that failed"
    )]
    async fn fail_everywhere(&self, kind: &str, after: After, ends: &[u64]) -> Option<usize> {
        for statements in 0.. {
            let folder = folder("batches that fail")?;
            let mut store = folder.store();
            assert_eq!(store.applied_position().await.unwrap(), 0);
            if !order_fault_behind(folder.database(), statements, kind) {
                return None;
            }
            let has_failed = self.apply_first(&store).await.is_err();
            folder.database().order_fault("none", &[]);
            if after == After::Failure {
                leave_alone().await;
            } else {
                store.close().await;
                store = folder.store();
            }
            if after == After::Loss {
                std::fs::remove_file(folder.journal()).unwrap();
            }
            let what = format!("{kind} behind {statements} statements, then {after:?}, {ends:?}");
            println!("{what}");
            self.apply_rest(&store, ends).await;
            self.model().compare(&folder, store).await;
            if !has_failed {
                return Some(statements);
            }
        }
        unreachable!("a batch has an end")
    }
}

/// What is done of a statement that fails, all or nothing; and how it goes on.
const TRIED: [(&str, After); 3] = [
    ("cut", After::Failure),
    ("cut", After::Restart),
    ("refuse", After::Failure),
];

/// Rows for every table, and events of two months.
fn plain() -> Changes {
    let month = 40 * 24 * 60 * 60;
    Changes {
        first: vec![
            of_event(event(1, "d", "ann", 0)),
            of_session(session("s", "d", "ann", 0)),
            of_event(event(2, "d", "ann", month)),
            StoreChange::Bot(bot(1, 0)),
            StoreChange::Replay(chunk("s", 0, 0)),
            of_event(event(3, "d", "bob", 1)),
        ],
        later: vec![
            of_event(event(4, "d", "ann", 2)),
            of_session(session("s", "d", "bob", 0)),
        ],
    }
}

/// An erasure with something of the erased before and behind it, and of somebody else.
fn with_erasure() -> Changes {
    let of_session_s = |number, profile: &str, second| {
        let mut event = event(number, "d", profile, second);
        event.session_id = "s".into();
        of_event(event)
    };
    Changes {
        first: vec![
            of_session_s(1, "ann", 0),
            of_event(event(2, "e", "bob", 0)),
            of_session(session("s", "d", "ann", 0)),
            StoreChange::Replay(chunk("s", 0, 0)),
            StoreChange::EraseProfile {
                profile_id: "ann".into(),
            },
            of_session_s(3, "ann", 1),
            of_session(session("s", "d", "ann", 1)),
            StoreChange::Replay(chunk("s", 1, 0)),
        ],
        later: vec![of_event(event(4, "d", "ann", 2))],
    }
}

#[tokio::test]
async fn a_batch_that_is_sent_again_after_a_failure_is_there_once() {
    for (kind, after) in TRIED {
        let statements = plain().fail_everywhere(kind, after, &[6, 8]).await;
        // Two inserts of events, and one for each other table, at least.
        assert!(statements.is_none_or(|statements| statements >= 5));
    }
}

#[tokio::test]
async fn also_when_the_journal_was_lost_and_batches_are_cut_differently() {
    for ends in [&[6, 8][..], &[3, 8], &[8]] {
        plain().fail_everywhere("cut", After::Loss, ends).await;
    }
}

#[tokio::test]
async fn an_erasure_that_failed_is_done_again_and_what_came_behind_it_is_there_once() {
    for (kind, after) in TRIED {
        let statements = with_erasure().fail_everywhere(kind, after, &[8, 9]).await;
        // It also looks for devices and sessions, and deletes from three tables.
        assert!(statements.is_none_or(|statements| statements >= 12));
    }
}

#[tokio::test]
async fn also_an_erasure_when_the_journal_was_lost_and_batches_are_cut_differently() {
    for ends in [&[8, 9][..], &[4, 9], &[9]] {
        with_erasure()
            .fail_everywhere("cut", After::Loss, ends)
            .await;
    }
}

#[tokio::test]
async fn erasures_tell_what_they_removed_the_first_time() {
    let Some(folder) = folder("what erasures tell") else {
        return;
    };
    let store = folder.store();
    let changes = with_erasure();
    assert_eq!(changes.apply_first(&store).await, Ok(vec![(1, 1)]));
    assert_eq!(changes.apply_first(&store).await, Ok(vec![]));
    // Also when only what came behind it was not known to be there.
    let folder = self::folder("what erasures tell").unwrap();
    let store = folder.store();
    assert_eq!(store.applied_position().await.unwrap(), 0);
    let fault = [("containing", "INSERT INTO `events`"), ("times", "1")];
    let delay = [("seconds", "0"), fault[0], fault[1]];
    if !folder.database().order_fault("delay", &delay) {
        return;
    }
    folder.database().order_fault("cut", &fault);
    assert_eq!(changes.apply_first(&store).await, Err(()));
    leave_alone().await;
    assert_eq!(changes.apply_first(&store).await, Ok(vec![(1, 1)]));
}
