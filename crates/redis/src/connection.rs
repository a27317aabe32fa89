//! Connecting, to each topology in its way.

use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisResult, TlsMode,
    aio::{ConnectionLike, MultiplexedConnection, PubSub},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo},
    sentinel::{SentinelClientBuilder, SentinelServerType},
};

use crate::url::{RedisUrl, Topology};

/// How long a server may take to answer before it counts as away.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(200);
/// How long a server may take to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// How long all steps to a connection may take together: resolving a name, asking Sentinels,
/// logging in. Nobody waits for them but a task in the background.
const JOIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection for many requests at once. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To all masters of a Cluster. It follows redirections and failovers by itself.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects. What takes part can be asked in another order at each `turn`.
    pub(crate) async fn open(url: &RedisUrl, turn: usize) -> RedisResult<Self> {
        within(JOIN_TIMEOUT, async {
            if url.topology == Topology::Cluster {
                let nodes = url.nodes_from(turn).map(|node| url.info(node));
                let client = ClusterClient::builder(nodes.collect::<RedisResult<Vec<_>>>()?)
                    .connection_timeout(CONNECT_TIMEOUT)
                    .response_timeout(RESPONSE_TIMEOUT)
                    .build()?;
                return Ok(Self::Cluster(client.get_async_connection().await?));
            }
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(Some(RESPONSE_TIMEOUT));
            let client = find_server(url, turn).await?;
            let connection = client.get_multiplexed_async_connection_with_config(&config);
            Ok(Self::Single(connection.await?))
        })
        .await
    }

    /// Sends a command, and waits for the answer no longer than [`RESPONSE_TIMEOUT`].
    pub(crate) async fn send<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        command.query_async(self).await
    }

    /// Demands an answer of every server that takes part.
    pub(crate) async fn ping(&mut self) -> RedisResult<()> {
        let ping = redis::cmd("PING");
        match self {
            Self::Single(_) => self.send(&ping).await,
            Self::Cluster(cluster) => {
                let policy = Some(ResponsePolicy::AllSucceeded);
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, policy));
                cluster.route_command(ping, masters).await.map(drop)
            }
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(
        &'a mut self,
        command: &'a Cmd,
    ) -> BoxFuture<'a, RedisResult<redis::Value>> {
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
    ) -> BoxFuture<'a, RedisResult<Vec<redis::Value>>> {
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

/// The one server, the master that Sentinels name, or a node of the Cluster.
async fn find_server(url: &RedisUrl, turn: usize) -> RedisResult<Client> {
    if let Topology::Sentinel { master } = &url.topology {
        let sentinels = url.nodes_from(turn).map(|node| url.address(node));
        let login = url.login();
        let mut builder =
            SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
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
        return builder.build()?.async_get_client().await;
    }
    let first = url.nodes_from(turn).next();
    let first = first.ok_or((ErrorKind::InvalidClientConfig, "the URL names no server"))?;
    Client::open(url.info(first)?)
}

/// Gives up on what takes too long.
pub(crate) async fn within<T>(
    time: Duration,
    work: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let done = tokio::time::timeout(time, work).await;
    done.unwrap_or_else(|_elapsed| Err((ErrorKind::Io, "no answer in time").into()))
}
