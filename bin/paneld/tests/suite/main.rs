//! The real server, spoken to over HTTP.

mod support;

mod smoke;
