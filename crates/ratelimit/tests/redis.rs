//! Buckets in Redis against the pure arithmetic: random histories, to the last bit.
//!
//! Time passes in Redis alone, so a history is replayed at the times that the script tells, and
//! jumps by changing what is kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use paneld_ratelimit::{
    BucketKey, Clock, LimitGroup, Limiter, ManualClock, Rate, RedisDown, Verdict,
};
use paneld_redis::{Redis, Script};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Runtime;

const SECOND: u64 = 1_000_000;
const MANAGE: LimitGroup = LimitGroup::new("manage");
const EXPORT: LimitGroup = LimitGroup::new("export");
const FAILURES: LimitGroup = LimitGroup::new("auth_failures").always_limited();

/// Under a prefix of its own on the Redis that tests share.
async fn connect() -> Redis {
    let url = paneld_testing::redis_url();
    let prefix = format!("test-{:016x}:", rand::random::<u64>());
    Redis::connect(url.parse().unwrap(), prefix.parse().unwrap()).await
}

/// A bucket as it is kept: what is missing, since when, and its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Kept {
    missing: u64,
    as_of: u64,
    limit: u64,
    window: u64,
}

/// Looks at a bucket: its four numbers, its time to live in milliseconds, and the time.
async fn look(redis: &Redis, key: &str) -> (Option<Kept>, u64, u64) {
    let look = Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local text = redis.call('GET', KEYS[1])
         if not text then return {now} end
         local reply = {now, redis.call('PTTL', KEYS[1])}
         for number in string.gmatch(text, '%d+') do
           reply[#reply + 1] = tonumber(number)
         end
         return reply",
    );
    let reply = redis.run(&look, &[key.to_owned()], &[]).await.unwrap();
    match *reply.as_slice() {
        [now, ttl, missing, as_of, limit, window] => {
            let kept = Kept {
                missing,
                as_of,
                limit,
                window,
            };
            (Some(kept), ttl, now)
        }
        [now] => (None, 0, now),
        _ => panic!("{reply:?}"),
    }
}

/// Lets time pass for a bucket, by making it older; without end for one that is full by then.
async fn pass(redis: &Redis, key: &str, micros: u64) {
    let pass = Script::new(
        "local text = redis.call('GET', KEYS[1])
         if not text then return {0} end
         local missing, as_of, rate = string.match(text, '^(%d+) (%d+) (.*)$')
         as_of = string.format('%.0f', as_of - ARGV[1])
         redis.call('SET', KEYS[1], missing .. ' ' .. as_of .. ' ' .. rate, 'KEEPTTL')
         return {1}",
    );
    redis
        .run(&pass, &[key.to_owned()], &[micros])
        .await
        .unwrap();
}

/// Whole rates up to the largest that there are.
fn rates() -> impl Strategy<Value = Rate> {
    let usual = (1u32..=100_000, 1u32..=86_400);
    let largest = (1u32..=u32::MAX, 1u32..=u32::MAX);
    prop_oneof![usual, largest].prop_map(|(limit, window)| {
        // The largest window that goes with the limit.
        let most = (1u64 << 53) / 1_000_000 / u64::from(limit);
        let window = u64::from(window).min(most.max(1));
        let limit = u64::from(limit).min((1 << 53) / 1_000_000 / window);
        Rate::new(limit.try_into().unwrap(), window.try_into().unwrap()).unwrap()
    })
}

#[derive(Debug, Clone)]
struct Step {
    /// Which of the rates the bucket has now.
    rate: usize,
    /// How much of the limit is asked for, in thousandths.
    share: u64,
    /// How much of the window passes before, in thousandths.
    wait: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0usize..2,
        0u64..=1_100,
        prop_oneof![Just(0u64), 0u64..=1_500],
    );
    let step = step.prop_map(|(rate, share, wait)| Step { rate, share, wait });
    prop::collection::vec(step, 1..12)
}

/// What the arithmetic of `bucket.rs` says, written down once more without any bound on the
/// size of numbers.
fn expected(kept: Option<Kept>, rate: Rate, cost: u64, now: u64) -> (u64, bool) {
    let wide = |number: u64| u128::from(number);
    let token = wide(rate.window_seconds().into()) * wide(SECOND);
    let capacity = token * wide(rate.limit().into());
    let kept = kept.unwrap_or_default();
    let refilled = wide(now.saturating_sub(kept.as_of)) * wide(kept.limit);
    let mut missing = wide(kept.missing).saturating_sub(refilled);
    let own = (kept.limit, kept.window);
    if own != (rate.limit().into(), rate.window_seconds().into()) && own != (0, 0) {
        let old = wide(kept.limit) * wide(kept.window) * wide(SECOND);
        missing = (missing * capacity).div_ceil(old);
    }
    let wanted = missing + wide(cost) * token;
    let fits = wanted <= capacity;
    let after = if fits { wanted } else { missing };
    (u64::try_from(after).unwrap(), fits)
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn the_script_does_the_arithmetic_to_the_last_bit() {
    let runtime = Runtime::new().unwrap();
    let redis = runtime.block_on(connect());
    let limiter = Limiter::shared(redis.clone(), RedisDown::Closed, Clock::system());
    let history = ([rates(), rates()], steps());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let run = |(rates, steps): ([Rate; 2], Vec<Step>)| {
        let client = rand::random::<u128>();
        runtime.block_on(replay(&redis, &limiter, client, rates, &steps))
    };
    runner.run(&history, run).unwrap();
}

async fn replay(
    redis: &Redis,
    limiter: &Limiter,
    client: u128,
    rates: [Rate; 2],
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let key = BucketKey::id(MANAGE, client);
    let name = format!("{}limit:{{{client:032x}}}:manage", redis.prefix());
    for step in steps {
        let rate = rates[step.rate];
        let wait = u64::from(rate.window_seconds()) * step.wait * (SECOND / 1_000);
        // The time that is kept stays a time: a few decades are enough to fill any bucket.
        pass(redis, &name, wait.min(1 << 50)).await;
        let cost = u64::from(rate.limit()) * step.share / 1_000;
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let (before, ..) = look(redis, &name).await;

        let verdict = limiter.check(key, rate, cost).await.unwrap().unwrap();
        let (after, ttl, now) = look(redis, &name).await;
        if cost == 0 {
            prop_assert_eq!(after, before);
            continue;
        }
        let Some(after) = after else {
            // Nothing is missing: it was full, and the cost is beyond its capacity.
            prop_assert!(!verdict.is_allowed());
            prop_assert_eq!(verdict.remaining, rate.limit());
            continue;
        };
        let (missing, fits) = expected(before, rate, cost.into(), after.as_of);
        prop_assert_eq!(after.missing, missing);
        prop_assert_eq!(verdict.is_allowed(), fits);
        prop_assert_eq!(after.limit, u64::from(rate.limit()));
        prop_assert_eq!(after.window, u64::from(rate.window_seconds()));
        assert_verdict(&verdict, after)?;
        // It is kept until it is full, and little longer.
        let full_at = after.as_of + missing.div_ceil(after.limit);
        let kept_until = now + ttl * 1_000;
        prop_assert!(kept_until + 1_000 >= full_at, "{kept_until} {full_at}");
        prop_assert!(kept_until <= full_at + 10_000, "{kept_until} {full_at}");
    }
    Ok(())
}

/// A verdict says what is left of the bucket that was kept.
fn assert_verdict(verdict: &Verdict, after: Kept) -> Result<(), TestCaseError> {
    let token = after.window * SECOND;
    let left = (token * after.limit - after.missing) / token;
    prop_assert_eq!(u64::from(verdict.remaining), left);
    let full_in = u128::from(after.missing.div_ceil(after.limit));
    prop_assert_eq!(verdict.full_in.as_micros(), full_in);
    Ok(())
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn two_limiters_share_the_budget() {
    let redis = connect().await;
    // Their own clocks have no say.
    let clock = ManualClock::starting_at(Clock::system().now()).clock();
    let one = Limiter::shared(redis.clone(), RedisDown::Closed, clock.clone());
    let two = Limiter::shared(redis, RedisDown::Closed, clock);
    let client = rand::random::<u128>();
    let rate = Rate::new(20, 3_600).unwrap();
    let key = BucketKey::id(MANAGE, client);
    let mut passed = 0;
    for _ in 0..15 {
        for limiter in [&one, &two] {
            let verdict = limiter.check(key, rate, 1).await.unwrap().unwrap();
            passed += u32::from(verdict.is_allowed());
        }
    }
    assert_eq!(passed, 20);
    let export = BucketKey::id(EXPORT, client);
    let seen = two.peek(&[(export, rate), (key, rate)]).await.unwrap();
    let left = seen.iter().map(|verdict| verdict.remaining);
    assert_eq!(left.collect::<Vec<_>>(), [20, 0]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn redis_never_sees_an_address_and_every_key_expires() {
    let redis = connect().await;
    let limiter = Limiter::shared(redis.clone(), RedisDown::Closed, Clock::system());
    let rate = Rate::new(20, 60).unwrap();
    let address = [192, 0, 2, 77];
    let key = BucketKey::address(FAILURES, address.into());
    assert!(
        limiter
            .check(key, rate, 1)
            .await
            .unwrap()
            .unwrap()
            .is_allowed()
    );
    // How many keys there are, how many expire, and how many show the address.
    let list = Script::new(
        "local found = redis.call('KEYS', KEYS[1])
         local expire, shown = 0, 0
         for _, key in ipairs(found) do
           if redis.call('PTTL', key) > 0 then expire = expire + 1 end
           if string.find(key, '192.0.2.77', 1, true) or string.find(key, 'c000024d', 1, true) then
             shown = shown + 1
           end
         end
         return {#found, expire, shown}",
    );
    let pattern = format!("{}limit:*", redis.prefix());
    let counted = redis.run(&list, &[pattern], &[]).await.unwrap();
    assert_eq!(counted, [1, 1, 0]);
}

/// What a limiter does that never finds its Redis.
async fn without_redis(down: RedisDown) -> (Limiter, Rate, u128) {
    // Nobody listens on the port of TCP's multiplexer.
    let url = "redis://127.0.0.1:1".parse().unwrap();
    let redis = Redis::connect(url, "test:".parse().unwrap()).await;
    let clock = ManualClock::starting_at(Clock::system().now()).clock();
    let client = rand::random::<u128>();
    (
        Limiter::shared(redis, down, clock),
        Rate::new(1, 60).unwrap(),
        client,
    )
}

#[tokio::test]
async fn without_redis_the_process_counts_by_itself() {
    let (limiter, rate, client) = without_redis(RedisDown::Local).await;
    let key = BucketKey::id(MANAGE, client);
    assert!(
        limiter
            .check(key, rate, 1)
            .await
            .unwrap()
            .unwrap()
            .is_allowed()
    );
    assert!(
        !limiter
            .check(key, rate, 1)
            .await
            .unwrap()
            .unwrap()
            .is_allowed()
    );
    let seen = limiter.peek(&[(key, rate)]).await;
    assert_eq!(seen.unwrap()[0].remaining, 0);
}

#[tokio::test]
async fn without_redis_all_may_pass_but_failures() {
    let (limiter, rate, client) = without_redis(RedisDown::Open).await;
    let key = BucketKey::id(MANAGE, client);
    for _ in 0..3 {
        assert_eq!(limiter.check(key, rate, 1).await.unwrap(), None);
    }
    let seen = limiter.peek(&[(key, rate)]).await;
    assert_eq!(seen.unwrap(), []);
    let failures = BucketKey::address(FAILURES, [192, 0, 2, 1].into());
    let seen = limiter.peek(&[(failures, rate)]).await;
    assert_eq!(seen.unwrap()[0].remaining, 1);
    assert!(
        limiter
            .check(failures, rate, 1)
            .await
            .unwrap()
            .unwrap()
            .is_allowed()
    );
    assert!(
        !limiter
            .check(failures, rate, 1)
            .await
            .unwrap()
            .unwrap()
            .is_allowed()
    );
}

#[tokio::test]
async fn without_redis_nobody_may_pass() {
    let (limiter, rate, client) = without_redis(RedisDown::Closed).await;
    let key = BucketKey::id(MANAGE, client);
    limiter.check(key, rate, 1).await.unwrap_err();
    limiter.peek(&[(key, rate)]).await.unwrap_err();
    let failures = BucketKey::address(FAILURES, [192, 0, 2, 1].into());
    limiter.check(failures, rate, 1).await.unwrap_err();
}
