//! Starting the executable, reading what it says, and ending it.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use paneld_domain::Clock;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value as Json;
use tempfile::TempDir;

/// How long anything may take before a test fails. It is generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const ROOT_ID: &str = "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9";
pub(crate) const ROOT_SECRET: &str = "an-imported-secret-0123456789";

/// A folder for one test, with the data folder `data` inside once it is made.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The executable with nothing in its environment but where to listen and keep data.
    pub(crate) fn paneld(&self) -> Launch {
        self.bare()
            .with("LISTEN", "127.0.0.1:0")
            .with("DATA_DIR", &self.data_dir().display().to_string())
    }

    /// The same, with a root client of known credentials and no limit in the way.
    pub(crate) fn bootstrapped(&self) -> Launch {
        self.paneld()
            .with("BOOTSTRAP_ORGANIZATION", "Acme")
            .with("BOOTSTRAP_CLIENT_ID", ROOT_ID)
            .with("BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET)
            .with("RATE_LIMIT_MANAGE", "off")
            .with("RATE_LIMIT_AUTH_FAILURES", "off")
    }

    /// The executable with an empty environment.
    pub(crate) fn bare(&self) -> Launch {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paneld"));
        command.env_clear().current_dir(self.path());
        Launch { command }
    }

    /// Writes a file into the folder, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// A process to start.
pub(crate) struct Launch {
    command: Command,
}

impl Launch {
    /// Another program in an emptied environment.
    pub(crate) fn program(name: &str) -> Self {
        let mut command = Command::new(name);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        Self { command }
    }

    /// With this setting, named as in the environment without `PANELD_`.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(format!("PANELD_{name}"), value);
        self
    }

    /// Trusting who shows the certificate in this file, and nobody else.
    pub(crate) fn trusting(mut self, certificate: &str) -> Self {
        self.command.env("SSL_CERT_FILE", certificate);
        self
    }

    /// With these arguments, cut at the blanks.
    pub(crate) fn args(mut self, args: &str) -> Self {
        self.command.args(args.split_whitespace());
        self
    }

    /// With this one argument.
    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn spawn(mut self) -> Running {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let said = Arc::new(Said::default());
        listen_to(child.stdout.take().unwrap(), &said, |said| &mut said.stdout);
        listen_to(child.stderr.take().unwrap(), &said, |said| &mut said.stderr);
        Running { child, said }
    }

    /// Starts the server, and waits until it listens.
    pub(crate) fn serve(self) -> Server {
        Server::of(self.spawn())
    }

    /// Runs a command to its end.
    pub(crate) fn run(self) -> Ended {
        self.spawn().wait_for_end()
    }
}

#[derive(Default)]
struct Said {
    now: Mutex<Streams>,
    changed: Condvar,
}

#[derive(Default, Clone)]
struct Streams {
    stdout: String,
    stderr: String,
    ended: usize,
}

impl Said {
    /// Waits until `look` finds something.
    fn wait_for<T>(&self, what: &str, look: impl Fn(&Streams) -> Option<T>) -> T {
        let now = self.now.lock().unwrap();
        let mut found = None;
        let (now, _) = self
            .changed
            .wait_timeout_while(now, DEADLINE, |streams| {
                found = look(streams);
                found.is_none()
            })
            .unwrap();
        found.unwrap_or_else(|| {
            let (out, err) = (now.stdout.as_str(), now.stderr.as_str());
            panic!("waited for {what} in vain\n--- stdout\n{out}\n--- stderr\n{err}")
        })
    }
}

fn listen_to(
    stream: impl Read + Send + 'static,
    said: &Arc<Said>,
    which: fn(&mut Streams) -> &mut String,
) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        // A terminal that is gone ends with an error.
        while stream.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            let mut now = said.now.lock().unwrap();
            which(&mut now).push_str(&String::from_utf8_lossy(&line));
            said.changed.notify_all();
            line.clear();
        }
        said.now.lock().unwrap().ended += 1;
        said.changed.notify_all();
    });
}

/// A process that runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    said: Arc<Said>,
}

impl Running {
    /// Waits for the first line of the log, on either stream, with this message.
    pub(crate) fn wait_for_log(&self, message: &str) -> Json {
        self.said
            .wait_for(&format!("{message:?} in the log"), |streams| {
                let lines = log_lines(&streams.stderr).chain(log_lines(&streams.stdout));
                let found = lines
                    .filter(|line| line["message"] == message)
                    .collect::<Vec<_>>();
                // Ends the waiting when there is nothing to wait for.
                assert!(
                    !found.is_empty() || streams.ended < 2,
                    "ended without {message:?} in the log\n{}{}",
                    streams.stdout,
                    streams.stderr
                );
                found.into_iter().next()
            })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn wait_for_end(mut self) -> Ended {
        let streams = self.said.wait_for("the end", |streams| {
            (streams.ended == 2).then(|| streams.clone())
        });
        let status = self.child.wait().unwrap();
        Ended {
            code: status.code(),
            stdout: streams.stdout,
            stderr: streams.stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Waits until a process listens.
    pub(crate) fn of(process: Running) -> Self {
        let line = process.wait_for_log("listening");
        let address = line["address"].as_str().unwrap().parse().unwrap();
        Self { process, address }
    }

    /// Stops the server as an orchestrator does, and demands that it ends well.
    pub(crate) fn stop(self) -> Ended {
        self.process.signal("TERM");
        let ended = self.process.wait_for_end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// A caller with the credentials of [`Place::bootstrapped`].
    pub(crate) fn root(&self) -> Caller {
        self.caller(ROOT_ID, ROOT_SECRET)
    }

    pub(crate) fn caller(&self, id: &str, secret: &str) -> Caller {
        Caller {
            http: reqwest::Client::builder()
                .timeout(DEADLINE)
                .build()
                .unwrap(),
            url: format!("http://{}", self.address),
            headers: vec![
                ("openpanel-client-id".to_owned(), id.to_owned()),
                ("openpanel-client-secret".to_owned(), secret.to_owned()),
            ],
        }
    }

    /// A caller with only these headers.
    pub(crate) fn caller_with(&self, headers: &[(&str, &str)]) -> Caller {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Caller {
            headers: headers.iter().map(own).collect(),
            ..self.caller("", "")
        }
    }
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Demands that it ended well, and returns what it printed.
    pub(crate) fn output(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// The same, as JSON.
    pub(crate) fn json(self) -> Json {
        serde_json::from_str(&self.output()).unwrap()
    }

    /// Demands that it ended with this code, printed nothing, and said all of this.
    pub(crate) fn assert_refused(&self, code: i32, sentences: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        for sentence in sentences {
            assert!(
                self.stderr.contains(sentence),
                "{sentence:?} is not in:\n{}",
                self.stderr
            );
        }
    }

    /// The lines of the log with this level.
    pub(crate) fn log(&self, level: &str) -> Vec<Json> {
        let lines = log_lines(&self.stderr);
        lines.filter(|line| line["level"] == level).collect()
    }
}

fn log_lines(text: &str) -> impl Iterator<Item = Json> {
    // Lines that are something else are for people.
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
}

/// Who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
    headers: Vec<(String, String)>,
}

impl Caller {
    /// The same caller, whose requests also have this header.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Reply {
        let body = body.to_string();
        self.call(Method::POST, path, Some(body)).await.unwrap()
    }

    pub(crate) async fn patch(&self, path: &str, body: Json) -> Reply {
        let body = body.to_string();
        self.call(Method::PATCH, path, Some(body)).await.unwrap()
    }

    /// Posts, and returns `data` of the reply, which must be good.
    pub(crate) async fn create(&self, path: &str, body: Json) -> Json {
        let reply = self.post(path, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["data"].clone()
    }

    /// Calls with this text as a JSON body.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let mut response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_stream = headers
            .get("content-type")
            .is_some_and(|media_type| media_type == "text/event-stream");
        let text = if is_stream {
            // It ends after ten minutes.
            let first = response.chunk().await?.unwrap_or_default();
            String::from_utf8_lossy(&first).into_owned()
        } else {
            response.text().await?
        };
        Ok(Reply {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Json::Null),
            text,
        })
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, when it is JSON, else null.
    pub(crate) body: Json,
    pub(crate) text: String,
}

/// The status of a request that looks into the catalog.
pub(crate) async fn status(caller: &Caller) -> u16 {
    caller.get("/manage/projects").await.status.as_u16()
}

/// Waits until a server says this of itself, and returns what it says of its backends.
pub(crate) async fn wait_until(server: &Server, expected: &str) -> Json {
    let clock = Clock::system();
    let start = clock.elapsed();
    loop {
        let readiness = server.caller_with(&[]).get("/healthz/ready").await;
        if readiness.body["status"] == expected {
            assert_eq!(readiness.status == 503, expected == "unavailable");
            return readiness.body["backends"].clone();
        }
        let waited = clock.elapsed() - start;
        assert!(waited < Duration::from_secs(30), "{}", readiness.text);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a caller is refused, and demands that it took less than that.
pub(crate) async fn assert_refused_within(limit: Duration, caller: &Caller) {
    let clock = Clock::system();
    let start = clock.elapsed();
    while status(caller).await != 401 {
        assert!(clock.elapsed() - start < limit);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
