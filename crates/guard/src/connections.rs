//! How many connections each peer may have.

use std::{net::IpAddr, sync::Arc};

use crate::{
    TrustedProxies,
    network::Network,
    shares::{Held, Pool, Share},
};

/// The connections that a server can have. A peer may have half of them at most, and the next
/// one half of the rest, so that nobody keeps others out by holding connections, however slowly
/// it sends its requests. Proxies that are trusted connect for all who are behind them, and may
/// have all.
#[derive(Debug)]
pub struct Connections {
    pool: Arc<Pool<Network>>,
    proxies: TrustedProxies,
}

/// A connection that counts until this is dropped.
#[derive(Debug)]
pub struct Connection(
    #[expect(dead_code, reason = "it is there to be dropped")] Option<Held<Network>>,
);

impl Connections {
    /// So many connections in all.
    pub fn new(most: usize, proxies: TrustedProxies) -> Self {
        Self {
            pool: Pool::new(most as u64),
            proxies,
        }
    }

    /// Counts a connection from this address; `None` when its peer has its share already.
    pub fn open(&self, address: IpAddr) -> Option<Connection> {
        if self.proxies.trusts(address.to_canonical()) {
            return Some(Connection(None));
        }
        let mut held = self.pool.hold(vec![Share::new(Network::of(address), 1)]);
        if held.take(1) {
            Some(Connection(Some(held)))
        } else {
            metrics::counter!("paneld_connections_refused_total").increment(1);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_leaves_half_to_others() {
        let connections = Connections::new(100, TrustedProxies::loopback());
        let open = |text: &str| connections.open(text.parse().unwrap());
        let open_all = |text: &str| -> Vec<_> { std::iter::from_fn(|| open(text)).collect() };
        let one = open_all("192.0.2.7");
        assert_eq!(one.len(), 50);
        let two = open_all("2001:db8::1");
        assert!(open("2001:db8::2").is_none(), "the same network");
        assert_eq!(two.len(), 25);
        assert!(open("192.0.2.8").is_some());
        drop((one, two));
        assert_eq!(open_all("192.0.2.8").len(), 50);
    }

    #[test]
    fn a_trusted_proxy_connects_for_many() {
        let connections = Connections::new(100, TrustedProxies::loopback());
        let opened = (0..1_000).map(|_| connections.open("127.0.0.1".parse().unwrap()));
        let opened = opened.collect::<Vec<_>>();
        assert!(opened.iter().all(Option::is_some));
    }
}
