//! Closing, opening and relaying phases, and what follows each (CON-5, DEB-3, DEB-4).

use llmnet_types::{
    codec::List,
    contract::Strategy,
    id::Digest,
    message::{Answer, Close, Opening, Phase},
    receipt::SeatOutcome,
    request::Progress,
    signature::{Message, PublicKey, Signed},
    units::Timestamp,
};

use super::{Effect, Presence, Session, Stage, setup::case};
use crate::{
    debate::{Found, Gate, Read, Speaker, after_answers, after_round, author, read},
    message::{Next, Relay, ToSeat, opening_commitment},
};

impl Session {
    /// Ends the binding of a phase: these commitments count and no others.
    pub(super) fn close(&mut self, now: Timestamp, phase: Phase, effects: &mut Vec<Effect>) {
        let commitments = self
            .present()
            .filter_map(|member| member.counted(phase))
            .collect();
        let close = Close {
            contract: self.contract,
            phase,
            commitments: List::truncated(self.shuffled(phase, commitments)),
        };
        let close = Signed::new(close, &self.setup.network, &self.setup.key);
        // Also to those that were late: they learn that they do not count in this phase.
        for member in self.present() {
            effects.push(Effect::Send {
                to: member.node,
                message: Box::new(ToSeat::Close(close.clone())),
            });
        }
        self.closes.push(close);
        for member in &mut self.members {
            // What was opened alone before others were asked is shown with what they open.
            if phase != Phase::Further || member.alone() == phase {
                member.opened = None;
            }
        }
        self.stage = Stage::Opening(phase);
        self.deadline = now.after(self.setup.terms.durations.open_ms);
    }

    /// What seats had been shown when they bound a phase: the last Close before it, or the request.
    fn shown(&self, phase: Phase) -> Digest {
        if phase.is_alone() {
            return self.setup.shown_first();
        }
        self.closes
            .iter()
            .rev()
            .find(|close| close.body.phase != phase)
            .map_or_else(|| self.setup.shown_first(), |close| close.body.digest())
    }

    /// A seat shows what it bound; anything else than what it bound is not looked at.
    pub(super) fn opened(&mut self, from: PublicKey, opening: Opening) {
        let Stage::Opening(phase) = self.stage else {
            return;
        };
        let shown = self.shown(phase);
        if let Some(member) = self.member(&from)
            && member.is_present()
            && member.commitment(phase) == Some(opening_commitment(&opening, &shown))
        {
            member.opened = Some(opening);
        }
    }

    pub(super) fn advance_opening(
        &mut self,
        now: Timestamp,
        phase: Phase,
        effects: &mut Vec<Effect>,
    ) {
        let waiting = self
            .reached()
            .any(|member| member.commitment(phase).is_some() && member.opened.is_none());
        if waiting && now < self.deadline {
            return;
        }
        let moved = self.take_openings(phase);
        if phase == Phase::Answers && !self.is_settled() && self.ask_further(now, effects) {
            return;
        }
        self.follow(now, phase, moved, effects);
    }

    /// Shows what was opened in a phase and goes on to what follows it.
    pub(super) fn follow(
        &mut self,
        now: Timestamp,
        phase: Phase,
        moved: usize,
        effects: &mut Vec<Effect>,
    ) {
        let openings = self.openings(phase);
        self.transcript.push((phase, openings.clone()));
        let strategy = self.setup.terms.strategy;
        let gate = match phase {
            Phase::Answers | Phase::Further => {
                let confidence = self.setup.selection.confidence();
                let found = self.found();
                after_answers(strategy, &found, confidence, self.setup.rounds_max())
            }
            Phase::Round(round) => {
                self.rounds = round;
                let classes: Vec<_> = self.found().iter().map(|found| found.class).collect();
                after_round(strategy, &classes, moved, round, self.setup.rounds_max())
            }
            Phase::Ballots => Gate::Conclude,
        };
        let gate = if self.cancelled { Gate::Conclude } else { gate };
        let next = match gate {
            Gate::Debate | Gate::Synthesis => {
                Next::Phase(Phase::Round(self.rounds.saturating_add(1)))
            }
            Gate::Ballots => Next::Phase(Phase::Ballots),
            Gate::Conclude => Next::Finish,
        };
        self.relay(phase, openings, next, effects);
        self.go_on(now, next, effects);
    }

    /// Reads what was opened in a phase: how many seats changed their answer. Whoever broke the rules leaves
    /// the panel.
    fn take_openings(&mut self, phase: Phase) -> usize {
        let mut moved = 0;
        let panel: Vec<_> = self.present().map(|member| member.corpus).collect();
        let author = self.author();
        let case = case(&self.setup, self.contract);
        for member in &mut self.members {
            if !member.is_present() || member.commitment(phase).is_none() {
                continue;
            }
            let Some(opening) = &member.opened else {
                // A withheld answer is a fault; a withheld revision or ballot only leaves it out.
                if phase.is_alone() {
                    member.presence = Presence::Failed(SeatOutcome::Withheld);
                }
                continue;
            };
            let speaker = Speaker {
                corpus: &member.corpus,
                panel: &panel,
                before: member.last.as_ref(),
                is_author: author == Some(member.node),
            };
            match read(&case, phase, opening, &speaker) {
                Some(Read::First(answer)) => {
                    member.last = Some(answer.clone());
                    member.first = Some(answer);
                }
                Some(Read::Revised(answer)) => {
                    let before = member.last.replace(answer);
                    let class =
                        |answer: &Option<Answer>| answer.as_ref().map(|answer| answer.class);
                    moved += usize::from(class(&before) != class(&member.last));
                }
                Some(Read::Judged(ballot)) => member.ballot = Some(ballot),
                None => {
                    member.presence = Presence::Failed(SeatOutcome::Invalid);
                    member.opened = None;
                }
            }
        }
        moved
    }

    /// The valid openings of a phase, in the order of its Close.
    fn openings(&self, phase: Phase) -> Vec<Opening> {
        let close = self.closes.iter().find(|close| close.body.phase == phase);
        let order = close
            .into_iter()
            .flat_map(|close| close.body.commitments.iter());
        let opened = order.filter_map(|commitment| {
            let mut present = self.present();
            let member = present.find(|member| member.counted(phase) == Some(*commitment));
            member.and_then(|member| member.opened.clone())
        });
        opened.collect()
    }

    pub(super) fn found(&self) -> Vec<Found> {
        let answers = self
            .present()
            .filter_map(|member| member.last.as_ref().map(|answer| (member, answer)));
        let found = answers.map(|(member, answer)| Found {
            class: answer.class,
            credence: member.credence,
            cites: !answer.evidence.is_empty(),
        });
        found.collect()
    }

    /// Who writes the synthesis, once first answers are opened (DEB-9).
    fn author(&self) -> Option<PublicKey> {
        let answered = self.members.iter().enumerate();
        let answered = answered
            .filter(|(_, member)| member.is_present() && member.first.is_some())
            .map(|(place, member)| (place, member.credence.mean));
        author(answered).map(|place| self.members[place].node)
    }

    fn relay(&self, phase: Phase, openings: Vec<Opening>, next: Next, effects: &mut Vec<Effect>) {
        let relay = Relay {
            contract: self.contract,
            phase,
            openings: List::truncated(openings),
            next,
        };
        let author = self.author();
        let mixture = self.setup.terms.strategy == Strategy::Mixture;
        for member in self.present() {
            let next = match next {
                Next::Phase(round @ Phase::Round(_)) if mixture && author != Some(member.node) => {
                    Next::Stand(round)
                }
                next => next,
            };
            let relay = Relay {
                next,
                ..relay.clone()
            };
            effects.push(Effect::Send {
                to: member.node,
                message: Box::new(ToSeat::Relay(Box::new(relay))),
            });
        }
    }

    fn go_on(&mut self, now: Timestamp, next: Next, effects: &mut Vec<Effect>) {
        let durations = self.setup.terms.durations;
        match next {
            Next::Phase(phase @ Phase::Round(round)) => {
                effects.push(Effect::Progress(Progress::Debating {
                    round,
                    rounds: self.setup.rounds_max(),
                }));
                self.stage = Stage::Binding(phase);
                self.deadline = now.after(durations.round_ms);
            }
            Next::Phase(phase) | Next::Stand(phase) => {
                effects.push(Effect::Progress(Progress::Rating));
                self.stage = Stage::Binding(phase);
                self.deadline = now.after(durations.ballot_ms);
            }
            Next::Finish => {
                self.stage = Stage::Parting;
                self.deadline = now.after(durations.open_ms);
            }
        }
    }

    pub(super) fn advance_binding(
        &mut self,
        now: Timestamp,
        phase: Phase,
        effects: &mut Vec<Effect>,
    ) {
        let all = self
            .reached()
            .all(|member| member.commitment(phase).is_some());
        if !all && now < self.deadline {
            return;
        }
        if self.bound(phase) > 0 {
            self.close(now, phase, effects);
            return;
        }
        // Nobody said anything: conclude on what stands (CON-7).
        self.hurry(now, phase, effects);
    }

    /// Ends a phase without a Close: the seats account for what they did so far, and what some bound
    /// in it never was.
    pub(super) fn hurry(&mut self, now: Timestamp, phase: Phase, effects: &mut Vec<Effect>) {
        for member in &mut self.members {
            member
                .commitments
                .retain(|(bound_in, _)| *bound_in != phase);
        }
        self.relay(phase, Vec::new(), Next::Finish, effects);
        self.go_on(now, Next::Finish, effects);
    }
}
