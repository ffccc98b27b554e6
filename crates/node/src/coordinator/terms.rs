//! What the gateway's requester agrees to, by strategy.

use llmnet_gateway::port::{AnswerError, PanelSize};
use llmnet_types::{
    contract::{Caps, Criteria, Durations, Filters, PaySplit, SEATS_MAX, Strategy, Terms},
    id::Salt,
    registration::Assurance,
    request::Request,
    units::{Amount, Score, Tokens},
};

/// How large a panel is, and how long it waits for its slow seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panel {
    /// Seats wanted, from 1 to [`SEATS_MAX`].
    pub seats: u8,
    /// Seats asked first, up to all of them; the others are asked where these settle nothing. 0 for all at once.
    pub first: u8,
    /// Answers needed of those asked, from 1 to the seats. With fewer, the contract fails.
    pub quorum: u8,
    /// Milliseconds for the others once a quorum has answered.
    pub grace_ms: u32,
}

impl Panel {
    /// For respondents that look up documents: any of them is enough, and all are fast.
    pub const FAST: Self = Self {
        seats: 3,
        first: 0,
        quorum: 1,
        grace_ms: 1_500,
    };
    /// For panels with models on them, which are slower.
    pub const PATIENT: Self = Self {
        seats: 3,
        first: 0,
        quorum: 2,
        grace_ms: 20_000,
    };

    /// This panel in the size that a requester wants.
    ///
    /// # Errors
    /// No panel of this strategy can have that size.
    pub fn of(self, strategy: Strategy, size: PanelSize) -> Result<Self, AnswerError> {
        let refused = |name: &str, message: String| AnswerError::InvalidRequest {
            param: Some(format!("llmnet.{name}")),
            message,
        };
        let single = strategy == Strategy::Single;
        let default = if single { 1 } else { self.seats };
        let seats = size.seats.unwrap_or(default);
        if single && seats != 1 {
            let message = "llmnet/single asks one seat: leave 'seats' out, or ask llmnet/auto";
            return Err(refused("seats", message.to_owned()));
        }
        if !(1..=SEATS_MAX).contains(&usize::from(seats)) {
            let message = format!("a panel has from 1 to {SEATS_MAX} seats, not {seats}");
            return Err(refused("seats", message));
        }
        let quorum = size.quorum.unwrap_or(self.quorum.min(seats));
        if !(1..=seats).contains(&quorum) {
            let message = format!(
                "{seats} seats cannot give {quorum} answers: a quorum is from 1 to the seats; set 'seats' too"
            );
            return Err(refused("quorum", message));
        }
        let first = size.first.unwrap_or(self.first.min(seats));
        if first > seats {
            let message =
                format!("of {seats} seats {first} cannot be asked first; set 'seats' too");
            return Err(refused("first", message));
        }
        Ok(Self {
            seats,
            first,
            quorum,
            grace_ms: size.grace_ms.unwrap_or(self.grace_ms),
        })
    }
}

/// Terms for a request: one round of debate where its strategy holds one.
pub(super) fn terms(
    request: &Request,
    salt: &Salt,
    policy: u16,
    panel: Panel,
    filters: Filters,
) -> Terms {
    let output = request.output_tokens_max.unwrap_or(Tokens(2_000));
    Terms {
        request: request.digest(&salt.field("request")),
        domain: request.domain.clone(),
        filters,
        strategy: request.strategy,
        seats: panel.seats,
        first: panel.first,
        quorum: panel.quorum,
        rounds: u8::from(!matches!(
            request.strategy,
            Strategy::Single | Strategy::Vote
        )),
        durations: Durations {
            offer_ms: 1_000,
            accept_ms: 3_000,
            answer_ms: 60_000,
            grace_ms: panel.grace_ms,
            open_ms: 3_000,
            round_ms: 60_000,
            ballot_ms: 60_000,
        },
        caps: Caps {
            input_tokens: Tokens(100_000),
            output_tokens: Tokens(output.0.clamp(1, 6_000)),
            seat_charge: Amount(100_000),
        },
        split: PaySplit {
            base: Score::clamped(4_000),
            coordinator: Score::clamped(1_000),
        },
        criteria: Criteria {
            seats: 1,
            agreement: Score::ZERO,
            assurance: Assurance::Declared,
        },
        policy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(strategy: Strategy, seats: Option<u8>, quorum: Option<u8>) -> Result<(u8, u8), String> {
        let size = PanelSize {
            seats,
            quorum,
            ..PanelSize::default()
        };
        let panel = Panel::PATIENT.of(strategy, size);
        panel
            .map(|panel| (panel.seats, panel.quorum))
            .map_err(|error| match error {
                AnswerError::InvalidRequest { param, .. } => param.unwrap_or_default(),
                other => panic!("{other:?}"),
            })
    }

    #[test]
    fn a_panel_is_as_large_as_was_asked_or_nobody_is_asked() {
        let (single, vote) = (Strategy::Single, Strategy::Vote);
        assert_eq!(of(vote, None, None), Ok((3, 2)));
        assert_eq!(of(single, None, None), Ok((1, 1)));
        assert_eq!(of(vote, Some(7), Some(3)), Ok((7, 3)));
        assert_eq!(of(vote, Some(7), Some(7)), Ok((7, 7)));
        assert_eq!(of(vote, Some(1), None), Ok((1, 1)));
        let hurried = PanelSize {
            grace_ms: Some(0),
            ..PanelSize::default()
        };
        assert_eq!(Panel::PATIENT.of(vote, hurried).unwrap().grace_ms, 0);
        let first = |first| {
            let size = PanelSize {
                first: Some(first),
                ..PanelSize::default()
            };
            Panel::PATIENT.of(vote, size).map(|panel| panel.first)
        };
        assert_eq!(first(2), Ok(2));
        assert!(first(4).is_err(), "of three");
        assert_eq!(of(vote, None, Some(3)), Ok((3, 3)));
        assert_eq!(of(single, Some(1), Some(1)), Ok((1, 1)));
        let refused = |name: &str| Err(format!("llmnet.{name}"));
        assert_eq!(of(vote, None, Some(4)), refused("quorum"));
        assert_eq!(of(vote, Some(2), Some(3)), refused("quorum"));
        assert_eq!(of(vote, Some(2), Some(0)), refused("quorum"));
        assert_eq!(of(vote, Some(0), None), refused("seats"));
        assert_eq!(of(vote, Some(8), None), refused("seats"));
        assert_eq!(of(single, Some(3), None), refused("seats"));
        assert_eq!(of(single, None, Some(2)), refused("quorum"));
    }
}
