//! What is ours: the account of an answer, receipts, experts, status.

pub(crate) mod account;
pub(crate) mod experts;
pub(crate) mod receipts;
pub(crate) mod status;
