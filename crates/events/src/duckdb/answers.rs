//! How questions are answered: each in its turn, on a thread of its own, within a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use duckdb::Connection;
use metrics::counter;
use paneld_fairness::Thread;
use tokio::{
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{
    Crowded, EventsError,
    duckdb::{
        fault::Fault,
        interrupt::{self, Waiter},
        own_thread::{self, Ended},
        parts::{self, Outlet, Parts},
        store::DuckDbStore,
    },
    turns::{LONG, Place, SHORT, Turn},
};

/// How often it is asked whether a question has become a long one, and is in the way of others.
const LOOK: Duration = Duration::from_millis(50);

/// A question that takes longer gives way to others: to those that are answered at a glance, and to
/// whoever is not asking at all.
const BRISK: Duration = Duration::from_millis(50);

impl DuckDbStore {
    /// Asks something, within the time that an answer may take. The query is interrupted when
    /// the time is over or the future is dropped. It may be interrupted and asked anew, for
    /// others to have their turn.
    pub(crate) async fn read<T, F>(&self, question: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let answer = timeout(self.read_time, self.read_in_turn(question)).await;
        let answer = answer.unwrap_or(Err(EventsError::TooSlow));
        if let Err(EventsError::TooSlow) = &answer {
            counter!("paneld_questions_given_up_total").increment(1);
        }
        answer
    }

    async fn read_in_turn<T, F>(&self, question: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let lanes = &self.inner.lanes;
        let turn = lanes.short.take(&self.asker).await?;
        let asked = self.ask(question, Held::short(turn));
        match self.answer_soon(asked).await? {
            Soon::Answered(answer) => Ok(answer),
            Soon::IsLong(asked) => self.answer_long(asked).await,
            Soon::Interrupted {
                question,
                mut place,
            } => {
                place.begins().await?;
                // What runs there is not more than its share here.
                let turn = lanes.short.enter_aside(&self.asker);
                let held = Held::short(turn);
                held.go_on(place.into_turn());
                self.answer_long(self.ask(question, held)).await
            }
        }
    }

    /// Waits for an answer that comes soon; and else until it has a turn among the long ones, or
    /// somebody waits for its turn among the short.
    async fn answer_soon<T, F>(&self, mut asked: Asked<T, F>) -> Result<Soon<T, F>, EventsError> {
        let long = &self.inner.lanes.long;
        if let Ok(ended) = timeout(BRISK, &mut asked.thread).await {
            return soon(ended, || long.enter(&self.asker));
        }
        asked.held.give_way();
        if let Ok(ended) = timeout(SHORT - BRISK, &mut asked.thread).await {
            return soon(ended, || long.enter(&self.asker));
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut place = None::<Place>;
        loop {
            if place.is_none() {
                place = long.enter(&self.asker).ok();
            }
            let begins = async {
                match &mut place {
                    Some(place) => place.begins().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ended = &mut asked.thread => {
                    return soon(ended, || place.map_or_else(|| long.enter(&self.asker), Ok));
                }
                begun = begins => {
                    // Where it was turned away, it comes again.
                    if let Some(place) = place.take() && begun.is_ok() {
                        asked.held.go_on(place.into_turn());
                        return Ok(Soon::IsLong(asked));
                    }
                }
                _ = looks.tick() => {}
            }
            if asked.held.short.is_wanted() {
                // Too many of its own may wait there already.
                let place = place.map_or_else(|| long.enter(&self.asker), Ok)?;
                let Asked { thread, waiter, .. } = asked;
                drop(waiter);
                return interrupted(thread.await, place);
            }
        }
    }

    /// Waits for an answer that takes long: not for too long, while others wait with such ones.
    async fn answer_long<T, F>(&self, mut asked: Asked<T, F>) -> Result<T, EventsError> {
        let begun = Instant::now();
        loop {
            if let Ok(ended) = timeout(LOOK, &mut asked.thread).await {
                return ended.map_err(EventsError::away)?.0;
            }
            if begun.elapsed() >= LONG && asked.held.is_wanted_by_others(self) {
                return Err(EventsError::TooSlow);
            }
        }
    }

    /// Asks on a thread of its own.
    fn ask<T, F>(&self, question: F, held: Held) -> Asked<T, F>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let (waiter, job) = interrupt::pair();
        let held = Arc::new(held);
        let held_here = Arc::clone(&held);
        let thread = own_thread::run(move || {
            let answer = held_here.ask(|| {
                let held_open = inner.hold_open();
                held_open.and_then(|_held_open| inner.read(job, &question))
            });
            // Given back only when the query has really ended.
            drop(held_here);
            (answer, question)
        });
        Asked {
            thread,
            waiter,
            held,
        }
    }

    /// Asks something whose answer comes in parts. The query is interrupted when the parts are
    /// dropped. Only its turn and the first part have to come within the time that an answer may
    /// take.
    pub(crate) async fn stream<T, F>(&self, question: F) -> Result<Parts<T>, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Outlet<T>) -> Result<(), Fault> + Send + 'static,
    {
        let begun = timeout(self.read_time, async {
            let lanes = &self.inner.lanes;
            let turn = Arc::new(lanes.streams.take(&self.asker).await?);
            let inner = Arc::clone(&self.inner);
            let (waiter, job) = interrupt::pair();
            let at_work = Arc::clone(&lanes.at_work);
            let ending = Arc::clone(&inner.ending);
            let (mut outlet, parts) = parts::pair(waiter, Arc::clone(&turn), at_work, ending);
            let _to_its_end = own_thread::run(move || {
                paneld_fairness::give_way();
                let held_open = inner.hold_open_for_parts();
                let sent = held_open.and_then(|_held_open| {
                    inner.read(job, |connection| {
                        outlet.work()?;
                        question(connection, &mut outlet)
                    })
                });
                outlet.end(sent);
                // Given back only when the query has really ended.
                drop(turn);
            });
            parts.begun().await
        });
        begun.await.unwrap_or(Err(EventsError::TooSlow))
    }
}

/// What becomes of a question that ended by itself in its turn among the short ones.
fn soon<T, F>(
    ended: Ended<Answered<T, F>>,
    enter: impl FnOnce() -> Result<Place, Crowded>,
) -> Result<Soon<T, F>, EventsError> {
    let (answer, question) = ended.map_err(EventsError::away)?;
    match answer {
        // There was too little memory for it beside others.
        Err(EventsError::TooSlow) => Ok(Soon::Interrupted {
            question,
            place: enter()?,
        }),
        answer => answer.map(Soon::Answered),
    }
}

/// What becomes of one that was interrupted there.
fn interrupted<T, F>(
    ended: Ended<Answered<T, F>>,
    place: Place,
) -> Result<Soon<T, F>, EventsError> {
    let (answer, question) = ended.map_err(EventsError::away)?;
    match answer {
        Ok(answer) => Ok(Soon::Answered(answer)),
        Err(away @ EventsError::Away(_)) => Err(away),
        Err(_interrupted) => Ok(Soon::Interrupted { question, place }),
    }
}

/// What is known of a question when its thread has ended.
type Answered<T, F> = (Result<T, EventsError>, F);

/// The turns of a question: among the short ones, and then among the long ones. A long one gives
/// way to short ones.
struct Held {
    short: Turn,
    long: OnceLock<Turn>,
    /// The one that asks, while it does.
    thread: Mutex<Option<Thread>>,
}

impl Held {
    fn short(short: Turn) -> Self {
        Self {
            short,
            long: OnceLock::new(),
            thread: Mutex::default(),
        }
    }

    /// Asks on this thread.
    fn ask<T>(&self, question: impl FnOnce() -> T) -> T {
        *self.thread() = Some(Thread::current());
        self.give_way_if_long();
        let answer = question();
        *self.thread() = None;
        answer
    }

    fn give_way_if_long(&self) {
        if self.long.get().is_some() {
            self.give_way();
        }
    }

    fn give_way(&self) {
        if let Some(thread) = *self.thread() {
            thread.give_way();
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<Thread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on as a long one.
    fn go_on(&self, long: Turn) {
        self.short.set_aside();
        // A question has one such turn.
        let _other = self.long.set(long);
        self.give_way_if_long();
    }

    fn is_wanted_by_others(&self, store: &DuckDbStore) -> bool {
        let long = self.long.get();
        long.is_some_and(|turn| turn.is_wanted_by_others(&store.asker))
    }
}

/// A question on its thread. It is interrupted when this is dropped.
struct Asked<T, F> {
    thread: oneshot::Receiver<Answered<T, F>>,
    waiter: Waiter,
    held: Arc<Held>,
}

/// What became of a question in its turn among the short ones.
enum Soon<T, F> {
    Answered(T),
    /// It goes on.
    IsLong(Asked<T, F>),
    /// It is to be asked anew.
    Interrupted {
        question: F,
        place: Place,
    },
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use paneld_domain::OrganizationId;
    use tempfile::TempDir;
    use tokio::{task::JoinSet, time::sleep};

    use super::*;
    use crate::{Asker, Batch};

    fn store() -> (TempDir, DuckDbStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = DuckDbStore::new(
            &folder.path().join("events.duckdb"),
            &folder.path().join("temp"),
            128 << 20,
        );
        (folder, store)
    }

    /// The store as it is asked by a client of an organization.
    fn asked_by(store: &DuckDbStore, organization: usize, client: usize) -> DuckDbStore {
        let organization = format!("o{organization}").parse::<OrganizationId>();
        let client = format!("00000000-0000-4000-8000-0000000000{client:02}").parse();
        store.asked_by(Asker::client(&organization.unwrap(), client.unwrap()))
    }

    /// Takes minutes.
    fn slow_question(connection: &Connection) -> Result<u64, Fault> {
        let sql = "SELECT count(*) FROM range(1000000000) a, range(1000) b
            WHERE (a.range * b.range) % 7 = 3";
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Asks what takes minutes, so many times at once.
    fn ask_slowly(store: &DuckDbStore, times: usize) -> JoinSet<Result<u64, EventsError>> {
        let asking = (0..times).map(|_| {
            let store = store.clone();
            async move { store.read(slow_question).await }
        });
        asking.collect()
    }

    /// Waits until something is as it should be; it is a matter of milliseconds.
    async fn until(is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.unwrap();
    }

    /// All turns are to be had again, and soon.
    async fn assert_idle(store: &DuckDbStore) {
        let lanes = &store.inner.lanes;
        until(|| lanes.short.is_idle() && lanes.long.is_idle() && lanes.streams.is_idle()).await;
        assert!(store.count_events().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_given_up() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let hasty = store.clone().with_read_time(Duration::from_millis(600));
        for _ in 0..3 {
            let answer = hasty.read(slow_question).await;
            assert!(matches!(answer, Err(EventsError::TooSlow)), "{answer:?}");
        }
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn a_query_nobody_waits_for_is_interrupted() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        for millis in [0, 1, 5, 50, 200, 400] {
            let answer = store.read(slow_question);
            let dropped = timeout(Duration::from_millis(millis), answer).await;
            assert!(dropped.is_err());
        }
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn batches_are_applied_beside_slow_answers() {
        let (_folder, store) = store();
        let mut slow = ask_slowly(&store, 8);
        sleep(Duration::from_millis(200)).await;
        let changes = Vec::new();
        let batch = Batch {
            position: 1,
            changes,
        };
        store.apply(batch).await.unwrap();
        assert!(slow.try_join_next().is_none());
    }

    #[tokio::test]
    async fn short_questions_are_answered_while_others_ask_for_what_takes_long() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        // Of four organizations, of two clients each: as many as may wait.
        let mut slow = JoinSet::new();
        for (organization, client) in (0..4).flat_map(|o| [(o, 0), (o, 1)]) {
            let asking = asked_by(&store, organization, client);
            let mut asked = ask_slowly(&asking, 12);
            slow.spawn(async move { asked.join_next().await });
        }
        let victim = asked_by(&store, 9, 0);
        for _ in 0..30 {
            assert!(victim.count_events().await.unwrap().is_empty());
        }
        // Nor do they wait for what takes long of their own client.
        let mut own = ask_slowly(&victim, 12);
        for _ in 0..5 {
            assert!(victim.count_events().await.unwrap().is_empty());
        }
        assert!(slow.try_join_next().is_none() && own.try_join_next().is_none());
        drop((slow, own));
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn what_was_interrupted_for_others_is_answered_when_its_turn_comes() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let [one, another] = [0, 1].map(|o| asked_by(&store, o, 0));
        let long = [&one, &another].map(|store| ask_slowly(store, 1));
        let [begun, ended] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let attempts = [Arc::clone(&begun), Arc::clone(&ended)];
        let asking = asked_by(&store, 2, 0);
        // The other two go on as long ones.
        let lanes = &store.inner.lanes;
        until(|| lanes.long.count_running() == 2).await;
        let interrupted = tokio::spawn(async move {
            let [begun, ended] = attempts;
            let question = move |connection: &Connection| {
                let answer = match begun.fetch_add(1, Ordering::Relaxed) {
                    0 => slow_question(connection),
                    _ => Ok(42),
                };
                ended.fetch_add(1, Ordering::Relaxed);
                answer
            };
            asking.read(question).await
        });
        until(|| begun.load(Ordering::Relaxed) == 1).await;
        // They want its turn.
        let others = [3, 4, 5].map(|o| ask_slowly(&asked_by(&store, o, 0), 2));
        until(|| ended.load(Ordering::Relaxed) == 1).await;
        drop((long, others));
        assert_eq!(interrupted.await.unwrap().unwrap(), 42);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn what_takes_very_long_ends_when_another_organization_waits() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let [mut one, mut another] = [0, 1].map(|o| ask_slowly(&asked_by(&store, o, 0), 1));
        let lanes = &store.inner.lanes;
        until(|| lanes.long.count_running() == 2).await;
        let third = ask_slowly(&asked_by(&store, 2, 0), 1);
        let ends = async {
            tokio::select! {
                ended = one.join_next() => ended,
                ended = another.join_next() => ended,
            }
        };
        let ended = timeout(LONG + Duration::from_secs(5), ends).await;
        let ended = ended.unwrap().unwrap().unwrap();
        assert!(matches!(ended, Err(EventsError::TooSlow)), "{ended:?}");
        until(|| lanes.long.count_waiting() == 0).await;
        drop((one, another, third));
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn what_had_too_little_memory_beside_others_is_asked_once_more() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let attempts = AtomicUsize::new(0);
        let answer = store.read(move |_| match attempts.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Fault::Memory("too little".into())),
            attempt => Ok(attempt),
        });
        assert_eq!(answer.await.unwrap(), 1);
        let answer = store.read(|_| Err::<(), _>(Fault::Memory("too little".into())));
        assert!(matches!(answer.await, Err(EventsError::TooSlow)));
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn who_asks_too_much_at_once_is_turned_away_and_nobody_else() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let greedy = asked_by(&store, 0, 0);
        let mut asked = ask_slowly(&greedy, 100);
        let refused = asked.join_next().await.unwrap().unwrap();
        let client = EventsError::Crowded(Crowded::Client);
        assert_eq!(refused.unwrap_err().to_string(), client.to_string());
        for client in 0..2 {
            let neighbour = asked_by(&store, client, 1);
            assert!(neighbour.count_events().await.unwrap().is_empty());
        }
        drop(asked);
        assert_idle(&store).await;
    }

    #[tokio::test]
    async fn streams_nobody_takes_leave_turns_to_other_organizations() {
        let (_folder, store) = store();
        let endless = |_: &Connection, outlet: &mut Outlet<u64>| loop {
            outlet.send(1)?;
        };
        let [one, another, third] = [0, 1, 2].map(|o| asked_by(&store, o, 0));
        let mut taken = Vec::new();
        for store in [&one, &another] {
            for _ in 0..2 {
                taken.push(store.stream(endless).await.unwrap());
            }
        }
        let hasty = one.clone().with_read_time(Duration::from_millis(100));
        assert!(matches!(
            hasty.stream(endless).await,
            Err(EventsError::TooSlow)
        ));
        assert!(!taken[0].is_wanted());
        for _ in 0..2 {
            let mut parts = third.stream(endless).await.unwrap();
            for _ in 0..100 {
                assert_eq!(parts.next().await.unwrap(), Some(1));
            }
        }
        let waiting = tokio::spawn(async move { one.stream(endless).await.map(drop) });
        until(|| taken[0].is_wanted()).await;
        taken.clear();
        waiting.await.unwrap().unwrap();
        assert_idle(&store).await;
    }

    /// The file cannot be opened a second time while somebody reads from it.
    #[tokio::test]
    async fn a_store_that_was_given_up_is_back_though_nobody_takes_a_stream() {
        let (_folder, store) = store();
        let endless = |_: &Connection, outlet: &mut Outlet<u64>| loop {
            outlet.send(1)?;
        };
        let mut parts = store.stream(endless).await.unwrap();
        let panicked = store.write(|_| -> Result<(), Fault> { panic!("as planned") });
        assert!(matches!(panicked.await, Err(EventsError::Away(_))));
        assert!(store.applied_position().await.is_err());
        assert!(!store.is_up().await);
        let back = async {
            while !store.is_up().await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), back).await.unwrap();
        // What was found ahead is there, and then the stream breaks off.
        let rest = timeout(Duration::from_secs(20), async {
            while let Ok(part) = parts.next().await {
                assert_eq!(part, Some(1));
            }
        });
        rest.await.unwrap();
        let mut again = store.stream(endless).await.unwrap();
        assert_eq!(again.next().await.unwrap(), Some(1));
    }
}
