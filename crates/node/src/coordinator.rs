//! The coordinator: performs the effects of `protocol::Session` and settles what comes of them.
//!
//! ```text
//! gateway --answer--> desk -- classify, select, order --> conduct (a task per request) --> seats
//!                       |                                     |
//!                       |<------------- Finished -------------'
//!                       |-- journal: written --> answer leaves; on disk --> seats are shown the receipt
//!                       `-- settler: leaves in slot order -> Settle -> proof
//! ```

pub mod desk;
pub mod journal;
pub mod running;
pub mod settings;

mod able;
mod accounts;
mod anchoring;
mod backlog;
mod catalogues;
mod chains;
mod conduct;
mod line;
mod lookup;
mod order;
mod pause;
mod port;
mod settler;
mod slots;
mod terms;
mod vectors;
mod view;

pub use desk::{Desk, Setup};
pub use port::Port;
pub use terms::Panel;

pub(crate) use lookup::stood;
pub(crate) use view::{owner, title};
