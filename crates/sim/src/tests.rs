//! A small synthetic set of our own: ten models of known skill on questions of known difficulty.

mod boards;
mod games;
mod networks;
mod synthetic;
