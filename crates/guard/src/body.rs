//! Bodies of requests, within limits: how long, how slow, and how many bytes at once
//! (`docs/contract/auth-and-limits.md` §5, and decision 0019).

mod pace;

use std::{net::IpAddr, num::NonZero, sync::Arc, thread::available_parallelism, time::Duration};

use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{self, HeaderValue},
    web::Bytes,
};
use futures_util::{FutureExt as _, StreamExt as _};
use paneld_auth::Principal;
use paneld_domain::{ClientId, Clock, OrganizationId, Problem};
use paneld_fairness::{Held, Pool, Share, Turns, spawn_heavy};
use tokio::time::timeout;
use zeroize::Zeroizing;

use self::pace::Pace;
use crate::{ApiError, network::Network};

const MIB: u64 = 1024 * 1024;

/// How many bytes of bodies of callers with a secret there may be at once.
const OF_CLIENTS: u64 = 80 * MIB;
/// How many bytes of bodies from pages, new ones and slow ones.
const OF_PAGES: [u64; 2] = [24 * MIB, 16 * MIB];
/// How many bytes of bodies of strangers, new ones and slow ones.
const OF_STRANGERS: [u64; 2] = [4 * MIB, 4 * MIB];

/// A body that is not there after this time is a slow one.
const NEW_FOR: Duration = Duration::from_secs(2);
/// What a body that is waited for counts at least: about what its request takes.
const LEAST_WAITING: u64 = 4 * 1024;
/// How often a body that is waited for is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Bodies of more bytes are not parsed where others wait.
const LARGE: usize = 64 * 1024;
/// How long a large body waits until it is parsed.
const PARSE_PATIENCE: Duration = Duration::from_secs(10);

/// How many bytes of bodies the process may hold: 128 MiB, in pools of their own for callers who
/// know a secret, for pages, and for strangers; those of the last two apart again while they are
/// new and when they are slow. Nobody has more of a pool than a share.
#[derive(Debug)]
pub struct BodyBudget {
    clock: Clock,
    clients: Arc<Pool<Key>>,
    pages: [Arc<Pool<Key>>; 2],
    strangers: [Arc<Pool<Key>>; 2],
    parsing: Arc<Turns<Key>>,
}

impl BodyBudget {
    /// The budget; the clock tells how slow bodies are.
    pub fn new(clock: Clock) -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get).clamp(2, 8);
        Self {
            clock,
            clients: Pool::new(OF_CLIENTS),
            pages: OF_PAGES.map(Pool::new),
            strangers: OF_STRANGERS.map(Pool::new),
            parsing: Arc::new(Turns::new(processors + 1, processors)),
        }
    }
}

/// Whose part of a pool it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Organization(OrganizationId),
    Client(ClientId),
    /// A peer, as far as it calls for this client.
    Visitor(ClientId, Network),
    Peer(Network),
}

/// Who sends a body, and so whose share of the memory it takes.
#[derive(Debug, Clone)]
pub struct BodySender(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Client(OrganizationId),
    Page(ClientId, Network),
    Stranger(Network),
}

impl BodySender {
    /// A caller who knows the secret: its organization answers for it.
    pub fn client(principal: &Principal) -> Self {
        Self(Kind::Client(principal.organization().id.clone()))
    }

    /// Somebody who calls for a client without its secret, from a page or as if from one.
    pub fn page(principal: &Principal) -> Self {
        Self(Kind::Page(
            principal.client().id,
            Network::of(principal.peer()),
        ))
    }

    /// Somebody whose credentials are not checked yet.
    pub fn stranger(peer: IpAddr) -> Self {
        Self(Kind::Stranger(Network::of(peer)))
    }

    /// Who came past the [`Gate`](crate::Gate) in front of a request.
    ///
    /// # Errors
    /// When there is no gate.
    pub fn behind_gate(request: &HttpRequest) -> Result<Self, ApiError> {
        let sender = request.extensions().get::<Self>().cloned();
        sender.ok_or_else(|| ApiError::internal("a body is read without a gate in front"))
    }

    /// What it may have of each pool.
    ///
    /// One organization may hold two thirds: two of them can import 32 MiB each at once. Visitors
    /// of one page may come from one peer, such as a content delivery network: so a peer may hold
    /// nearly all that its client may. Over all clients it may hold little more, or a peer that
    /// filled its part of one client could take so much with others that nothing would be left
    /// to the first one.
    fn shares(&self) -> Vec<Share<Key>> {
        match &self.0 {
            Kind::Client(organization) => {
                vec![Share::new(Key::Organization(organization.clone()), 2)]
            }
            Kind::Page(client, peer) => vec![
                Share::new(Key::Client(*client), 1),
                Share::nested(Key::Visitor(*client, *peer), 4),
                Share::new(Key::Peer(*peer), 1),
            ],
            Kind::Stranger(peer) => vec![Share::new(Key::Peer(*peer), 2)],
        }
    }

    /// Whose turns at parsing it takes.
    fn turns(&self) -> [Key; 2] {
        match &self.0 {
            Kind::Client(organization) => {
                let key = Key::Organization(organization.clone());
                [key.clone(), key]
            }
            Kind::Page(client, peer) => [Key::Client(*client), Key::Visitor(*client, *peer)],
            Kind::Stranger(peer) => [Key::Peer(*peer), Key::Peer(*peer)],
        }
    }

    fn label(&self) -> &'static str {
        match self.0 {
            Kind::Client(_) => "clients",
            Kind::Page(..) => "pages",
            Kind::Stranger(_) => "strangers",
        }
    }
}

/// A body, which counts against the budget as long as it is held. It may have a secret in it, so
/// its memory is wiped when it is dropped.
#[derive(Debug)]
pub struct HeldBody {
    bytes: Zeroizing<Vec<u8>>,
    sender: BodySender,
    parsing: Arc<Turns<Key>>,
    held: HeldBytes,
}

/// What a body takes of the budget; to be kept as long as what was made of it.
#[derive(Debug)]
pub struct HeldBytes(#[expect(dead_code, reason = "it is there to be dropped")] Held<Key>);

impl HeldBody {
    /// The bytes of the body, as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was made of the body, which is gone then; only its part of the budget is still
    /// held. A large body is parsed where it holds nobody up, when its sender's turn comes.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn parse<T: Send + 'static>(
        self,
        parse: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<(T, HeldBytes), ApiError> {
        let Self {
            bytes,
            sender,
            parsing,
            held,
        } = self;
        if bytes.len() <= LARGE {
            return Ok((parse(&bytes), held));
        }
        let turn = parsing.take(0, sender.turns(), PARSE_PATIENCE).await;
        let turn = turn.map_err(|_crowded| refused(&sender))?;
        let parsing = spawn_heavy(move || {
            // Also when the caller goes away meanwhile, all of it is held until the end.
            let parsed = parse(&bytes);
            drop((bytes, turn));
            (parsed, held)
        });
        parsing.await.map_err(ApiError::internal)
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 413 for a longer one, 415 for a compressed one, 408 when it comes too slowly, 400 when the
/// connection breaks off, and 503 when its sender has its share of what the process may hold.
pub async fn read_body(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
    sender: BodySender,
    budget: &BodyBudget,
) -> Result<HeldBody, ApiError> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != HeaderValue::from_static("identity")) {
        return Err(ApiError::unsupported_media_type(
            "Compressed request bodies are not supported",
        ));
    }
    let declared = declared_length(request);
    if declared.is_some_and(|length| length > limit) {
        return Err(ApiError::too_large(limit));
    }
    let mut arriving = Arriving::begin(sender, budget, declared.unwrap_or(limit));
    while let Some(chunk) = arriving.next(&mut payload).await? {
        let chunk = chunk.map_err(|error| broken_off(&error))?;
        if arriving.bytes.len() + chunk.len() > limit {
            return Err(ApiError::too_large(limit));
        }
        arriving.receive(&chunk)?;
    }
    Ok(HeldBody {
        bytes: arriving.bytes,
        sender: arriving.sender,
        parsing: Arc::clone(&budget.parsing),
        held: HeldBytes(arriving.held),
    })
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    let value = request.headers().get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn broken_off(error: &PayloadError) -> ApiError {
    ApiError::invalid_body(vec![Problem::at([], format!("could not be read: {error}"))])
}

/// A body that arrives.
struct Arriving {
    bytes: Zeroizing<Vec<u8>>,
    /// How many bytes there will be at most.
    most: usize,
    sender: BodySender,
    held: Held<Key>,
    /// Where it belongs when it turns out to be slow; none when it makes no difference.
    slow: Option<Arc<Pool<Key>>>,
    pace: Pace,
    clock: Clock,
}

impl Arriving {
    fn begin(sender: BodySender, budget: &BodyBudget, most: usize) -> Self {
        let (pool, slow) = match sender.0 {
            Kind::Client(_) => (&budget.clients, None),
            Kind::Page(..) => (&budget.pages[0], Some(&budget.pages[1])),
            Kind::Stranger(_) => (&budget.strangers[0], Some(&budget.strangers[1])),
        };
        Self {
            bytes: Zeroizing::default(),
            most,
            held: pool.hold(sender.shares()),
            slow: slow.cloned(),
            pace: Pace::begin(budget.clock.elapsed()),
            clock: budget.clock.clone(),
            sender,
        }
    }

    /// What comes next; `None` at the end.
    async fn next(
        &mut self,
        payload: &mut Payload,
    ) -> Result<Option<Result<Bytes, PayloadError>>, ApiError> {
        // What comes at once, as most bodies do, needs neither a timer nor a place to wait.
        if let Some(next) = payload.next().now_or_never() {
            return Ok(next);
        }
        self.hold(LEAST_WAITING)?;
        loop {
            self.look_at_the_time()?;
            if let Ok(next) = timeout(TICK, payload.next()).await {
                return Ok(next);
            }
        }
    }

    fn look_at_the_time(&mut self) -> Result<(), ApiError> {
        let now = self.clock.elapsed();
        if self.pace.is_over(now) {
            return Err(ApiError::timeout());
        }
        if self.pace.age(now) < NEW_FOR {
            return Ok(());
        }
        match self.slow.take() {
            Some(slow) if !self.held.move_to(&slow) => Err(refused(&self.sender)),
            _ => Ok(()),
        }
    }

    fn receive(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        let length = self.bytes.len() + chunk.len();
        self.hold(length as u64)?;
        self.pace.receive(chunk.len(), self.clock.elapsed());
        // A vector would double its room, and in the end have twice what is held.
        if length > self.bytes.capacity() {
            let room = (2 * length).min(self.most.max(length));
            let more = room - self.bytes.len();
            self.bytes.reserve_exact(more);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Holds at least so much of the budget.
    fn hold(&mut self, least: u64) -> Result<(), ApiError> {
        let more = least.saturating_sub(self.held.amount());
        if self.held.take(more) {
            Ok(())
        } else {
            Err(refused(&self.sender))
        }
    }
}

fn refused(sender: &BodySender) -> ApiError {
    metrics::counter!("paneld_bodies_refused_total", "sender" => sender.label()).increment(1);
    ApiError::crowded()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_with_many_clients_leaves_room_for_other_peers_of_each() {
        let page = |client: ClientId, peer: [u8; 4]| {
            let peer = Network::of(IpAddr::from(peer));
            BodySender(Kind::Page(client, peer)).shares()
        };
        let pool = Pool::new(1_000);
        let ids = [
            "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b",
            "1d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b",
        ];
        let clients = ids.map(|id| id.parse::<ClientId>().unwrap());
        let attacks = clients.map(|client| {
            let mut held = pool.hold(page(client, [203, 0, 113, 66]));
            while held.take(1) {}
            held
        });
        assert!(attacks.iter().map(Held::amount).sum::<u64>() > 400);
        for client in clients {
            let mut held = pool.hold(page(client, [198, 51, 100, 7]));
            assert!(held.take(20), "{client}");
        }
    }
}
