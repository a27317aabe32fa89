//! Work that takes more than a few milliseconds, beside the event loops.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use paneld_auth::{Authorized, permission::Permission};
use paneld_fairness::{Crowded, Turns};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    ServiceError,
    answer_bytes::{AnswerBytes, AnswerPool},
    circle::Circle,
};

/// How long work waits for its turn, and how long it may take then. What it works on is bounded
/// so that it takes a small part of that.
const TIME: Duration = Duration::from_secs(10);

/// Does work on threads of its own. An organization has as many at once as there are processors;
/// one more is left for others. Who waits has its turn by organization, then by client. Clones
/// share the turns.
#[derive(Debug, Clone)]
pub struct Compute {
    turns: Arc<Turns<Circle>>,
    time: Duration,
    answers: AnswerPool,
}

impl Default for Compute {
    fn default() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from), TIME)
    }
}

impl Compute {
    fn new(of_one: usize, time: Duration) -> Self {
        Self {
            turns: Arc::new(Turns::new(of_one + 1, of_one)),
            time,
            answers: AnswerPool::default(),
        }
    }

    /// The same for one caller.
    pub fn of<P: Permission>(&self, caller: &Authorized<P>) -> CallerCompute {
        self.of_circles(Circle::both_of(caller))
    }

    fn of_circles(&self, who: [Circle; 2]) -> CallerCompute {
        let compute = self.clone();
        CallerCompute { compute, who }
    }
}

/// Does a caller's work, in its turns.
#[derive(Debug, Clone)]
pub struct CallerCompute {
    compute: Compute,
    who: [Circle; 2],
}

impl CallerCompute {
    /// By whom turns of this caller are shared.
    pub(crate) fn circles(&self) -> [Circle; 2] {
        self.who.clone()
    }

    /// The bytes of an answer to this caller: none yet.
    pub fn answer(&self) -> AnswerBytes {
        self.compute.answers.hold(self.who.clone())
    }

    /// Does a piece of work.
    ///
    /// # Errors
    /// When too many wait, it takes too long, or it panics. What takes too long goes on, and
    /// keeps its turn until it is over: there are never more threads at work than there are
    /// turns.
    pub async fn run<T, F>(self, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let Compute { turns, time, .. } = self.compute;
        let turn = turns.take(0, self.who, time).await;
        let turn = turn.map_err(|Crowded| {
            let why = "Too many answers of this client or organization wait to be made: ask again \
                       in a moment";
            ServiceError::Excess(why.to_owned())
        })?;
        let working = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        match timeout(time, working).await {
            Ok(done) => done.map_err(ServiceError::internal),
            Err(_elapsed) => Err(ServiceError::TooSlow),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    fn of(compute: &Compute, organization: &str) -> CallerCompute {
        let client = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b".parse().unwrap();
        compute.of_circles(Circle::both(&organization.parse().unwrap(), client))
    }

    #[tokio::test]
    async fn the_event_loop_goes_on_while_work_is_done() {
        let compute = Compute::new(1, TIME);
        let (begin, begun) = mpsc::channel::<()>();
        let work = of(&compute, "acme").run(move || begun.recv().is_ok());
        // The one thread of this test would never get here if it did the work itself.
        let go_on = async { begin.send(()).unwrap() };
        let (worked, ()) = tokio::join!(work, go_on);
        assert!(worked.unwrap());
    }

    #[tokio::test]
    async fn no_more_is_done_at_once_than_an_organization_has_turns() {
        let compute = of(&Compute::new(2, TIME), "acme");
        let (at_work, both) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (compute, at_work, both) =
                (compute.clone(), Arc::clone(&at_work), Arc::clone(&both));
            all.spawn(async move {
                let work = move || {
                    let before = at_work.fetch_add(1, Ordering::SeqCst);
                    // Two at a time, or it would wait for ever.
                    both.wait();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    before
                };
                compute.run(work).await
            });
        }
        for before in all.join_all().await {
            assert!(before.unwrap() < 2);
        }
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up_and_keeps_its_turn() {
        let all = Compute::new(1, Duration::from_millis(50));
        let acme = || of(&all, "acme");
        let (finish, finished) = mpsc::channel::<()>();
        let slow = acme().run(move || finished.recv().is_ok()).await;
        assert!(matches!(slow, Err(ServiceError::TooSlow)), "{slow:?}");
        let waiting = acme().run(|| ()).await;
        assert!(
            matches!(waiting, Err(ServiceError::Excess(_))),
            "{waiting:?}"
        );
        // Nobody else waits for that.
        let other = of(&all, "beta").run(|| 5).await;
        assert_eq!(other.unwrap(), 5);
        finish.send(()).unwrap();
        let again = all.turns.take(0, acme().who, TIME).await;
        assert!(again.is_ok());
    }

    #[tokio::test]
    async fn an_organization_that_asks_for_much_waits_for_itself_alone() {
        let compute = Compute::new(2, TIME);
        let (finish, finished) = mpsc::channel::<()>();
        let finished = Arc::new(std::sync::Mutex::new(finished));
        let mut greedy = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let (compute, finished) = (of(&compute, "acme"), Arc::clone(&finished));
            let work = move || finished.lock().unwrap().recv().is_ok();
            greedy.spawn(async move { compute.run(work).await });
        }
        tokio::task::yield_now().await;
        for organization in ["beta", "gamma"] {
            assert_eq!(of(&compute, organization).run(|| 5).await.unwrap(), 5);
        }
        drop(finish);
        let refused = greedy.join_all().await.into_iter().filter(Result::is_err);
        assert!(refused.count() >= 500, "its queue has a bound");
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let compute = Compute::new(1, TIME);
        let acme = || of(&compute, "acme");
        let panicked = acme().run(|| panic!("as planned")).await;
        let panicked: Result<(), _> = panicked;
        assert!(matches!(panicked, Err(ServiceError::Internal(_))));
        assert_eq!(acme().run(|| 5).await.unwrap(), 5);
    }
}
