//! Models that fail in every way that servers fail, under every strategy: an answer comes, or an honest error.

mod cut;
mod hang_up;
mod matrix;
mod overload;
pub(crate) mod server;
mod share;
pub(crate) mod world;
