//! How questions are answered: each in its turn, within a time.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use clickhouse::Client;
use metrics::counter;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{client::asking, fault::Fault, store::ClickHouseStore};
use crate::{
    EventsError,
    turns::{LONG, SHORT, Turn},
};

/// How often it is asked whether a question is in the way of others.
const LOOK: Duration = Duration::from_millis(50);

type Asked<F> = Pin<Box<F>>;

impl ClickHouseStore {
    /// Asks something, within the time that an answer may take. The server gives it up when the
    /// time is over or the future is dropped. It may be given up and asked anew, for others to have
    /// their turn.
    pub(crate) async fn read<T, F>(&self, question: impl Fn(Client) -> F) -> Result<T, EventsError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let answer = timeout(self.read_time, self.read_in_turn(question)).await;
        let answer = answer.unwrap_or(Err(EventsError::TooSlow));
        if let Err(EventsError::TooSlow) = &answer {
            counter!("paneld_questions_given_up_total").increment(1);
        }
        answer
    }

    async fn read_in_turn<T, F>(&self, question: impl Fn(Client) -> F) -> Result<T, EventsError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        self.inner.ready().await?;
        let lanes = &self.inner.lanes;
        let short = lanes.short.take(&self.asker).await?;
        let ask = || Box::pin(question(asking(&self.inner.client, self.read_time)));
        let _answering = Answering::begin(&self.inner.answering);
        let mut asked = ask();
        if let Ok(answer) = timeout(SHORT, &mut asked).await {
            return self.inner.told(answer);
        }
        let mut place = lanes.long.enter(&self.asker)?;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                answer = &mut asked => return self.inner.told(answer),
                begun = place.begins() => {
                    begun?;
                    // Here it counts further on, but is not in anybody's way.
                    short.set_aside();
                    return self.answer_long(asked, place.into_turn()).await;
                }
                _ = looks.tick() => {}
            }
            if short.is_wanted() {
                drop(asked);
                drop(short);
                place.begins().await?;
                return self.answer_long(ask(), place.into_turn()).await;
            }
        }
    }

    /// Waits for an answer that takes long: not for too long, while others wait with such ones.
    async fn answer_long<T, F>(&self, mut asked: Asked<F>, turn: Turn) -> Result<T, EventsError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let begun = Instant::now();
        loop {
            if let Ok(answer) = timeout(LOOK, &mut asked).await {
                return self.inner.told(answer);
            }
            if begun.elapsed() >= LONG && turn.is_wanted_by_others(&self.asker) {
                return Err(EventsError::TooSlow);
            }
        }
    }
}

/// Counts while something is asked.
pub(crate) struct Answering<'a>(&'a AtomicUsize);

impl<'a> Answering<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
