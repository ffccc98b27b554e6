//! What all pages look like.

use llmnet_types::units::Height;
use serde::Serialize;

/// A page of a list, read from the state of one height.
#[derive(Serialize)]
pub(super) struct List<T> {
    pub(super) object: &'static str,
    pub(super) height: Height,
    pub(super) data: Vec<T>,
    /// What to send as `cursor` for the next page; null after the last.
    pub(super) next: Option<u64>,
}
