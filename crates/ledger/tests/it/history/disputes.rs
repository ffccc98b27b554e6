//! Faults, claims, challenges and audits (DIS, AUD).

use llmnet_ledger::State;

use super::{Act, History};

impl History {
    pub(super) fn audit_root(&mut self, _state: &dyn State) -> Option<Act> {
        None
    }

    pub(super) fn audit_open(&mut self, _state: &dyn State) -> Option<Act> {
        None
    }

    pub(super) fn fault(&mut self, _state: &dyn State) -> Option<Act> {
        None
    }

    pub(super) fn file(&mut self, _state: &dyn State) -> Option<Act> {
        None
    }

    pub(super) fn challenge(&mut self, _state: &dyn State) -> Option<Act> {
        None
    }

    pub(super) fn answer(&mut self, _state: &dyn State) -> Option<Act> {
        None
    }
}
