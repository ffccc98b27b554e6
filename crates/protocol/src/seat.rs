//! A contract, from a respondent's side (PROTOCOL 3 and 5).
//!
//! A seat checks the offer against its own registration and line, works, and shows nothing before the
//! coordinator has bound itself to what counts. It works for nobody who has not promised to pay.

mod checks;

use llmnet_types::{
    codec::{List, Text, encode},
    contract::Strategy,
    id::{ContractId, Digest, NetworkId, Salt},
    message::{
        Answer, Close, Commit, DeclineReason, GiveUp, Opening, Part, Payload, Phase, Reply,
        Response, Revision,
    },
    passage::{SharedPassages, seen_first},
    rating::{Ballot, commitment},
    reputation::Credence,
    request::Request,
    signature::{Message, PrivateKey, PublicKey, Signed},
    units::{Timestamp, Tokens},
};

pub use checks::Account;

use crate::{
    debate::{Case, SeatView, input_tokens, is_bound, read_transcript},
    message::{Next, Offer, Relay, ToCoordinator, ToSeat, opening_commitment},
};

/// What a seat is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// Its coordinator sent something. The transport has proven who sent it.
    Message(Box<ToSeat>),
    /// The backend is done with the first answer, or declines.
    Answered(Result<Answer, DeclineReason>),
    /// The backend is done with a revision or a synthesis; `None` where it failed.
    Revised(Option<Revision>),
    /// The backend is done judging; `None` where it failed.
    Judged(Option<Ballot>),
    /// Time has passed.
    Tick,
}

/// What a seat wants done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send to the coordinator.
    Send(Box<ToCoordinator>),
    /// Let the backend work.
    Work(Work),
    /// Nothing more will come of this contract.
    Done,
}

/// Work for a backend.
#[derive(Debug, Clone)]
pub enum Work {
    /// Answer alone.
    Answer,
    /// Look at the peers' answers and keep or change one's own.
    Revise {
        /// The place of one's own answer among those shown.
        own: usize,
        /// All answers, shuffled.
        shown: Vec<Answer>,
    },
    /// Write one answer from all answers.
    Synthesise {
        /// The place of one's own answer among those shown.
        own: usize,
        /// All answers, shuffled.
        shown: Vec<Answer>,
        /// Tokens that are left of the seat's cap (CON-10).
        output_max: Tokens,
    },
    /// Compare the peers' answers.
    Judge {
        /// The place of one's own answer among those shown.
        own: usize,
        /// All answers, shuffled.
        shown: Vec<Answer>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The backend works on this phase.
    Working(Phase),
    /// The coordinator's turn.
    Waiting,
    /// Nothing more to do.
    Over,
}

/// What was bound and does not count before the coordinator says so.
#[derive(Debug, Clone)]
struct Pending {
    phase: Phase,
    commitment: Digest,
    opening: Opening,
}

/// One contract of one respondent.
#[derive(Debug)]
pub struct Seat {
    network: NetworkId,
    key: PrivateKey,
    version: String,
    offer: Box<Offer>,
    coordinator: PublicKey,
    /// Whether the coordinator is one's own program.
    own: bool,
    stage: Stage,
    deadline: Timestamp,
    accepted: bool,
    /// When to accept without an answer.
    accept_at: Timestamp,
    /// What was shown before the phase at hand.
    shown: Digest,
    closes: Vec<Close>,
    transcript: Vec<(Phase, Vec<Opening>)>,
    /// Bound and counted, in order.
    commitments: Vec<Digest>,
    pending: Option<Pending>,
    /// Opened, and not yet seen among what everybody opened.
    opened: Option<Payload>,
    first: Option<Answer>,
    last: Option<Answer>,
    ballot: Ballot,
}

impl Seat {
    /// Takes an offer, or says why not.
    ///
    /// It accepts with its answer, so that a seat with nothing to say, or whose model fails, declines
    /// instead of failing; but after `accept_after_ms` at the latest, as a slow model must.
    ///
    /// # Errors
    /// The reply that declines the offer; nothing where the offer is not even signed by whom it says.
    pub fn new(
        account: &Account,
        key: PrivateKey,
        version: String,
        accept_after_ms: u32,
        offer: Offer,
        now: Timestamp,
    ) -> Result<(Self, Vec<Effect>), Option<Box<ToCoordinator>>> {
        let assign = &offer.assign.body;
        account.check(&offer).map_err(|declined| {
            declined.map(|reason| {
                let body = Reply {
                    assign: assign.digest(),
                    response: Response::Decline(reason),
                };
                Box::new(ToCoordinator::Reply(Signed::new(
                    body,
                    &account.network,
                    &key,
                )))
            })
        })?;
        let durations = assign.durations;
        let mut seat = Self {
            network: account.network,
            key,
            version,
            coordinator: account.coordinator,
            own: account.own,
            stage: Stage::Working(assign.phase),
            deadline: now.after(durations.accept_ms.saturating_add(durations.answer_ms)),
            accepted: false,
            accept_at: now.after(accept_after_ms),
            shown: seen_first(&offer.terms.request, &offer.shared),
            closes: Vec::new(),
            transcript: Vec::new(),
            commitments: Vec::new(),
            pending: None,
            opened: None,
            first: None,
            last: None,
            ballot: List::new(),
            offer: Box::new(offer),
        };
        let mut effects = Vec::new();
        if seat.must_accept(now) {
            effects.push(seat.accept());
        }
        effects.push(Effect::Work(Work::Answer));
        Ok((seat, effects))
    }

    /// The contract.
    pub fn contract(&self) -> ContractId {
        self.offer.assign.body.contract
    }

    /// What is asked.
    pub fn request(&self) -> &Request {
        &self.offer.request
    }

    /// What all seats are shown of experts' documents, beside the request.
    pub fn shared(&self) -> &SharedPassages {
        &self.offer.shared
    }

    /// When the seat wants to be stepped if nothing else happens; `None` once it is over.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let waiting = self.is_answering() && !self.accepted;
        let at = if waiting {
            self.accept_at.min(self.deadline)
        } else {
            self.deadline
        };
        (self.stage != Stage::Over).then_some(at)
    }

    /// Whether its first answer is being worked on.
    fn is_answering(&self) -> bool {
        self.stage == Stage::Working(self.alone())
    }

    /// The phase in which it answers alone.
    fn alone(&self) -> Phase {
        self.offer.assign.body.phase
    }

    /// Whether the work takes so long that a yes cannot wait for it.
    fn must_accept(&self, now: Timestamp) -> bool {
        !self.accepted && self.is_answering() && self.accept_at <= now
    }

    /// Takes an input. What does not fit the stage, or is not signed, changes nothing.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Vec<Effect> {
        match (self.stage, input) {
            (Stage::Over, _) => Vec::new(),
            (_, Input::Tick) if self.deadline <= now => self.over(),
            (_, Input::Tick) if self.must_accept(now) => vec![self.accept()],
            (Stage::Working(phase), Input::Answered(answer)) if phase == self.alone() => {
                self.answered(now, answer)
            }
            (Stage::Working(phase @ Phase::Round(_)), Input::Revised(revision)) => {
                self.revised(phase, revision)
            }
            (Stage::Working(Phase::Ballots), Input::Judged(ballot)) => self.judged(ballot),
            (_, Input::Message(message)) => self.receive(now, *message),
            _ => Vec::new(),
        }
    }

    fn receive(&mut self, now: Timestamp, message: ToSeat) -> Vec<Effect> {
        match message {
            ToSeat::Close(close)
                if self.own || close.verify(&self.network, &self.coordinator).is_ok() =>
            {
                self.closed(now, close.body)
            }
            ToSeat::Relay(relay) if relay.contract == self.contract() => self.relayed(now, *relay),
            ToSeat::Cancel(contract) if contract == self.contract() => self.over(),
            _ => Vec::new(),
        }
    }

    fn over(&mut self) -> Vec<Effect> {
        self.stage = Stage::Over;
        vec![Effect::Done]
    }

    fn reply(&self, response: Response) -> Effect {
        let body = Reply {
            assign: self.offer.assign.body.digest(),
            response,
        };
        Effect::Send(Box::new(ToCoordinator::Reply(Signed::new(
            body,
            &self.network,
            &self.key,
        ))))
    }

    fn accept(&mut self) -> Effect {
        self.accepted = true;
        self.reply(Response::Accept)
    }

    fn answered(&mut self, now: Timestamp, answer: Result<Answer, DeclineReason>) -> Vec<Effect> {
        match answer {
            Ok(answer) => {
                let mut effects = Vec::new();
                if !self.accepted {
                    effects.push(self.accept());
                }
                effects.push(self.commit(self.alone(), Payload::Answer(answer)));
                self.deadline = self.peers_answer(now);
                effects
            }
            // Too late to decline, and nobody need wait for it.
            Err(reason) if self.accepted => {
                let body = GiveUp {
                    contract: self.contract(),
                    reason,
                };
                let word = Signed::new(body, &self.network, &self.key);
                self.stage = Stage::Over;
                vec![
                    Effect::Send(Box::new(ToCoordinator::GiveUp(word))),
                    Effect::Done,
                ]
            }
            Err(reason) => {
                let reply = self.reply(Response::Decline(reason));
                self.stage = Stage::Over;
                vec![reply, Effect::Done]
            }
        }
    }

    /// A backend that failed keeps its answer: silence must not look like a change of mind.
    fn revised(&mut self, phase: Phase, revision: Option<Revision>) -> Vec<Effect> {
        let kept = self.last.clone().map(|answer| Revision {
            answer,
            convinced_by: None,
            reason: Text::default(),
        });
        let Some(revision) = revision.or(kept) else {
            return self.over();
        };
        vec![self.commit(phase, Payload::Revision(revision))]
    }

    fn judged(&mut self, ballot: Option<Ballot>) -> Vec<Effect> {
        let payload = Payload::Ballot(ballot.unwrap_or_default());
        vec![self.commit(Phase::Ballots, payload)]
    }

    /// Binds a payload. The salt is derived from the key, so a seat that restarts opens the same.
    fn commit(&mut self, phase: Phase, payload: Payload) -> Effect {
        let secret = Salt(self.key.derive("llmnet/seat-salt/1", 0));
        let name = [&self.contract().0[..], &encode(&phase)].concat();
        let salt = Salt(secret.digest(&name).0);
        let commitment = commitment(&salt, &encode(&payload), &self.shown);
        self.pending = Some(Pending {
            phase,
            commitment,
            opening: Opening { salt, payload },
        });
        self.stage = Stage::Waiting;
        let body = Commit {
            contract: self.contract(),
            phase,
            commitment,
        };
        Effect::Send(Box::new(ToCoordinator::Commit(Signed::new(
            body,
            &self.network,
            &self.key,
        ))))
    }

    /// Opens, if the coordinator counts what this seat bound; else what it bound never was (CON-5).
    fn closed(&mut self, now: Timestamp, close: Close) -> Vec<Effect> {
        let known = self.closes.iter().any(|other| other.phase == close.phase);
        if close.contract != self.contract() || known {
            return Vec::new();
        }
        let pending = self.pending.take().filter(|pending| {
            pending.phase == close.phase && close.commitments.contains(&pending.commitment)
        });
        // Others may be asked before anything follows (DEB-13).
        let others_follow = close.phase == Phase::Answers && self.offer.terms.asks_further();
        self.closes.push(close);
        self.stage = Stage::Waiting;
        self.deadline = if others_follow {
            self.peers_answer(now)
        } else {
            self.patience(now, 0)
        };
        let Some(pending) = pending else {
            return Vec::new();
        };
        self.commitments.push(pending.commitment);
        self.opened = Some(pending.opening.payload.clone());
        vec![Effect::Send(Box::new(ToCoordinator::Open(Box::new(
            pending.opening,
        ))))]
    }

    /// What one opened counts once everybody is shown it: an opening that was lost on its way is not
    /// on the transcript, and must not be in the account either.
    fn counted(&mut self, payload: Payload) {
        match payload {
            Payload::Answer(answer) => {
                self.first = Some(answer.clone());
                self.last = Some(answer);
            }
            Payload::Revision(revision) => self.last = Some(revision.answer),
            Payload::Ballot(ballot) => self.ballot = ballot,
        }
    }

    /// How long to wait once one's first answer is bound: peers may take all their time, and whoever
    /// fails to answer may be replaced once (CON-8).
    fn peers_answer(&self, now: Timestamp) -> Timestamp {
        let durations = self.offer.assign.body.durations;
        let answer_ms = durations.accept_ms.saturating_add(durations.answer_ms);
        self.patience(now, answer_ms.saturating_mul(2))
    }

    /// How long to wait for the coordinator: its own limit for the step, twice, and some work.
    fn patience(&self, now: Timestamp, work_ms: u32) -> Timestamp {
        let open_ms = self.offer.assign.body.durations.open_ms;
        now.after(open_ms.saturating_mul(2).saturating_add(work_ms))
    }

    /// Looks at what everybody opened, after checking that it is what they bound.
    fn relayed(&mut self, now: Timestamp, relay: Relay) -> Vec<Effect> {
        let close = self.closes.iter().find(|close| close.phase == relay.phase);
        let seen = self
            .transcript
            .iter()
            .any(|(phase, _)| *phase == relay.phase);
        let bound = match close {
            Some(close) => is_bound(close, &relay.openings, &self.shown),
            None => relay.openings.is_empty(),
        };
        if seen || !bound {
            return Vec::new();
        }
        let own = relay.openings.iter().position(|opening| {
            self.commitments
                .contains(&opening_commitment(opening, &self.shown))
        });
        if let Some(close) = close {
            self.shown = close.digest();
            if let Some(payload) = self.opened.take().filter(|_| own.is_some()) {
                self.counted(payload);
            }
            self.transcript
                .push((relay.phase, relay.openings.iter().cloned().collect()));
        }
        let shown = || relay.openings.iter().filter_map(answer_of).collect();
        let durations = self.offer.assign.body.durations;
        match (relay.next, own) {
            (Next::Phase(phase @ Phase::Round(_)), Some(own)) => {
                self.stage = Stage::Working(phase);
                self.deadline = self.patience(now, durations.round_ms);
                let shown = shown();
                vec![Effect::Work(match self.offer.terms.strategy {
                    Strategy::Mixture => Work::Synthesise {
                        own,
                        shown,
                        output_max: self.output_left(),
                    },
                    _ => Work::Revise { own, shown },
                })]
            }
            (Next::Stand(phase @ Phase::Round(_)), Some(_)) => {
                let bound = self.revised(phase, None);
                self.deadline = self.patience(now, durations.round_ms);
                bound
            }
            (Next::Phase(phase @ Phase::Ballots), Some(own)) => {
                self.stage = Stage::Working(phase);
                self.deadline = self.patience(now, durations.ballot_ms);
                vec![Effect::Work(Work::Judge {
                    own,
                    shown: shown(),
                })]
            }
            (Next::Phase(_) | Next::Stand(_), _) => {
                // Left out of this step, still in the vote.
                self.stage = Stage::Waiting;
                self.deadline = self.patience(now, durations.round_ms.max(durations.ballot_ms));
                Vec::new()
            }
            (Next::Finish, _) if self.first.is_some() => {
                let part = self.part();
                self.stage = Stage::Over;
                vec![
                    Effect::Send(Box::new(ToCoordinator::Part(Box::new(part)))),
                    Effect::Done,
                ]
            }
            (Next::Finish, _) => self.over(),
        }
    }

    /// What everything said in the contract is read by.
    fn case(&self) -> Case<'_> {
        Case {
            contract: self.contract(),
            request: &self.offer.request,
            terms: &self.offer.terms,
            shared: &self.offer.shared,
        }
    }

    /// Tokens that the seat may still deliver and be paid for (CON-10).
    fn output_left(&self) -> Tokens {
        let delivered = self.output(&self.part_without_output());
        let cap = self.offer.terms.caps.output_tokens.0;
        Tokens(cap.saturating_sub(delivered.0))
    }

    fn part(&self) -> Signed<Part> {
        let mut part = self.part_without_output();
        part.output = self.output(&part);
        Signed::new(part, &self.network, &self.key)
    }

    fn part_without_output(&self) -> Part {
        let class =
            |answer: &Option<Answer>| answer.as_ref().map_or(Digest::ZERO, |answer| answer.class);
        let cited = self.last.iter().flat_map(|answer| answer.evidence.iter());
        Part {
            contract: self.contract(),
            commitments: List::truncated(self.commitments.iter().copied()),
            first_class: class(&self.first),
            last_class: class(&self.last),
            ballot: self.ballot.clone(),
            version: Text::truncated(&self.version),
            input: input_tokens(&self.case(), &self.transcript),
            output: Tokens(0),
            citations: List::truncated(cited.map(|evidence| evidence.passage.digest())),
        }
    }

    /// What it delivered, counted as the coordinator and any verifier will count it.
    fn output(&self, part: &Part) -> Tokens {
        let corpora = self.transcript.iter().flat_map(|(_, openings)| openings);
        let corpus = corpora
            .filter_map(answer_of)
            .flat_map(|answer| answer.evidence.into_vec())
            .map(|evidence| evidence.citation.root)
            .collect::<Vec<_>>();
        // Its own corpus is that of whatever it cited and nobody was shown.
        let case = self.case();
        let own = self
            .first
            .iter()
            .flat_map(|answer| answer.evidence.iter())
            .filter(|evidence| !case.shows(evidence))
            .map(|evidence| evidence.citation.root)
            .next()
            .unwrap_or(Digest::ZERO);
        let mut views = vec![SeatView {
            part: Some(part),
            corpus: own,
            credence: Credence::default(),
        }];
        // Peers' corpora are known from what they cited: enough to read one's own revisions.
        views.extend(corpus.into_iter().map(|corpus| SeatView {
            part: None,
            corpus,
            credence: Credence::default(),
        }));
        let reading = read_transcript(&self.case(), &views, &self.closes, &self.transcript);
        reading.outputs[0]
    }
}

fn answer_of(opening: &Opening) -> Option<Answer> {
    match &opening.payload {
        Payload::Answer(answer) => Some(answer.clone()),
        Payload::Revision(revision) => Some(revision.answer.clone()),
        Payload::Ballot(_) => None,
    }
}
