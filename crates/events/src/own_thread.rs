//! Threads of their own for questions: the priority of a thread can only be lowered, so no question
//! has one that served another.

use std::{
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use tokio::{
    runtime::Handle,
    sync::oneshot::{self, error::RecvError},
};

/// What a thread did; nothing, when it panicked or could not be made.
pub(crate) type Ended<T> = Result<T, RecvError>;

/// Work on a thread that ends with it. Whoever drops this leaves it to itself.
pub(crate) struct OwnThread<T>(oneshot::Receiver<T>);

impl<T> Future for OwnThread<T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Works on a thread of its own, where the runtime of the caller is known.
pub(crate) fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> OwnThread<T> {
    let (sender, receiver) = oneshot::channel();
    let runtime = Handle::current();
    let begun = thread::Builder::new()
        .name("question".to_owned())
        .spawn(move || {
            let _known = runtime.enter();
            // Nobody may wait for it any more.
            let _nobody_waits = sender.send(work());
        });
    if let Err(why) = begun {
        tracing::error!(error = %why, "no thread could be made for a question");
    }
    OwnThread(receiver)
}
