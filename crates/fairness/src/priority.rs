//! Threads of which others go first.

/// Lets the threads of others go first, from now on and for as long as this thread lives: a program
/// may lower a priority, but not raise it again. Where nothing else wants a processor, the thread
/// is as fast as before. Threads that it makes are like it.
///
/// It has an effect on Linux only, where threads have priorities of their own.
pub fn give_way() {
    Thread::current().give_way();
}

/// A thread of this process.
#[derive(Debug, Clone, Copy)]
pub struct Thread(#[cfg(target_os = "linux")] rustix::thread::Pid);

#[cfg(target_os = "linux")]
impl Thread {
    /// How nice one is that gives way: it gets a ninth of what an ordinary one gets beside it.
    const NICE: i32 = 10;

    /// The one that calls this.
    pub fn current() -> Self {
        Self(rustix::thread::gettid())
    }

    /// As [`give_way`] does it, for a thread that is known to live.
    pub fn give_way(self) {
        // Nothing forbids that; and if it were forbidden, things would go on as before.
        let _forbidden = rustix::process::setpriority_process(Some(self.0), Self::NICE);
    }
}

#[cfg(not(target_os = "linux"))]
impl Thread {
    /// The one that calls this.
    pub fn current() -> Self {
        Self()
    }

    /// As [`give_way`] does it, for a thread that is known to live.
    pub fn give_way(self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn niceness() -> Option<i32> {
        rustix::process::getpriority_process(None).ok()
    }

    #[test]
    fn a_thread_and_those_it_makes_give_way_and_no_others() {
        let before = niceness();
        let inside = std::thread::spawn(|| {
            give_way();
            let made = std::thread::spawn(niceness).join().unwrap();
            [niceness(), made]
        });
        assert_eq!(inside.join().unwrap(), [Some(10), Some(10)]);
        assert_eq!(niceness(), before);
    }

    #[test]
    fn another_thread_can_be_told() {
        let (tell, told) = std::sync::mpsc::channel();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(Thread::current()).unwrap();
            wait.recv().unwrap();
            niceness()
        });
        told.recv().unwrap().give_way();
        go_on.send(()).unwrap();
        assert_eq!(thread.join().unwrap(), Some(10));
    }
}
