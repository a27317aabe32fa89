//! The server: started, asked, and killed.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value as Json, json};

/// Credentials of a throwaway server.
const ROOT_ID: &str = "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41";
const ROOT_SECRET: &str = "crash-test-only-not-a-secret";
/// So few that sessions end all the time.
const SESSIONS: &str = "48";
/// How long a start may take, with all that waits to be replayed.
const START_TIME: Duration = Duration::from_secs(60);
/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// The project that everything is tracked for.
pub(crate) const PROJECT: &str = "crash";

/// The id and secret of a client that may track.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A server that runs. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: mpsc::Receiver<String>,
    url: String,
    complaints: Arc<Mutex<Vec<String>>>,
    http: reqwest::Client,
}

impl Server {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let mut server = Self::spawn(program, folder)?;
        let address = server.address.recv_timeout(START_TIME);
        let address = address.with_context(|| {
            let said = server.complaints().join("\n");
            format!("the server does not start; it says:\n{said}")
        })?;
        server.url = format!("http://{address}");
        Ok(server)
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn spawn(program: &Path, folder: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PANELD_LISTEN", "127.0.0.1:0")
            .env("PANELD_DATA_DIR", folder.join("data"))
            .env("PANELD_BOOTSTRAP_CLIENT_ID", ROOT_ID)
            .env("PANELD_BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET)
            .env("PANELD_SESSIONS_LIMIT", SESSIONS)
            .env("PANELD_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        for group in ["MANAGE", "EXPORT", "INSIGHTS", "TRACK", "TRACK_VISITOR"] {
            command.env(format!("PANELD_RATE_LIMIT_{group}"), "off");
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let log = child.stderr.take().context("the log is not there")?;
        let complaints = Arc::default();
        let (told, address) = mpsc::channel();
        let heard = Arc::clone(&complaints);
        std::thread::spawn(move || listen(log, &told, &heard));
        let http = reqwest::Client::builder().timeout(ANSWER_TIME).build()?;
        Ok(Self {
            child,
            address,
            url: String::new(),
            complaints,
            http,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// What it said that it should not have to say.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complaints = self.complaints.lock();
        complaints.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it without any warning, and demands that nothing went wrong before.
    pub(crate) fn kill(&mut self) -> Result<()> {
        ensure!(
            self.child.try_wait()?.is_none(),
            "the server ended by itself; it says:\n{}",
            self.complaints().join("\n")
        );
        self.child.kill()?;
        self.child.wait()?;
        let complaints = self.complaints();
        ensure!(
            complaints.is_empty(),
            "the server complains:\n{}",
            complaints.join("\n")
        );
        Ok(())
    }

    /// Makes the project, and returns the client that comes with it.
    pub(crate) async fn make_project(&self) -> Result<Credentials> {
        let request = self.http.post(format!("{}/manage/projects", self.url));
        let reply = self.send(request.json(&json!({"name": PROJECT}))).await?;
        let client = &reply["data"]["client"];
        let text = |name: &str| client[name].as_str().map(str::to_owned);
        Ok(Credentials {
            id: text("id").context("the project has no client")?,
            secret: text("secret").context("the client has no secret")?,
        })
    }

    /// Asks for something that is there.
    pub(crate) async fn get(&self, path: &str) -> Result<Json> {
        self.send(self.http.get(format!("{}{path}", self.url)))
            .await
            .with_context(|| format!("GET {path}"))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Json> {
        let request = request
            .header("openpanel-client-id", ROOT_ID)
            .header("openpanel-client-secret", ROOT_SECRET);
        let reply = request.send().await?;
        let status = reply.status();
        let text = reply.text().await?;
        if !status.is_success() {
            bail!("answered with {status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log until its end.
fn listen(log: impl Read, told: &mpsc::Sender<String>, complaints: &Mutex<Vec<String>>) {
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        let entry = serde_json::from_str::<Json>(&line).unwrap_or_default();
        if entry["message"] == "listening"
            && let Some(address) = entry["address"].as_str()
        {
            // Nobody waits for that of a server which is killed while it starts.
            let _ = told.send(address.to_owned());
        }
        if entry["level"] == "ERROR" || entry.is_null() {
            let mut complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
            complaints.push(line);
        }
    }
}
