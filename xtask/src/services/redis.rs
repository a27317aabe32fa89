//! A private Redis.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::Result;

use super::guarded::Guarded;
use super::programs::Needed;
use super::{folder, free_address};

/// A Redis that keeps nothing on disk. It ends when this is dropped.
pub(crate) struct Redis {
    _server: Guarded,
    address: SocketAddr,
}

const NEEDED: Needed = Needed {
    program: "redis-server",
    package: "redis-server",
    instead: super::REDIS_URL,
    folders: Vec::new,
};

impl Redis {
    /// Sees to it that there is a `redis-server` on the path: tests that kill it start their own.
    pub(crate) fn demand() -> Result<()> {
        NEEDED.find_or_install().map(drop)
    }

    pub(crate) fn start() -> Result<Self> {
        let program = NEEDED.find_or_install()?;
        let folder = folder()?;
        let address = free_address()?;
        let port = address.port().to_string();
        let command = [
            &program,
            "--bind",
            "127.0.0.1",
            "--port",
            &port,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let server = Guarded::start(folder, &command)?;
        server.wait_until(|| Ok(answers(address)))?;
        Ok(Self {
            _server: server,
            address,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

fn answers(address: SocketAddr) -> bool {
    let mut answer = [0; 5];
    let asked = TcpStream::connect(address).and_then(|mut connection| {
        connection.write_all(b"PING\r\n")?;
        connection.read_exact(&mut answer)
    });
    asked.is_ok() && answer == *b"+PONG"
}
