//! A respondent that keeps the rules, its backend played by a script.

use std::{
    rc::Rc,
    sync::{Arc, Mutex},
};

use llmnet_model::answer::Answerer;
use llmnet_protocol::{
    message::{Offer, ToCoordinator, ToSeat},
    seat::{Account, Effect, Input, Seat, Work},
};
use llmnet_types::{
    class::text_class,
    codec::{List, Text},
    contract::Voucher,
    id::{Digest, LineId},
    message::{Answer, DeclineReason, Reply, Response, Revision},
    rating::{Ballot, Comparison, Preference},
    signature::{Message, PrivateKey, Signed},
    units::{Amount, Timestamp},
};

use crate::{
    minds::think,
    world::{World, key, price},
};

/// Whoever sits at the other end: honest or not.
pub trait Respondent {
    /// Takes what its coordinator sent.
    fn receive(&mut self, now: Timestamp, message: ToSeat) -> Vec<ToCoordinator>;
    /// Takes the passing of time.
    fn wake(&mut self, now: Timestamp) -> Vec<ToCoordinator>;
    /// When it wants to be woken.
    fn wake_at(&self) -> Option<Timestamp>;
    /// Whether its link still stands.
    fn is_linked(&self) -> bool {
        true
    }
}

/// What the backend finds and how long it takes.
#[derive(Debug, Clone)]
pub struct Script {
    pub answer: Result<Answer, DeclineReason>,
    /// Says Busy instead of working.
    pub busy: bool,
    /// Accepts before it has worked.
    pub eager: bool,
    /// For an answer, a revision, a ballot.
    pub think_ms: [u32; 3],
    /// Moves to a peer's answer with this text.
    pub convinced_by: Option<&'static str>,
    /// Moves to the next answer in each round, whatever it says.
    pub fickle: bool,
    /// Judges answers with this text to be better than others.
    pub prefers: Option<&'static str>,
    /// Writes this where it is asked for a synthesis.
    pub writes: Option<&'static str>,
}

impl Script {
    pub fn says(answer: Answer) -> Self {
        Self {
            answer: Ok(answer),
            busy: false,
            eager: true,
            think_ms: [100, 100, 100],
            convinced_by: None,
            fickle: false,
            prefers: None,
            writes: None,
        }
    }

    pub fn declines(world: &World, reason: DeclineReason) -> Self {
        Self {
            answer: Err(reason),
            eager: false,
            ..Self::says(world.answer(""))
        }
    }

    pub fn busy(world: &World) -> Self {
        Self {
            busy: true,
            ..Self::says(world.answer(""))
        }
    }

    pub fn convinced_by(self, text: &'static str) -> Self {
        Self {
            convinced_by: Some(text),
            ..self
        }
    }

    pub fn prefers(self, text: &'static str) -> Self {
        Self {
            prefers: Some(text),
            ..self
        }
    }

    pub fn writes(self, text: &'static str) -> Self {
        Self {
            writes: Some(text),
            ..self
        }
    }

    fn synthesise(&self, seat: &Seat) -> Option<Revision> {
        let text = self.writes?;
        Some(Revision {
            answer: Answer {
                text: Text::truncated(text),
                evidence: List::new(),
                class: text_class(&seat.contract(), seat.request(), text),
            },
            convinced_by: None,
            reason: Text::default(),
        })
    }

    pub fn thinks(self, think_ms: [u32; 3]) -> Self {
        Self { think_ms, ..self }
    }

    fn revise(&self, own: usize, shown: &[Answer]) -> Revision {
        let found = self.convinced_by.and_then(|text| {
            let differs = |answer: &&Answer| answer.text.as_str() == text;
            let place = shown.iter().position(|answer| differs(&answer))?;
            (place != own).then_some(place)
        });
        let found = if self.fickle {
            Some((own + 1) % shown.len())
        } else {
            found
        };
        Revision {
            answer: shown[found.unwrap_or(own)].clone(),
            convinced_by: found.and_then(|place| u8::try_from(place).ok()),
            reason: Text::truncated(found.map_or("", |_| "It cites a passage that says so.")),
        }
    }

    fn judge(&self, own: usize, shown: &[Answer]) -> Ballot {
        let likes = |place: usize| self.prefers == Some(shown[place].text.as_str());
        let places = (0..shown.len()).filter(|place| *place != own);
        let pairs = places.clone().flat_map(|first| {
            places
                .clone()
                .filter(move |second| first < *second)
                .map(move |second| (first, second))
        });
        List::truncated(pairs.map(|(first, second)| Comparison {
            first: u8::try_from(first).unwrap(),
            second: u8::try_from(second).unwrap(),
            better: match (likes(first), likes(second)) {
                (true, false) => Preference::First,
                (false, true) => Preference::Second,
                _ => Preference::Tie,
            },
        }))
    }
}

/// A node with a [`Seat`], as it should be.
pub struct Honest {
    pub account: Account,
    pub key: PrivateKey,
    pub script: Script,
    pub seat: Option<Seat>,
    /// The offer it was made, as it came.
    pub offer: Option<Offer>,
    work: Vec<(Timestamp, Work)>,
    /// Thinks in place of the script, but for first answers.
    pub mind: Option<Rc<dyn Answerer>>,
    /// The last Close it was sent.
    pub shown: Option<Digest>,
    /// What its backend was asked for: answers, revisions, syntheses, ballots, comparisons.
    pub asked: Arc<Mutex<[u32; 5]>>,
}

/// What a respondent of the world knows when it is asked.
pub fn account(world: &World, rank: usize) -> Account {
    Account {
        network: world.setup.network,
        coordinator: world.setup.key.public_key(),
        requester: world.setup.requester,
        line: LineId(5),
        deposit: Amount::CREDIT,
        seat: world.node(rank),
        nonce: 1,
        price: price(),
        owed: Amount::ZERO,
        credit_limit: Amount::CREDIT,
        own: false,
    }
}

impl Honest {
    pub fn new(world: &World, rank: usize, script: Script) -> Self {
        Self {
            account: account(world, rank),
            key: world.key(rank),
            script,
            seat: None,
            offer: None,
            work: Vec::new(),
            mind: None,
            shown: None,
            asked: Arc::clone(&world.asked),
        }
    }

    /// The same with a mind of its own.
    pub fn minded(self, mind: impl Answerer + 'static) -> Self {
        Self {
            mind: Some(Rc::new(mind)),
            ..self
        }
    }

    fn offered(&mut self, now: Timestamp, offer: Offer) -> Vec<ToCoordinator> {
        self.offer = Some(offer.clone());
        if self.script.busy {
            let body = Reply {
                assign: offer.assign.body.digest(),
                response: Response::Busy,
            };
            let reply = Signed::new(body, &self.account.network, &self.key);
            return vec![ToCoordinator::Reply(reply)];
        }
        let seat = Seat::new(
            &self.account,
            self.key.clone(),
            "script/1".to_owned(),
            if self.script.eager { 0 } else { u32::MAX },
            offer,
            now,
        );
        match seat {
            Ok((seat, effects)) => {
                self.seat = Some(seat);
                self.perform(now, effects)
            }
            Err(reply) => reply.into_iter().map(|reply| *reply).collect(),
        }
    }

    fn perform(&mut self, now: Timestamp, effects: Vec<Effect>) -> Vec<ToCoordinator> {
        let mut messages = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(message) => messages.push(*message),
                Effect::Work(work) => {
                    self.note(&work);
                    let think_ms = match work {
                        Work::Answer => self.script.think_ms[0],
                        Work::Revise { .. } | Work::Synthesise { .. } => self.script.think_ms[1],
                        Work::Judge { .. } => self.script.think_ms[2],
                    };
                    self.work.push((now.after(think_ms), work));
                }
                Effect::Done => {}
            }
        }
        messages
    }

    /// What the script says.
    fn recite(&self, work: Work) -> Input {
        match work {
            Work::Answer => Input::Answered(self.script.answer.clone()),
            Work::Revise { own, shown } => Input::Revised(Some(self.script.revise(own, &shown))),
            Work::Synthesise { .. } => {
                let seat = self.seat.as_ref();
                Input::Revised(seat.and_then(|seat| self.script.synthesise(seat)))
            }
            Work::Judge { own, shown } => Input::Judged(Some(self.script.judge(own, &shown))),
        }
    }

    fn note(&self, work: &Work) {
        let mut asked = self.asked.lock().unwrap();
        match work {
            Work::Answer => asked[0] += 1,
            Work::Revise { .. } => asked[1] += 1,
            Work::Synthesise { .. } => asked[2] += 1,
            Work::Judge { shown, .. } => {
                let peers = u32::try_from(shown.len()).unwrap() - 1;
                asked[3] += 1;
                asked[4] += peers * peers.saturating_sub(1) / 2;
            }
        }
    }

    fn step(&mut self, now: Timestamp, input: Input) -> Vec<ToCoordinator> {
        let Some(seat) = &mut self.seat else {
            return Vec::new();
        };
        let effects = seat.step(now, input);
        self.perform(now, effects)
    }
}

impl Respondent for Honest {
    fn receive(&mut self, now: Timestamp, message: ToSeat) -> Vec<ToCoordinator> {
        if let ToSeat::Close(close) = &message {
            self.shown = Some(close.body.digest());
        }
        match message {
            ToSeat::Offer(offer) if self.offer.is_none() => self.offered(now, *offer),
            message => self.step(now, Input::Message(Box::new(message))),
        }
    }

    fn wake(&mut self, now: Timestamp) -> Vec<ToCoordinator> {
        let mut messages = Vec::new();
        while let Some(place) = self.work.iter().position(|(at, _)| *at <= now) {
            let (_, work) = self.work.remove(place);
            let thought = match (&self.mind, &self.seat) {
                (Some(mind), Some(seat)) => think(&**mind, seat, &work),
                _ => None,
            };
            let input = thought.unwrap_or_else(|| self.recite(work));
            messages.extend(self.step(now, input));
        }
        messages.extend(self.step(now, Input::Tick));
        messages
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let work = self.work.iter().map(|(at, _)| *at);
        work.chain(self.seat.as_ref().and_then(Seat::wake_at)).min()
    }
}

/// A voucher of somebody, for tests that change offers.
pub fn voucher(world: &World, owner: &str, limit: Amount, terms: Digest) -> Signed<Voucher> {
    let voucher = Voucher {
        limit,
        terms,
        ..world.setup.voucher.body.clone()
    };
    Signed::new(voucher, &world.setup.network, &key(owner))
}
