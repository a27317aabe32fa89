//! The siege: strangers and a bad neighbour do to a server what they can, while an organization
//! beside them uses it as usual, and must not notice.
//!
//! First the same load goes to the floor, a server that does as little as one can, while the victim
//! uses paneld: what its requests take then is due to the machine and to the attackers' own work.
//! Then paneld is attacked: in each way in turn, and in all ways at once. The siege knows nothing of
//! the server but its API.

mod attacks;
mod server;
mod verdict;
mod victim;

use std::{path::PathBuf, sync::atomic::Ordering, thread, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    runtime,
    sync::oneshot,
    task::JoinSet,
    time::{Instant, sleep_until},
};

pub use crate::verdict::{Finding, Verdict};
use crate::{
    attacks::{ALL, Attacker},
    server::{House, Server},
    verdict::Observed,
    victim::Diary,
};

/// How often the server's memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// paneld's executable.
    pub program: PathBuf,
    /// The floor's. Without it nothing is said of how long answers take.
    pub floor: Option<PathBuf>,
    /// How long each attack is made alone; not at all when this is 0.
    pub each: Duration,
    /// How long all attacks are made at once; half as long on the floor.
    pub all: Duration,
}

/// Lays siege to a server, and tells what its neighbour noticed.
///
/// # Errors
/// When a server cannot be started or asked.
pub async fn run(options: &Options) -> Result<Verdict> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let program = std::path::absolute(&options.program)?;
    let server = Server::start_paneld(&program, folder.path()).await?;
    let (victim, attacker) = server.furnish().await?;
    let calm = match &options.floor {
        Some(floor) => {
            let floor = Server::start_floor(&std::path::absolute(floor)?, folder.path()).await?;
            let attacker = Attacker::new(floor.address, &attacker, &victim)?;
            let time = options.all / 2;
            let attacks = attack(&attacker, Duration::ZERO, time);
            let (diary, ()) = tokio::join!(live(&server, &victim, time), attacks);
            Some(diary?)
        }
        None => None,
    };
    let disk = server.disk_bytes()?;
    let attacker = Attacker::new(server.address, &attacker, &victim)?;
    let alone = options.each * u32::try_from(ALL.len())?;
    let time = alone + options.all;
    let (diary, (), memory) = tokio::join!(
        live(&server, &victim, time),
        attack(&attacker, options.each, options.all),
        watch(&server, Instant::now() + time),
    );
    let diary = diary?;
    let sessions = victim::compare([Some(&diary), calm.as_ref()], &server, &victim).await;
    let sent = attacker.tally.sent.load(Ordering::Relaxed);
    let answers = attacker.tally.answers.each_ref();
    let observed = Observed {
        sessions: sessions.err().map(|error| format!("{error:#}")),
        disk: server.disk_bytes()?.saturating_sub(disk),
        sent: sent + diary.sent(),
        answers: answers.map(|count| count.load(Ordering::Relaxed)),
        memory: memory?,
        diary,
        calm,
    };
    Ok(Verdict::of(&observed))
}

/// The victim's use of a server for so long, on a thread of its own: attackers that prepare a
/// megabyte must not keep it from looking at its answers.
async fn live(server: &Server, victim: &House, time: Duration) -> Result<Diary> {
    let (tell, told) = oneshot::channel();
    let (url, victim) = (server.url(""), victim.clone());
    thread::Builder::new().spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let lived = runtime.map_err(anyhow::Error::from);
        let lived = lived.and_then(|runtime| runtime.block_on(victim::live(url, victim, time)));
        // Nobody waits when the siege was given up.
        let _nobody_waits = tell.send(lived);
    })?;
    told.await.context("the victim panicked")?
}

/// Each attack in turn, and then all of them.
async fn attack(attacker: &Attacker, each: Duration, all: Duration) {
    if !each.is_zero() {
        for attack in ALL {
            let until = Instant::now() + each;
            attacker.clone().attack(attack, until).await;
        }
    }
    let until = Instant::now() + all;
    let attacks = ALL.map(|attack| attacker.clone().attack(attack, until));
    let attacks = attacks.into_iter();
    attacks.collect::<JoinSet<_>>().join_all().await;
}

/// The most memory that was resident until then, in MiB.
async fn watch(server: &Server, until: Instant) -> Result<u64> {
    let mut most = 0;
    while Instant::now() < until {
        most = most.max(server.resident_mib()?);
        sleep_until(Instant::now() + LOOK).await;
    }
    Ok(most)
}
