//! Where servers keep their catalog, buckets and events: `cargo xtask test` runs the suite with
//! every pair of backends, and says which in the environment.

use std::{collections::HashMap, path::Path, time::Duration};

use paneld_redis::{KeyPrefix, Redis, Script};
use paneld_testing::{Database, EventsDatabase};
use tokio::runtime::Runtime;

/// The backends of one server.
pub(crate) struct Backends {
    catalog: Option<Database>,
    /// What begins the names of its keys in Redis.
    buckets: Option<KeyPrefix>,
    events: Option<EventsDatabase>,
}

impl Backends {
    /// Those that are asked for, empty: SQLite, buckets in the process, and DuckDB if none are.
    pub(crate) fn asked_for() -> Self {
        let catalog = match told("PANELD_TEST_CATALOG").as_str() {
            "" | "sqlite" => None,
            "postgres" => Some(Database::create()),
            other => panic!("there is no catalog called {other}"),
        };
        let buckets = match told("PANELD_TEST_LIMITER").as_str() {
            "" | "local" => None,
            "redis" => {
                let prefix = format!("suite-{:032x}:", rand::random::<u128>());
                Some(prefix.parse().unwrap())
            }
            other => panic!("there is no limiter called {other}"),
        };
        Self {
            catalog,
            buckets,
            events: EventsDatabase::asked_for(),
        }
    }

    /// SQLite, buckets in the process, and DuckDB, whatever is asked for.
    pub(crate) fn of_this_process() -> Self {
        Self {
            catalog: None,
            buckets: None,
            events: None,
        }
    }

    /// The settings that lead a server to them.
    pub(crate) fn settings(&self) -> HashMap<String, String> {
        let mut settings = HashMap::new();
        if let Some(database) = &self.catalog {
            settings.insert("CATALOG_URL".into(), database.url().to_owned());
        }
        if let Some(prefix) = &self.buckets {
            settings.insert("REDIS_URL".into(), paneld_testing::redis_url());
            settings.insert("REDIS_PREFIX".into(), prefix.as_str().to_owned());
            // A Redis that is away must fail the test, not leave it to the other limiter.
            settings.insert("REDIS_DOWN".into(), "closed".into());
        }
        if let Some(database) = &self.events {
            settings.insert("EVENTS_URL".into(), database.url());
        }
        settings
    }

    /// Takes the catalog away from a server with this data folder.
    pub(crate) fn break_catalog(&self, data: &Path) {
        if let Some(database) = &self.catalog {
            database.allow_connections(false);
            database.cut();
            return;
        }
        // The server's connections find garbage where their tables were.
        for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
            let path = data.join(name);
            if path.exists() {
                let size = std::fs::metadata(&path).unwrap().len().max(8192);
                std::fs::write(&path, vec![0xA5; usize::try_from(size).unwrap()]).unwrap();
            }
        }
    }

    /// Lets time pass for the buckets in Redis, whose clock nobody sets: what is kept of them
    /// is made older.
    pub(crate) fn advance(&self, by: Duration) {
        let Some(prefix) = self.buckets.clone() else {
            return;
        };
        let age = Script::new(
            "local by = tonumber(ARGV[1])
             for _, key in ipairs(redis.call('KEYS', KEYS[1])) do
               local missing, as_of, rate =
                 string.match(redis.call('GET', key), '^(%d+) (%d+) (.*)$')
               local ttl = redis.call('PTTL', key) - math.floor(by / 1000)
               if ttl > 0 then
                 local aged = string.format('%s %.0f %s', missing, as_of - by, rate)
                 redis.call('SET', key, aged, 'PX', ttl)
               else
                 redis.call('DEL', key)
               end
             end
             return {}",
        );
        let by = u64::try_from(by.as_micros()).unwrap();
        // From a thread of its own: the caller is in a runtime.
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                Runtime::new().unwrap().block_on(async {
                    let url = paneld_testing::redis_url().parse().unwrap();
                    let keys = format!("{prefix}limit:*");
                    let redis = Redis::connect(url, prefix).await;
                    redis.run(&age, &[keys], &[by]).await.unwrap();
                });
            });
            work.join().unwrap();
        });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests are told by their environment"
)]
pub(crate) fn told(variable: &str) -> String {
    std::env::var(variable).unwrap_or_default()
}
