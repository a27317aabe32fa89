//! Turns at what only few may do at once.
//!
//! Who waits is served by rank first, and within a rank whoever had no turn for the longest time:
//! first of all that neighbourhood (or organization), then that caller within it. So one who asks
//! a thousand times waits for its own turns, not others for it.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::shares::{Held, Pool, Share};

/// How many may wait.
const PLACES: u64 = 512;
/// How many keys' last turns are remembered, beside those of who waits.
const REMEMBERED: usize = 1_024;

/// Too many wait already, or it took too long.
#[derive(Debug, thiserror::Error)]
#[error("too many wait for their turn")]
pub(crate) struct Crowded;

/// Turns, so many at once.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    line: Arc<Mutex<Line<K>>>,
    places: Arc<Pool<K>>,
}

#[derive(Debug)]
struct Line<K> {
    /// How many turns nobody has.
    free: usize,
    waiting: Vec<Waiting<K>>,
    /// The number of the turn that each had last.
    last: HashMap<K, u64>,
    /// How many turns there were, and how many came.
    turns: u64,
    arrivals: u64,
}

#[derive(Debug)]
struct Waiting<K> {
    number: u64,
    rank: u8,
    who: [K; 2],
    call: oneshot::Sender<()>,
}

impl<K: Eq + Hash + Clone> Turns<K> {
    /// So many turns at once.
    pub(crate) fn new(width: usize) -> Self {
        let line = Line {
            free: width,
            waiting: Vec::new(),
            last: HashMap::new(),
            turns: 0,
            arrivals: 0,
        };
        Self {
            line: Arc::new(Mutex::new(line)),
            places: Pool::new(PLACES),
        }
    }

    /// Waits for a turn, at most for `patience`. Lower ranks go first; `who` is the wider and the
    /// narrower circle that turns are shared by.
    pub(crate) async fn take(
        &self,
        rank: u8,
        who: [K; 2],
        patience: Duration,
    ) -> Result<Turn<K>, Crowded> {
        let (mut place, called) = match self.enter(rank, who) {
            Entered::Turn(turn) => return Ok(turn),
            Entered::Full => return Err(Crowded),
            Entered::Line(place, called) => (place, called),
        };
        match timeout(patience, called).await {
            Ok(Ok(())) => Ok(place.take_turn()),
            _ => Err(Crowded),
        }
    }

    fn enter(&self, rank: u8, who: [K; 2]) -> Entered<K> {
        let mut line = lock(&self.line);
        if line.free > 0 {
            line.free -= 1;
            line.remember(&who);
            return Entered::Turn(Turn(Some(Arc::clone(&self.line))));
        }
        let shares = vec![
            Share::new(who[0].clone(), 1),
            Share::nested(who[1].clone(), 4),
        ];
        let mut held = self.places.hold(shares);
        if !held.take(1) {
            return Entered::Full;
        }
        let (call, called) = oneshot::channel();
        let number = line.arrivals;
        line.arrivals += 1;
        line.waiting.push(Waiting {
            number,
            rank,
            who,
            call,
        });
        let place = Place {
            number,
            turn: Turn(Some(Arc::clone(&self.line))),
            _held: held,
        };
        Entered::Line(place, called)
    }
}

enum Entered<K: Eq + Hash + Clone> {
    Turn(Turn<K>),
    Line(Place<K>, oneshot::Receiver<()>),
    Full,
}

/// A place in the line; who goes away leaves it.
struct Place<K: Eq + Hash + Clone> {
    number: u64,
    /// Held for whoever is called.
    turn: Turn<K>,
    _held: Held<K>,
}

impl<K: Eq + Hash + Clone> Place<K> {
    fn take_turn(&mut self) -> Turn<K> {
        mem::replace(&mut self.turn, Turn(None))
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let Some(line) = &self.turn.0 else {
            return;
        };
        let mut line = lock(line);
        let place = line.waiting.iter().position(|w| w.number == self.number);
        if let Some(place) = place {
            // Never called: there is no turn to give back.
            line.waiting.swap_remove(place);
            drop(line);
            self.turn.0 = None;
        }
    }
}

/// A turn, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn<K: Eq + Hash + Clone>(Option<Arc<Mutex<Line<K>>>>);

impl<K: Eq + Hash + Clone> Drop for Turn<K> {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            lock(&line).call_next();
        }
    }
}

impl<K: Eq + Hash + Clone> Line<K> {
    fn call_next(&mut self) {
        while let Some(next) = self.next() {
            let Waiting { who, call, .. } = self.waiting.swap_remove(next);
            if call.send(()).is_ok() {
                self.remember(&who);
                return;
            }
        }
        self.free += 1;
    }

    fn next(&self) -> Option<usize> {
        let last = |key: &K| self.last.get(key).copied().unwrap_or_default();
        let order = |waiting: &Waiting<K>| {
            let [wide, narrow] = &waiting.who;
            (waiting.rank, last(wide), last(narrow), waiting.number)
        };
        let all = self.waiting.iter().enumerate();
        all.min_by_key(|(_, waiting)| order(waiting))
            .map(|(i, _)| i)
    }

    fn remember(&mut self, who: &[K; 2]) {
        self.turns += 1;
        if self.last.len() >= REMEMBERED {
            let Self { last, waiting, .. } = self;
            let waits = waiting.iter().flat_map(|waiting| &waiting.who);
            let waits = waits.collect::<HashSet<_>>();
            last.retain(|key, _| waits.contains(key));
        }
        for key in who {
            self.last.insert(key.clone(), self.turns);
        }
    }
}

fn lock<K>(line: &Mutex<Line<K>>) -> MutexGuard<'_, Line<K>> {
    // Nothing in here panics half way.
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::task::yield_now;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Everybody waits behind one who has the turn; then each has it in turn.
    async fn order(waiting: &[(u8, [&'static str; 2])]) -> Vec<&'static str> {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(0, ["first", "first"], PATIENCE).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks = waiting.iter().map(|&(rank, who)| {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tokio::spawn(async move {
                let turn = turns.take(rank, who, PATIENCE).await.unwrap();
                order.lock().unwrap().push(who[1]);
                drop(turn);
            })
        });
        let tasks = tasks.collect::<Vec<_>>();
        yield_now().await;
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        let line = lock(&turns.line);
        assert_eq!((line.free, line.waiting.len()), (1, 0));
        order.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn who_had_no_turn_for_the_longest_time_is_next() {
        let (a, b) = (["street", "a"], ["street", "b"]);
        let c = ["elsewhere", "c"];
        let order = order(&[(1, a), (1, a), (1, a), (1, b), (1, c), (1, c)]).await;
        assert_eq!(order, ["a", "c", "b", "c", "a", "a"]);
    }

    #[tokio::test]
    async fn ranks_come_first() {
        let order = order(&[(2, ["x", "a"]), (1, ["x", "b"]), (0, ["y", "c"])]).await;
        assert_eq!(order, ["c", "b", "a"]);
    }

    #[tokio::test]
    async fn a_crowd_leaves_places_to_others() {
        let turns = Turns::new(1);
        let turn = turns.take(0, ["x", "x"], PATIENCE).await.unwrap();
        let mut crowd = Vec::new();
        while let Entered::Line(place, called) = turns.enter(1, ["street", "a"]) {
            crowd.push((place, called));
        }
        assert!(crowd.len() >= 200, "{}", crowd.len());
        let neighbour = turns.enter(1, ["street", "b"]);
        let other = turns.enter(1, ["elsewhere", "c"]);
        assert!(matches!(neighbour, Entered::Line(..)));
        assert!(matches!(other, Entered::Line(..)));
        drop((crowd, neighbour, other, turn));
        let line = lock(&turns.line);
        assert_eq!((line.free, line.waiting.len()), (1, 0));
    }

    #[tokio::test]
    async fn who_goes_away_loses_nobody_a_turn() {
        let turns = Turns::new(1);
        let turn = turns.take(0, ["x", "x"], PATIENCE).await.unwrap();
        let mut gone = Box::pin(turns.take(1, ["a", "a"], PATIENCE));
        assert!((&mut gone).now_or_never().is_none());
        // It is called, and goes away before it looks.
        drop(turn);
        drop(gone);
        let turn = turns.take(1, ["b", "b"], PATIENCE).now_or_never();
        assert!(turn.unwrap().is_ok());
        let patience = Duration::from_millis(1);
        let turn = turns.take(1, ["b", "b"], PATIENCE).await.unwrap();
        assert!(turns.take(1, ["c", "c"], patience).await.is_err());
        drop(turn);
        assert_eq!(lock(&turns.line).free, 1);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let turns = Turns::new(1);
        for number in 0..3 * REMEMBERED {
            let who = [(true, number), (false, number)];
            drop(turns.take(0, who, PATIENCE).await.unwrap());
        }
        assert!(lock(&turns.line).last.len() <= REMEMBERED + 2);
    }
}
