//! Threads of their own for questions: the priority of a thread can only be lowered, so no question
//! has one that served another.

use std::thread;

use tokio::{
    runtime::Handle,
    sync::oneshot::{self, error::RecvError},
};

/// What a thread did; nothing, when it panicked or could not be made.
pub(crate) type Ended<T> = Result<T, RecvError>;

/// Works on a thread that ends with the work, and where the runtime of the caller is known. Whoever
/// drops the receiver leaves the work to itself.
pub(crate) fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> oneshot::Receiver<T> {
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
    receiver
}
