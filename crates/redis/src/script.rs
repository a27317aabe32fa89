//! Scripts that run whole, inside the server.

use redis::{ErrorKind, ServerErrorKind};

use crate::{
    Away, Redis,
    connection::{RESPONSE_TIMEOUT, within},
};

/// A Lua script that the server runs as one step. Its reply is a list of whole numbers.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    /// The script of this source.
    pub fn new(source: &'static str) -> Self {
        Self {
            source,
            hash: redis::Script::new(source).get_hash().to_owned(),
        }
    }

    /// The SHA-1 of its source, by which servers know it once they ran it.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl Redis {
    /// Runs a script. All keys must have the same hash tag: in a Cluster they have to be in the
    /// same place.
    ///
    /// # Errors
    /// When Redis is away, or has just been found to be.
    pub async fn run(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[u64],
    ) -> Result<Vec<u64>, Away> {
        let link = self.link()?;
        let command = |name, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        let mut connection = link.connection();
        let reply = within(RESPONSE_TIMEOUT, async {
            let reply = connection.send(&command("EVALSHA", &script.hash)).await;
            match reply {
                // The server was restarted, or is another one now.
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    connection.send(&command("EVAL", script.source)).await
                }
                reply => reply,
            }
        });
        reply.await.map_err(|error| self.lose(&link, &error))
    }
}
