//! The servers: started, prepared, watched and in any case ended.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value as Json, json};
use tokio::{net::TcpListener, time::sleep};

/// Credentials of a throwaway server.
const ROOT_ID: &str = "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41";
const ROOT_SECRET: &str = "siege-only-not-a-secret";
/// A client that was imported, and what another server stored of its secret.
const IMPORTED_ID: &str = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
const IMPORTED_HASH: &str = "00112233445566778899aabbccddeeff\
     .a1b61a14d7c3d8c933d607a316faf4eecd741472db2d77eb18ffde6b69c23fac";
/// How long a start may take, and an answer.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Where the victim's events go, and the attacker's.
pub(crate) const VICTIM: &str = "victim";
pub(crate) const ATTACKER: &str = "attacker";
/// The pages of both, which may track without a secret.
pub(crate) const ORIGIN: &str = "https://shop.example";

/// The id and secret of a client.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Credentials {
    fn of(made: &Json) -> Result<Self> {
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        let (id, secret) = (text("id"), text("secret"));
        let (id, secret) = id
            .zip(secret)
            .with_context(|| format!("no client: {made}"))?;
        Ok(Self { id, secret })
    }
}

/// What an organization has.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) root: Credentials,
    /// Its id is in its pages.
    pub(crate) write: Credentials,
    pub(crate) read: Credentials,
    /// Whose secret takes long to check.
    pub(crate) imported: Option<String>,
}

/// A program that runs on a port of its own. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    program: PathBuf,
    data: PathBuf,
}

impl Server {
    /// Starts paneld on default settings but for where it is.
    pub(crate) async fn start_paneld(program: &Path, folder: &Path) -> Result<Self> {
        let variables = [
            ("PANELD_BOOTSTRAP_CLIENT_ID", ROOT_ID),
            ("PANELD_BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET),
        ];
        let server = Self::start(program, folder, "PANELD_LISTEN", &variables).await?;
        server.wait_until_it_answers("/healthz/ready").await?;
        Ok(server)
    }

    /// Starts the floor: the least that a server does.
    pub(crate) async fn start_floor(program: &Path, folder: &Path) -> Result<Self> {
        let server = Self::start(program, folder, "BARE_LISTEN", &[]).await?;
        server.wait_until_it_answers("/").await?;
        Ok(server)
    }

    async fn start(
        program: &Path,
        folder: &Path,
        listen: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let data = folder.join("data");
        let log = fs::File::create(folder.join(format!("{listen}.log")))?;
        let child = Command::new(program)
            .current_dir(folder)
            .env_clear()
            .env(listen, address.to_string())
            .env("PANELD_DATA_DIR", &data)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        Ok(Self {
            child,
            address,
            program: program.to_owned(),
            data,
        })
    }

    async fn wait_until_it_answers(&self, path: &str) -> Result<()> {
        let http = reqwest::Client::new();
        let url = self.url(path);
        let asking = async {
            while !matches!(http.get(&url).send().await, Ok(reply) if reply.status() == 200) {
                sleep(LOOK_AGAIN).await;
            }
        };
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        answered.with_context(|| format!("{} does not start", self.program.display()))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes the victim and the attacker, organizations of their own.
    pub(crate) async fn furnish(&self) -> Result<(House, House)> {
        let root = Credentials {
            id: ROOT_ID.to_owned(),
            secret: ROOT_SECRET.to_owned(),
        };
        let victim = self.house(VICTIM, root).await?;
        let made = self.admin(&["organizations", "create", "--name", "Attacker"])?;
        let organization = made["id"].as_str().context("no organization was made")?;
        let of = ["--organization", organization];
        let client = ["clients", "create", "--name", "Root", "--type", "root"];
        let root = Credentials::of(&self.admin(&[&client[..], &of].concat())?)?;
        let mut attacker = self.house(ATTACKER, root).await?;
        let hash = self.data.with_file_name("hash");
        fs::write(&hash, IMPORTED_HASH)?;
        let hash = hash
            .to_str()
            .context("the temporary folder has an odd name")?;
        let import = [
            "clients",
            "import",
            "--id",
            IMPORTED_ID,
            "--name",
            "Old",
            "--type",
            "write",
            "--project",
            ATTACKER,
            "--hash-file",
            hash,
        ];
        self.admin(&[&import[..], &of].concat())?;
        attacker.imported = Some(IMPORTED_ID.to_owned());
        Ok((victim, attacker))
    }

    async fn house(&self, project: &'static str, root: Credentials) -> Result<House> {
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let make = async |path: &str, body: Json| {
            let request = http.post(self.url(path)).json(&body);
            let request = request.basic_auth(&root.id, Some(&root.secret));
            let reply = request.send().await?;
            let (status, text) = (reply.status(), reply.text().await?);
            ensure!(
                status == 200,
                "POST {path} is answered with {status}: {text}"
            );
            anyhow::Ok(serde_json::from_str::<Json>(&text)?["data"].clone())
        };
        let body = json!({"name": project, "cors": [ORIGIN]});
        let made = make("/manage/projects", body).await?;
        let body = json!({"name": "Reader", "type": "read", "projectId": project});
        let read = make("/manage/clients", body).await?;
        Ok(House {
            write: Credentials::of(&made["client"])?,
            read: Credentials::of(&read)?,
            imported: None,
            root,
        })
    }

    /// Runs `paneld admin …` beside the server.
    fn admin(&self, arguments: &[&str]) -> Result<Json> {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.program)
            .env_clear()
            .env("PANELD_DATA_DIR", &self.data)
            .arg("admin")
            .args(arguments)
            .arg("--json")
            .output()?;
        if !status.success() {
            bail!("paneld admin fails: {}", String::from_utf8_lossy(&stderr));
        }
        Ok(serde_json::from_slice(&stdout)?)
    }

    /// How much memory is resident, in MiB.
    pub(crate) fn resident_mib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib = kib.context("the server is gone")?.parse::<u64>()?;
        Ok(kib / 1024)
    }

    /// How many bytes are in its data folder.
    pub(crate) fn disk_bytes(&self) -> Result<u64> {
        Ok(size_of(&self.data)?)
    }
}

fn size_of(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A file that is removed meanwhile has no size.
        let Ok(found) = entry.metadata() else {
            continue;
        };
        sum += match found.is_dir() {
            true => size_of(&entry.path())?,
            false => found.len(),
        };
    }
    Ok(sum)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
