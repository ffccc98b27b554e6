//! Speaks HTTP: OpenAI API, receipts, what stands on the ledger.
//!
//! ```text
//! socket --> serve --> router --> openai/*    \  conversation, answer --> port::Coordinator
//!            connections  access   anthropic/* /                             a node, or a script in tests
//!            TLS, drain   headers  llmnet/*, ledger/* -----------------> port::Ledger
//!                                  JSON <-> values
//! ```
//!
//! Handlers only translate. What an answer is, costs and proves is the node's to say; what the gateway
//! adds is the shape, the bounds and the waiting:
//!
//! - Clients of OpenAI's API (chat completions, responses) and of Anthropic's (messages) work as they are. All
//!   that is ours stands under one key, `llmnet`, and in `x-llmnet-*` headers. Unknown fields of a request are
//!   ignored; those that would change what the answer means and that we cannot honour (`tools`, `n` over 1,
//!   `response_format`) are refused.
//! - A client that hangs up cancels its request: the port's future is dropped.
//! - A slow client loses progress, never the answer, and holds up nobody else.
//! - Where keys are asked for ([`Access`]), each has its scopes, its pace and its budget; they are managed on
//!   loopback, at a door of its own ([`serve_admin`]).
//! - Sizes, requests, connections and waits have the bounds of [`Config`].
//!
//! Deliberately absent: cross-origin use by browsers. A page of another origin must not spend what a gateway
//! on this machine can spend.

pub mod port;

mod config;
mod serve;

mod access;
mod admin;

mod router;

mod gateway;

mod anthropic;
mod openai;

mod answer;
mod conversation;
mod dialect;

mod ledger;
mod llmnet;
mod openapi;

mod error;
mod fields;
mod json;
mod lasting;
mod limits;
mod stream;

pub use access::Access;
pub use config::Config;
pub use serve::{Listener, ServeError, Tls, TlsError, serve, serve_admin};

#[cfg(test)]
mod tests;
