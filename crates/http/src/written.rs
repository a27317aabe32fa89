//! JSON as it is written and sent: in parts, of which each is gone when it was sent.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{HttpResponse, HttpResponseBuilder, body::SizedStream, rt, web::Bytes};
use futures_util::stream;
use paneld_guard::ApiError;
use paneld_service::{AnswerBytes, ServiceError};
use serde::Serialize;
use tokio::{task::JoinHandle, time::sleep};

use crate::{error::reply_for, pace::Pace};

/// So many bytes are copied in much less than a millisecond. What has no more is not counted: it
/// is sent with the head of the reply.
const PART: usize = 64 * 1024;

/// A body.
pub(crate) struct Written {
    parts: VecDeque<Bytes>,
    /// The last part, as far as it is written.
    part: Vec<u8>,
    length: usize,
    answer: AnswerBytes,
    /// Why it was not written to its end.
    refused: Option<ServiceError>,
}

impl Written {
    /// Writes JSON, as a part of an answer.
    ///
    /// # Errors
    /// When it has no room beside other answers, or is longer than an answer may be.
    pub(crate) fn of(body: &impl Serialize, answer: AnswerBytes) -> Result<Self, ApiError> {
        let mut written = Self {
            parts: VecDeque::new(),
            part: Vec::new(),
            length: 0,
            answer,
            refused: None,
        };
        let done = serde_json::to_writer(&mut written, body);
        if let Some(refused) = written.refused {
            return Err(reply_for(refused));
        }
        done.map_err(ApiError::internal)?;
        Ok(written)
    }

    /// Replies with it.
    pub(crate) fn send(mut self, mut reply: HttpResponseBuilder) -> HttpResponse {
        if self.parts.is_empty() {
            return reply.body(self.part);
        }
        self.answer.forget_rows();
        self.parts.push_back(mem::take(&mut self.part).into());
        let length = self.length;
        let body = Expiring::new(self, sleep(Pace::time_for(length)));
        let parts = stream::unfold(Some((body, 0)), |state| async {
            let (body, sent) = state?;
            let next = body.with(|body| {
                // What was told before is on its way when more is asked for.
                body.answer.note_sent(sent);
                body.parts.pop_front()
            });
            match next {
                Some(Some(part)) => {
                    let length = part.len();
                    Some((Ok(part), Some((body, length))))
                }
                Some(None) => None,
                None => Some((Err(ApiError::timeout()), None)),
            }
        });
        reply.body(SizedStream::new(length as u64, Box::pin(parts)))
    }

    /// Puts the part that is full to the others.
    fn end_part(&mut self) -> io::Result<()> {
        let part = mem::replace(&mut self.part, Vec::with_capacity(PART));
        match self.answer.write(part.len()) {
            Ok(()) => {
                self.parts.push_back(part.into());
                Ok(())
            }
            Err(refused) => {
                self.refused = Some(refused);
                Err(io::Error::from(io::ErrorKind::OutOfMemory))
            }
        }
    }
}

/// Something that is dropped when a time is over, whoever holds this.
struct Expiring<T> {
    thing: Arc<Mutex<Option<T>>>,
    timer: JoinHandle<()>,
}

impl<T: 'static> Expiring<T> {
    fn new(thing: T, time: impl Future<Output = ()> + 'static) -> Self {
        let thing = Arc::new(Mutex::new(Some(thing)));
        let expiring = Arc::clone(&thing);
        let timer = rt::spawn(async move {
            time.await;
            drop(lock(&expiring).take());
        });
        Self { thing, timer }
    }

    /// Does something with it, if it is still there.
    fn with<U>(&self, work: impl FnOnce(&mut T) -> U) -> Option<U> {
        lock(&self.thing).as_mut().map(work)
    }
}

impl<T> Drop for Expiring<T> {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

fn lock<T>(thing: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    thing.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART {
            self.end_part()?;
        }
        let fitting = bytes.len().min(PART - self.part.len());
        let (fitting, _later) = bytes.split_at(fitting);
        self.part.extend_from_slice(fitting);
        self.length += fitting.len();
        Ok(fitting.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[actix_web::test]
    async fn what_nobody_reads_is_gone_when_its_time_is_over() {
        let (end, over) = oneshot::channel();
        let kept = Arc::new(());
        let expiring = Expiring::new(Arc::clone(&kept), async { over.await.unwrap() });
        tokio::task::yield_now().await;
        assert!(expiring.with(|_| ()).is_some());
        assert_eq!(Arc::strong_count(&kept), 2);
        end.send(()).unwrap();
        tokio::task::yield_now().await;
        assert!(expiring.with(|_| ()).is_none());
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[actix_web::test]
    async fn what_was_read_is_gone_at_once() {
        let kept = Arc::new(());
        let expiring = Expiring::new(Arc::clone(&kept), std::future::pending());
        tokio::task::yield_now().await;
        drop(expiring);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
