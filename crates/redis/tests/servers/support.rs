//! Real servers of a test's own, and what a test listens to.

use std::{
    cell::RefCell,
    io::Write,
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
    sync::Once,
    time::Duration,
};

use paneld_base::Clock;
use paneld_redis::{KeyPrefix, Redis, RedisState, Script};
use tempfile::TempDir;

/// How long anything may take before a test fails. It is generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// A program on a port of the loopback interface. It is killed when this is dropped.
pub(crate) struct Server {
    folder: TempDir,
    arguments: Vec<String>,
    child: Child,
    port: u16,
}

impl Server {
    /// A Redis that keeps nothing on disk, with these options too.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let own = format!("--port {port} --bind 127.0.0.1 --appendonly no --save");
        let own = own.split(' ').chain([""]).chain(options.iter().copied());
        Self::run(folder, own.map(str::to_owned).collect(), port).await
    }

    /// A Sentinel with this configuration beside its port.
    pub(crate) async fn start_sentinel(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        let text = format!("port {port}\nbind 127.0.0.1\n{configuration}");
        std::fs::write(&file, text).unwrap();
        let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        Self::run(folder, arguments, port).await
    }

    async fn run(folder: TempDir, arguments: Vec<String>, port: u16) -> Self {
        let child = spawn(&folder, &arguments);
        let server = Self {
            folder,
            arguments,
            child,
            port,
        };
        server.wait_until_it_answers().await;
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(&self.folder, &self.arguments);
        self.wait_until_it_answers().await;
    }

    /// Makes it hang, with its connections open.
    pub(crate) fn hang(&self) {
        self.signal("STOP");
    }

    /// Lets it go on after it hung.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// What `redis-cli` prints for a command.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let printed = redis_cli(&[&["-p", &port], arguments].concat());
        String::from_utf8(printed.stdout).unwrap().trim().to_owned()
    }

    async fn wait_until_it_answers(&self) {
        eventually("an answer of Redis", || self.cli(&["PING"]) == "PONG").await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &TempDir, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.spawn().expect("redis-server is needed on the path")
}

pub(crate) fn redis_cli(arguments: &[&str]) -> Output {
    let run = Command::new("redis-cli").args(arguments).output();
    run.expect("redis-cli is needed on the path")
}

/// Taken by the kernel and given back at once.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits for something that other processes bring about.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Clock::system();
    let start = clock.elapsed();
    while !is_so() {
        assert!(
            clock.elapsed() - start < DEADLINE,
            "waited for {what} in vain"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

pub(crate) async fn wait_until(redis: &Redis, state: RedisState) {
    eventually(&format!("{state:?}"), || redis.state() == state).await;
}

pub(crate) async fn connect(url: &str) -> Redis {
    Redis::connect(url.parse().unwrap(), prefix()).await
}

pub(crate) fn prefix() -> KeyPrefix {
    "test:".parse().unwrap()
}

/// Counts the calls with a key, which expires.
pub(crate) fn counter() -> Script {
    Script::new(
        "local count = redis.call('INCR', KEYS[1])
         redis.call('PEXPIRE', KEYS[1], ARGV[1])
         return {count}",
    )
}

pub(crate) async fn count(redis: &Redis, key: &str) -> Option<u64> {
    let counted = redis
        .run(&counter(), &[format!("test:{key}")], &[60_000])
        .await;
    counted.ok().map(|reply| reply[0])
}

thread_local! {
    static LINES: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The log of everything on this thread, which is the whole of a test: its runtime has no other.
pub(crate) struct Log;

impl Log {
    /// Begins to listen. One subscriber serves all tests: several at once would now and then
    /// miss the first line of a place in the code.
    pub(crate) fn start() -> Self {
        static START: Once = Once::new();
        START.call_once(|| {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_max_level(tracing::Level::INFO)
                .with_writer(|| Log)
                .init();
        });
        Self
    }

    pub(crate) fn text(&self) -> String {
        LINES.with_borrow(String::clone)
    }

    /// Demands exactly these messages, in this order.
    pub(crate) fn assert_messages(&self, expected: &[&str]) {
        let text = self.text();
        let text = text.lines().filter(|line| line.contains("paneld_redis"));
        let lines = text.collect::<Vec<_>>();
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.contains(expected), "{expected:?} is not in {line}");
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.push_str(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
