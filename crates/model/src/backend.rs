//! What implements the ports of this crate.
