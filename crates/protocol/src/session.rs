//! A request, from the coordinator's side (PROTOCOL 3 and 5).
//!
//! ```text
//! Answers: offer seats in order, collect acceptances and commitments
//!    |  all bound, or quorum and grace, or time is up
//! Opening(phase): Close sent, payloads come in
//!    |  all opened, or time is up
//!    +-- nothing settled by those asked first --> Answers, of the others
//!    +-- gate --> Binding(round or ballots) --> Opening ...
//!    `-- conclude --> Parting: seats sign their Parts
//!                        `--> Finished
//! ```

mod asking;
mod finish;
mod further;
mod phases;
mod setup;

use llmnet_types::{
    id::ContractId,
    message::{Opening, Phase},
    receipt::SeatOutcome,
    request::Progress,
    signature::PublicKey,
    units::Timestamp,
};

pub(crate) use asking::quorum_ms;
pub use finish::Finished;
pub(crate) use finish::{cites, class_number, needed, status_of};
pub use setup::Setup;

use crate::message::{ToCoordinator, ToSeat};
use setup::{Member, Presence};

/// What a session is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// A seat sent something.
    Message {
        /// Who.
        from: PublicKey,
        /// What.
        message: Box<ToCoordinator>,
    },
    /// A seat cannot be reached at all.
    Unreached(PublicKey),
    /// Time has passed.
    Tick,
    /// The requester hung up.
    Cancel,
}

/// What a session wants done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send to a seat.
    Send {
        /// To whom.
        to: PublicKey,
        /// What.
        message: Box<ToSeat>,
    },
    /// Tell whoever waits.
    Progress(Progress),
    /// It is over. Nothing follows.
    Finished(Box<Finished>),
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Collecting acceptances and commitments of those asked first, or further.
    Answers,
    /// Waiting for payloads of a closed phase.
    Opening(Phase),
    /// Waiting for commitments of a round or of the ballots.
    Binding(Phase),
    /// Waiting for Parts.
    Parting,
    /// Over.
    Over,
}

/// One request on its way.
#[derive(Debug)]
pub struct Session {
    setup: Setup,
    contract: ContractId,
    stage: Stage,
    /// When the stage ends by itself.
    deadline: Timestamp,
    /// Set once a quorum of answers is bound: when the slow are no longer waited for.
    grace: Option<Timestamp>,
    /// In which phase those answer alone that are asked now (DEB-13).
    alone: Phase,
    /// The next rank to ask.
    next_rank: usize,
    members: Vec<Member>,
    closes: Vec<llmnet_types::signature::Signed<llmnet_types::message::Close>>,
    transcript: Vec<(Phase, Vec<Opening>)>,
    rounds: u8,
    /// Whether those that bound nothing were replaced already (CON-8).
    replaced: bool,
    /// Seats that gave up and are not to be replaced, as things stand (CON-11).
    vacant: usize,
    cancelled: bool,
}

impl Session {
    /// Starts: the first seats are asked at once.
    pub fn new(setup: Setup, now: Timestamp) -> (Self, Vec<Effect>) {
        let contract = setup.contract();
        let mut session = Self {
            contract,
            stage: Stage::Answers,
            deadline: now.after(setup.answer_deadline_ms()),
            grace: None,
            alone: Phase::Answers,
            next_rank: 0,
            members: Vec::new(),
            closes: Vec::new(),
            transcript: Vec::new(),
            rounds: 0,
            replaced: false,
            vacant: 0,
            cancelled: false,
            setup,
        };
        let mut effects = vec![session.selected()];
        session.fill_seats(now, &mut effects);
        session.advance(now, &mut effects);
        (session, effects)
    }

    /// The contract's name.
    pub const fn contract(&self) -> ContractId {
        self.contract
    }

    /// Takes an input. Messages that are unsigned, late, or of another contract change nothing.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            _ if self.stage == Stage::Over => return effects,
            Input::Message { from, message } => self.receive(now, from, *message, &mut effects),
            Input::Unreached(seat) => self.unreached(now, seat, &mut effects),
            Input::Tick => {}
            Input::Cancel => self.cancel(now, &mut effects),
        }
        self.advance(now, &mut effects);
        effects
    }

    /// When the session wants to be stepped again if nothing else happens; `None` once it is over.
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.stage == Stage::Over {
            return None;
        }
        let asked = self
            .members
            .iter()
            .filter_map(|member| match member.presence {
                Presence::Asked { until } => Some(until),
                _ => None,
            });
        let asked = asked.filter(|_| self.stage == Stage::Answers);
        asked.chain(self.grace).chain([self.deadline]).min()
    }

    fn receive(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        message: ToCoordinator,
        effects: &mut Vec<Effect>,
    ) {
        match message {
            ToCoordinator::Reply(reply) if self.setup.signed(&reply, &from) => {
                self.replied(now, from, reply, effects);
            }
            ToCoordinator::Commit(commit) if self.setup.signed(&commit, &from) => {
                self.committed(now, from, &commit.body, effects);
            }
            ToCoordinator::Open(opening) => self.opened(from, *opening),
            ToCoordinator::GiveUp(word) if self.setup.signed(&word, &from) => {
                self.gave_up(now, from, &word.body, effects);
            }
            ToCoordinator::Part(part) if self.setup.signed(&part, &from) => {
                self.parted(from, *part);
            }
            _ => {}
        }
    }

    /// Moves from stage to stage while something is complete or out of time.
    fn advance(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        loop {
            let before = (self.stage, self.deadline);
            match self.stage {
                Stage::Answers => self.advance_answers(now, effects),
                Stage::Opening(phase) => self.advance_opening(now, phase, effects),
                Stage::Binding(phase) => self.advance_binding(now, phase, effects),
                Stage::Parting => self.advance_parting(now, effects),
                Stage::Over => return,
            }
            if (self.stage, self.deadline) == before {
                return;
            }
        }
    }

    /// The requester is gone. What was opened is accounted for and owed its base; what was not is not
    /// billed (CON-9).
    fn cancel(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.cancelled = true;
        self.grace = None;
        match self.stage {
            Stage::Answers => {
                let alone = self.alone;
                for member in &mut self.members {
                    if !member.is_active() || member.alone() != alone {
                        continue;
                    }
                    effects.push(Effect::Send {
                        to: member.node,
                        message: Box::new(ToSeat::Cancel(self.contract)),
                    });
                    // Who accepted had no chance to serve: that is nobody's no-show.
                    if member.is_present() {
                        member.presence = Presence::Failed(SeatOutcome::Excused);
                    }
                }
                self.conclude_alone(now, effects);
            }
            Stage::Binding(phase) => self.hurry(now, phase, effects),
            // Openings are on their way: the gate concludes when they are in.
            Stage::Opening(_) | Stage::Parting | Stage::Over => {}
        }
    }

    fn member(&mut self, node: &PublicKey) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.node == *node)
    }

    /// Seats that something can still come from.
    fn reached(&self) -> impl Iterator<Item = &Member> {
        self.present().filter(|member| !member.unreached)
    }

    fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_present())
    }
}
