//! Work that is brought to an end, though whoever waits for it goes away.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Does work where it is awaited, which is cheaper than on a task of its own; and goes on with it on
/// one when it is dropped in the middle.
pub(crate) fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> {
    ToTheEnd {
        // In a box, for it is some thousand bytes long and would be moved several times.
        work: Some(Box::pin(work)),
        is_begun: false,
    }
}

struct ToTheEnd<T: Send + 'static> {
    /// None once it has ended.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    is_begun: bool,
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.is_begun = true;
        // What panics is not kept, and so not polled again.
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take().filter(|_| self.is_begun)
            // There is none when the process ends.
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_goes_on() {
        let (go_on, wait) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut work = Box::pin(to_the_end(async move {
            wait.await.unwrap();
            tell.send("it was done").unwrap();
        }));
        tokio::select! {
            biased;
            () = &mut work => panic!("it waits for nothing"),
            () = async {} => {}
        }
        drop(work);
        go_on.send(()).unwrap();
        assert_eq!(told.await, Ok("it was done"));
    }

    #[tokio::test]
    async fn it_answers_whoever_waits_and_is_not_begun_for_nobody() {
        assert_eq!(to_the_end(async { 7 }).await, 7);
        let (tell, told) = oneshot::channel();
        drop(to_the_end(async move { tell.send(()).unwrap() }));
        assert!(told.await.is_err());
    }
}
