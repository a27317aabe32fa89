//! Takes tokens through Redis as fast as it decides: `decisions URL CALLERS SECONDS`.
//!
//! Callers are on threads of their own, each with a runtime of one thread, as those of actix
//! are; the connection is on the main runtime, as in the server. Prints one line of JSON, for
//! `cargo xtask bench ratelimit`.

#![expect(
    clippy::print_stdout,
    reason = "a program that is measured tells its numbers"
)]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use paneld_ratelimit::{BucketKey, Clock, LimitGroup, Limiter, Rate, Redis, RedisDown};

/// How many clients take turns.
const CLIENTS: u64 = 10_000;
/// The limiter does its work for each request, but never says no.
const RATE: Rate = Rate::of(100_000_000, 10);
const MANAGE: LimitGroup = LimitGroup::new("manage");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [url, callers, seconds] = arguments.as_slice() else {
        return Err("usage: decisions URL CALLERS SECONDS".into());
    };
    let callers = callers.parse::<u64>()?;
    let time = Duration::from_secs(seconds.parse()?);
    let threads = std::thread::available_parallelism()?.get() as u64;

    let clock = Clock::system();
    let redis = Redis::connect(url.parse()?, "paneld:".parse()?).await;
    let limiter = Arc::new(Limiter::shared(redis, RedisDown::Closed, clock.clone()));
    let (made, is_over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let started = clock.elapsed();
    let workers = (0..threads).map(|thread| {
        let (limiter, made) = (Arc::clone(&limiter), Arc::clone(&made));
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let share = (thread..callers).step_by(usize::try_from(threads).unwrap_or(1));
            let tasks = share.map(|caller| {
                let (limiter, is_over) = (Arc::clone(&limiter), Arc::clone(&is_over));
                runtime.spawn(async move { call(&limiter, caller, &is_over).await })
            });
            for task in tasks.collect::<Vec<_>>() {
                made.fetch_add(runtime.block_on(task)?, Ordering::Relaxed);
            }
            std::io::Result::Ok(())
        })
    });
    let workers = workers.collect::<Vec<_>>();
    tokio::time::sleep(time).await;
    is_over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().map_err(|_panic| "a worker panicked")??;
    }
    let (made, duration) = (made.load(Ordering::Relaxed), clock.elapsed() - started);
    println!(
        "{{\"decisions\":{made},\"duration_us\":{}}}",
        duration.as_micros()
    );
    Ok(())
}

/// Takes tokens, one client's after another's, and counts them.
async fn call(limiter: &Limiter, caller: u64, is_over: &AtomicBool) -> u64 {
    let mut made = 0;
    while !is_over.load(Ordering::Relaxed) {
        let number = (caller * 7_919 + made) % CLIENTS;
        let key = BucketKey::id(MANAGE, number);
        match limiter.check(key, RATE, 1).await {
            Ok(Some(verdict)) if verdict.is_allowed() => made += 1,
            // Redis went away: the numbers would be those of nothing.
            _ => return 0,
        }
    }
    made
}
