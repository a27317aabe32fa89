//! What must be forgotten, and how processes tell each other.

use paneld_domain::ClientId;

use crate::TokenHash;

/// What authentication must not believe any longer after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// What is known of this client.
    Client(ClientId),
    /// What is known of the session whose token has this hash.
    Session(TokenHash),
    /// Everything: projects and organizations are behind many clients.
    All,
}

/// Begins a message. A form that others would misread gets another number.
const CLIENT: &str = "1 client ";
const SESSION: &str = "1 session ";
const ALL: &str = "1 all";

impl Stale {
    /// The message to other processes.
    pub fn to_message(self) -> String {
        match self {
            Self::Client(id) => format!("{CLIENT}{id}"),
            Self::Session(token) => format!("{SESSION}{}", token.to_stored()),
            Self::All => ALL.to_owned(),
        }
    }

    /// Reads a message. One that is not understood, perhaps a newer process's, is taken for the
    /// most that it can mean.
    pub fn from_message(message: &[u8]) -> Self {
        let text = std::str::from_utf8(message).unwrap_or_default();
        let client = || text.strip_prefix(CLIENT)?.parse().ok().map(Self::Client);
        let session = || {
            let token = text.strip_prefix(SESSION)?;
            TokenHash::from_stored(token).map(Self::Session)
        };
        client().or_else(session).unwrap_or(Self::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let client = Stale::Client("fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9".parse().unwrap());
        let message = client.to_message();
        assert_eq!(message, "1 client fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9");
        assert_eq!(Stale::from_message(message.as_bytes()), client);
        let session = Stale::Session(crate::Token::generate().hash());
        assert_eq!(
            Stale::from_message(session.to_message().as_bytes()),
            session
        );
        assert_eq!(
            Stale::from_message(Stale::All.to_message().as_bytes()),
            Stale::All
        );
    }

    #[test]
    fn what_is_not_understood_means_everything() {
        for message in [
            &b""[..],
            b"1 client x",
            b"2 client",
            b"\xff",
            b"1 clients",
            b"1 session x",
        ] {
            assert_eq!(Stale::from_message(message), Stale::All);
        }
    }
}
