//! Connecting, to each topology in its way.

use std::time::Duration;

use futures_util::future::{BoxFuture, try_join_all};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult,
    TlsMode, Value,
    aio::{ConnectionLike, MultiplexedConnection, PubSub},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};

use crate::url::{Node, RedisUrl, Topology};

/// How long a server may take to answer before it counts as away.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(200);
/// How long a server may take to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// How long all steps to a connection may take together: resolving a name, asking Sentinels,
/// logging in. Nobody waits for them but a task in the background.
const JOIN_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server must be able to do before it counts as there: run a script that asks for the
/// time and writes. One that is a replica, still loads, is full or forbids it, cannot.
const TRIAL: &str = "redis.call('TIME') return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/// A connection for many requests at once. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To all masters of a Cluster. It follows redirections and failovers by itself.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Sends a command, and waits for the answer.
    pub(crate) async fn send<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        command.query_async(self).await
    }
}

/// A connection for requests, and one to each server whose failure would be theirs.
pub(crate) struct Link {
    connection: Connection,
    servers: Vec<MultiplexedConnection>,
}

impl Link {
    /// Connects, and tries what it connected to. Those who take part are asked in another order
    /// at each `turn`. The key is for trying: whatever is there is overwritten, and expires.
    pub(crate) async fn open(url: &RedisUrl, turn: usize, key: &str) -> RedisResult<Self> {
        within(JOIN_TIMEOUT, async {
            let link = match url.topology {
                Topology::Single | Topology::Sentinel { .. } => {
                    let server = connect(&find_server(url, turn).await?).await?;
                    Self {
                        connection: Connection::Single(server.clone()),
                        servers: vec![server],
                    }
                }
                Topology::Cluster => Self {
                    servers: connect_to_masters(url, turn).await?,
                    connection: connect_to_cluster(url, turn).await?,
                },
            };
            let trial = redis::cmd("EVAL").arg(TRIAL).arg(1).arg(key).take();
            link.connection().send::<()>(&trial).await?;
            Ok(link)
        })
        .await
    }

    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Demands an answer of every server that takes part. A Cluster's own connection would go
    /// to another node in place of one that is gone, and call it an answer.
    pub(crate) async fn ping(&self) -> RedisResult<()> {
        let ping = async |mut server: MultiplexedConnection| {
            redis::cmd("PING").exec_async(&mut server).await
        };
        let pings = try_join_all(self.servers.iter().cloned().map(ping));
        within(RESPONSE_TIMEOUT, pings).await.map(drop)
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

async fn connect_to_cluster(url: &RedisUrl, turn: usize) -> RedisResult<Connection> {
    let nodes = url.nodes_from(turn).map(|node| url.info(node));
    let client = ClusterClient::builder(nodes.collect::<RedisResult<Vec<_>>>()?)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(RESPONSE_TIMEOUT)
        .build()?;
    Ok(Connection::Cluster(client.get_async_connection().await?))
}

/// Connects to each master of a Cluster, all of which must say that it is whole.
async fn connect_to_masters(
    url: &RedisUrl,
    turn: usize,
) -> RedisResult<Vec<MultiplexedConnection>> {
    let (node, mut server) = connect_to_any(url, turn).await?;
    let slots = redis::cmd("CLUSTER").arg("SLOTS").take();
    let slots = slots.query_async::<Vec<Vec<Value>>>(&mut server).await?;
    let mut masters = Vec::new();
    for range in slots {
        // The first slot, the last one, their master, and its replicas.
        let master = range.into_iter().nth(2).unwrap_or(Value::Nil);
        let mut master = redis::from_redis_value::<Vec<Value>>(master)?.into_iter();
        // Its host and port, and what else there is to know of it.
        let mut next = || master.next().unwrap_or(Value::Nil);
        let host = redis::from_redis_value::<Option<String>>(next())?;
        let port = redis::from_redis_value::<u16>(next())?;
        // A node that does not know how it is reached is reached as it was.
        let host = host.filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| node.host.clone());
        let master = Node { host, port };
        if !masters.contains(&master) {
            masters.push(master);
        }
    }
    let masters = masters.into_iter().map(async |master| {
        let mut server = connect(&open(url, &master)?).await?;
        let info = redis::cmd("CLUSTER").arg("INFO").take();
        let info = info.query_async::<String>(&mut server).await?;
        if info.contains("cluster_state:ok") {
            Ok(server)
        } else {
            Err((
                ErrorKind::Io,
                "a node of the Cluster says that it is not whole",
            )
                .into())
        }
    });
    try_join_all(masters).await
}

/// The first node of the URL that is there.
async fn connect_to_any(
    url: &RedisUrl,
    turn: usize,
) -> RedisResult<(&Node, MultiplexedConnection)> {
    let mut last = RedisError::from((ErrorKind::InvalidClientConfig, "the URL names no server"));
    for node in url.nodes_from(turn) {
        match connect(&open(url, node)?).await {
            Ok(server) => return Ok((node, server)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> BoxFuture<'a, RedisResult<Value>> {
        match self {
            Self::Single(one) => one.req_packed_command(command),
            Self::Cluster(cluster) => cluster.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> BoxFuture<'a, RedisResult<Vec<Value>>> {
        match self {
            Self::Single(one) => one.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(one) => one.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}

/// Opens a connection that receives what is published on a channel. Any node of a Cluster
/// receives what is published on another.
pub(crate) async fn subscribe(url: &RedisUrl, turn: usize, channel: &str) -> RedisResult<PubSub> {
    within(JOIN_TIMEOUT, async {
        let mut connection = find_server(url, turn).await?.get_async_pubsub().await?;
        connection.subscribe(channel).await?;
        Ok(connection)
    })
    .await
}

/// The one server, the master that Sentinels name, or a node of the Cluster that is there.
async fn find_server(url: &RedisUrl, turn: usize) -> RedisResult<Client> {
    match &url.topology {
        Topology::Single => open(url, &url.nodes[0]),
        Topology::Sentinel { master } => find_master(url, turn, master).await,
        Topology::Cluster => open(url, connect_to_any(url, turn).await?.0),
    }
}

async fn find_master(url: &RedisUrl, turn: usize, name: &str) -> RedisResult<Client> {
    let sentinels = url.nodes_from(turn).map(|node| url.address(node));
    let login = url.login();
    let mut builder = SentinelClientBuilder::new(sentinels, name, SentinelServerType::Master)?
        .set_client_to_redis_db(login.db());
    if url.is_tls {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    if let Some(username) = login.username() {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = login.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    builder.build()?.async_get_client().await
}

fn open(url: &RedisUrl, node: &Node) -> RedisResult<Client> {
    Client::open(url.info(node)?)
}

/// Gives up on what takes too long.
pub(crate) async fn within<T>(
    time: Duration,
    work: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let done = tokio::time::timeout(time, work).await;
    done.unwrap_or_else(|_elapsed| Err((ErrorKind::Io, "no answer in time").into()))
}
