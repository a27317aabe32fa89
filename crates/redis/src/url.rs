//! Where Redis is, and how it is built.

use std::{fmt, str::FromStr};

use paneld_base::InvalidValue;
use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use url::{Host, Url};

const SHAPE: &str = "must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], \
     redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/MASTER[/DB] or \
     redis+cluster://[USER:PASSWORD@]HOST[:PORT],…, with rediss for TLS";

/// Where Redis is: one server, those that Sentinels choose from, or a Cluster.
///
/// What is written in it must be percent-encoded where it has a meaning in URLs. Neither
/// `Display` nor `Debug` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(crate) topology: Topology,
    /// The servers to ask first: at least one.
    pub(crate) nodes: Vec<Node>,
    pub(crate) is_tls: bool,
    username: Option<String>,
    password: Option<String>,
    database: i64,
}

/// How Redis is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server.
    Single,
    /// The nodes are Sentinels, who know where the master of this name is.
    Sentinel { master: String },
    /// The nodes are some of a Cluster.
    Cluster,
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl RedisUrl {
    /// What is said to a server when a connection to it begins.
    pub(crate) fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default().set_db(self.database);
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        login
    }

    /// How to connect to a node.
    pub(crate) fn info(&self, node: &Node) -> redis::RedisResult<ConnectionInfo> {
        let info = self.address(node).into_connection_info()?;
        Ok(info.set_redis_settings(self.login()))
    }

    /// The address of a node, as the library has it.
    pub(crate) fn address(&self, node: &Node) -> ConnectionAddr {
        let host = node.host.clone();
        if self.is_tls {
            ConnectionAddr::TcpTls {
                host,
                port: node.port,
                insecure: false,
                tls_params: None,
            }
        } else {
            ConnectionAddr::Tcp(host, node.port)
        }
    }

    /// The nodes, beginning with another one each time: one that hangs must not keep those
    /// behind it from being asked.
    pub(crate) fn nodes_from(&self, turn: usize) -> impl Iterator<Item = &Node> {
        let count = self.nodes.len();
        self.nodes.iter().cycle().skip(turn % count).take(count)
    }
}

impl FromStr for RedisUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidValue::new(SHAPE);
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (base, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let is_tls = match base {
            "redis" => false,
            "rediss" => true,
            _ => return Err(wrong()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (login, hosts),
            None => ("", authority),
        };
        let path = path.split('/').filter(|step| !step.is_empty());
        let path = path.collect::<Vec<_>>();
        let (topology, database) = match (kind, path.as_slice()) {
            ("", []) => (Topology::Single, None),
            ("", [database]) => (Topology::Single, Some(*database)),
            ("sentinel", [master, database @ ..]) if database.len() <= 1 => {
                let master = decode(master)?;
                (Topology::Sentinel { master }, database.first().copied())
            }
            ("cluster", []) => (Topology::Cluster, None),
            _ => return Err(wrong()),
        };
        let default_port = match topology {
            Topology::Sentinel { .. } => 26_379,
            Topology::Single | Topology::Cluster => 6_379,
        };
        let nodes = hosts.split(',').map(|host| parse_node(host, default_port));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        if topology == Topology::Single && nodes.len() > 1 {
            return Err(wrong());
        }
        let database = database.map(str::parse::<u32>).transpose();
        let database = database.map_err(|_not_a_number| wrong())?.unwrap_or(0);
        let (username, password) = parse_login(login)?;
        Ok(Self {
            topology,
            nodes,
            is_tls,
            username,
            password,
            database: database.into(),
        })
    }
}

fn parse_node(text: &str, default_port: u16) -> Result<Node, InvalidValue> {
    let wrong = || InvalidValue::new(SHAPE);
    let url = Url::parse(&format!("redis://{text}")).map_err(|_not_a_host| wrong())?;
    let bare = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
    let host = url.host().filter(|_| bare).ok_or_else(wrong)?;
    let host = match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Ok(Node {
        host,
        port: url.port().unwrap_or(default_port),
    })
}

/// `USER:PASSWORD` or `:PASSWORD`.
fn parse_login(text: &str) -> Result<(Option<String>, Option<String>), InvalidValue> {
    if text.is_empty() {
        return Ok((None, None));
    }
    let wrong = || InvalidValue::new("has a user without a password");
    let (username, password) = text.split_once(':').ok_or_else(wrong)?;
    let username = (!username.is_empty()).then(|| decode(username));
    Ok((username.transpose()?, Some(decode(password)?)))
}

fn decode(text: &str) -> Result<String, InvalidValue> {
    // What would end these parts of a URL was meant to be encoded.
    let decoded = percent_decode_str(text).decode_utf8();
    match decoded {
        Ok(decoded) if !text.contains(['?', '#']) => Ok(decoded.into_owned()),
        _ => Err(InvalidValue::new(SHAPE)),
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = if self.is_tls { "rediss" } else { "redis" };
        let (kind, master) = match &self.topology {
            Topology::Single => ("", None),
            Topology::Sentinel { master } => ("+sentinel", Some(master)),
            Topology::Cluster => ("+cluster", None),
        };
        write!(f, "{base}{kind}://")?;
        if self.password.is_some() {
            let username = self.username.as_deref().unwrap_or_default();
            write!(f, "{username}:********@")?;
        }
        for (index, Node { host, port }) in self.nodes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if host.contains(':') {
                write!(f, "{comma}[{host}]:{port}")?;
            } else {
                write!(f, "{comma}{host}:{port}")?;
            }
        }
        if let Some(master) = master {
            write!(f, "/{master}")?;
        }
        if self.database != 0 {
            write!(f, "/{}", self.database)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<RedisUrl>().unwrap().to_string()
    }

    #[test]
    fn every_topology_has_its_scheme_and_a_variant_with_tls() {
        for (text, expected) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://localhost/", "redis://localhost:6379"),
            ("redis://[::1]:7000/3", "redis://[::1]:7000/3"),
            ("rediss://cache.example", "rediss://cache.example:6379"),
            (
                "redis+sentinel://a,b:5000/main",
                "redis+sentinel://a:26379,b:5000/main",
            ),
            (
                "rediss+sentinel://u:p@a/main/2",
                "rediss+sentinel://u:********@a:26379/main/2",
            ),
            (
                "redis+cluster://:p@a:1,b:2,c",
                "redis+cluster://:********@a:1,b:2,c:6379",
            ),
            ("rediss+cluster://a", "rediss+cluster://a:6379"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "localhost",
            "redis://",
            "redis://host:port",
            "redis://a,b",
            "redis://a/x",
            "redis://a/1/2",
            "redis://a?db=1",
            "redis://user@a",
            "redis://u:p#q@a",
            "valkey://a",
            "redis+unix://a",
            "redis+sentinel://a",
            "redis+sentinel://a/main/2/3",
            "redis+cluster://a/1",
            "redis+cluster://a,,b",
        ] {
            assert!(text.parse::<RedisUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_password_is_decoded_for_redis_and_never_shown() {
        let url = "redis://us%3Aer:p%40ss%2Fword@localhost/1"
            .parse::<RedisUrl>()
            .unwrap();
        let login = url.login();
        assert_eq!(login.username(), Some("us:er"));
        assert_eq!(login.password(), Some("p@ss/word"));
        assert_eq!(login.db(), 1);
        let shown = format!("{url} {url:?}");
        assert!(!shown.contains("ss"), "{shown}");
    }
}
