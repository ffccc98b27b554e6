//! Conducts one request from prompt to settled receipt.
//!
//! Step machines without IO: time and messages come in, messages and work come out. They never wait; a
//! time-out is an input. So the simulator plays the very rules that production plays, and whoever holds
//! a transcript can compute the verdict again.
//!
//! ```text
//!            Offer, Close, Relay                    Work: answer, revise, judge
//! Session ----------------------> Seat (one each) ----------------------------> backend
//!         <----------------------                 <----------------------------
//!          Reply, Commit, Open, Part
//!    |
//!    `-> Finished: Receipt, answer, transcript -> Leaf -> many leaves, one Settlement
//! ```

pub mod message;
pub mod quote;

pub mod books;
pub mod seat;
pub mod session;

pub mod debate;
pub mod settle;

pub mod policy;

pub mod minority;
pub mod replay;
