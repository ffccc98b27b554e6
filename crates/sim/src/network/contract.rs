//! A contract, from its order to its receipt: production's session and production's seats, message by message.
//!
//! The clock jumps from event to event. Messages take a while and keep their order on a link. What coordinator and
//! seats say is signed; it is not verified, as all of them run in one program, which production does not verify
//! either ([`Setup::own`]). What reaches the ledger is.

use std::collections::BTreeMap;

use llmnet_protocol::{
    message::{Offer, ToCoordinator, ToSeat},
    seat::{self, Account, Seat, Work},
    session::{Effect, Finished, Input, Session, Setup},
};
use llmnet_types::{
    message::{Answer, Revision},
    rating::Ballot,
    signature::{PrivateKey, PublicKey},
    units::Timestamp,
};

use super::mind::Plan;
use crate::chance::Chance;

/// What a message takes at the least, and how much more it may.
const LINK_MS: (u32, usize) = (10, 80);
/// After what time a seat accepts without having answered.
const ACCEPT_AFTER_MS: u32 = 400;
/// Work on a ballot or a revision, as a part of that on an answer.
const LATER_WORK: u32 = 2;
/// Events of a contract, far more than any has: seven seats, seven phases.
const EVENTS_MAX: usize = 10_000;

/// Who may be asked, and how they answer.
pub trait Panel {
    /// What a candidate is: its key and its account with the coordinator; `None` for a stranger.
    fn member(&self, node: &PublicKey, offer: &Offer) -> Option<(PrivateKey, Account)>;
    /// What it does about the offer.
    fn plan(&self, node: &PublicKey) -> Plan;
    /// Its answer after it saw its peers'.
    fn revises(&self, node: &PublicKey, own: usize, shown: &[Answer]) -> Option<Revision>;
    /// Its judgement of them.
    fn judges(&self, node: &PublicKey, own: usize, shown: &[Answer]) -> Ballot;
    /// Its first answer, in the words of the contract.
    fn answer(&self, node: &PublicKey, seat: &Seat) -> Option<Answer>;
}

enum Event {
    ToSeat(PublicKey, Box<ToSeat>),
    ToSession(PublicKey, Box<ToCoordinator>),
    Unreached(PublicKey),
    Done(PublicKey, seat::Input),
}

struct Play<'a> {
    panel: &'a dyn Panel,
    session: Session,
    seats: BTreeMap<PublicKey, Seat>,
    events: BTreeMap<(Timestamp, u64), Event>,
    links: BTreeMap<(PublicKey, bool), Timestamp>,
    chance: Chance,
    count: u64,
    now: Timestamp,
    finished: Option<Finished>,
}

/// Plays a contract that begins at a moment. Gives what came of it and when.
pub fn play(
    setup: Setup,
    panel: &dyn Panel,
    chance: Chance,
    begins: Timestamp,
) -> Option<(Finished, Timestamp)> {
    let (session, effects) = Session::new(setup, begins);
    let mut play = Play {
        panel,
        session,
        seats: BTreeMap::new(),
        events: BTreeMap::new(),
        links: BTreeMap::new(),
        chance,
        count: 0,
        now: begins,
        finished: None,
    };
    play.perform(effects);
    for _ in 0..EVENTS_MAX {
        if play.finished.is_some() || !play.turn() {
            break;
        }
    }
    let ended = play.now;
    play.finished.map(|finished| (finished, ended))
}

impl Play<'_> {
    fn at(&mut self, when: Timestamp, event: Event) {
        self.count += 1;
        self.events.insert((when, self.count), event);
    }

    /// When a message of a link arrives: after all that was sent on it before.
    fn arrival(&mut self, node: PublicKey, back: bool) -> Timestamp {
        let (least, more) = LINK_MS;
        let takes = least + self.chance.below(more) as u32;
        let last = self.links.get(&(node, back)).copied();
        let when = self
            .now
            .after(takes)
            .max(last.map_or(Timestamp(0), |last| last.after(1)));
        self.links.insert((node, back), when);
        when
    }

    fn turn(&mut self) -> bool {
        let alarms = self
            .seats
            .values()
            .filter_map(Seat::wake_at)
            .chain(self.session.wake_at());
        let alarm = alarms.min();
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = alarm.into_iter().chain(event).min() else {
            return false;
        };
        self.now = self.now.max(next);
        if event.is_some_and(|at| at <= self.now)
            && let Some((_, event)) = self.events.pop_first()
        {
            self.deliver(event);
            return true;
        }
        let now = self.now;
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let nodes: Vec<PublicKey> = self
            .seats
            .iter()
            .filter(|(_, seat)| due(seat.wake_at()))
            .map(|(node, _)| *node)
            .collect();
        for node in nodes {
            self.seat(node, seat::Input::Tick);
        }
        if due(self.session.wake_at()) {
            self.step(Input::Tick);
        }
        true
    }

    fn deliver(&mut self, event: Event) {
        match event {
            Event::ToSeat(node, message) => match *message {
                ToSeat::Offer(offer) => self.offered(node, *offer),
                message => self.seat(node, seat::Input::Message(Box::new(message))),
            },
            Event::ToSession(from, message) => self.step(Input::Message { from, message }),
            Event::Unreached(node) => self.step(Input::Unreached(node)),
            Event::Done(node, input) => self.seat(node, input),
        }
    }

    fn offered(&mut self, node: PublicKey, offer: Offer) {
        let Some((key, account)) = self.panel.member(&node, &offer) else {
            return;
        };
        let version = "llmnet-sim".to_owned();
        match Seat::new(&account, key, version, ACCEPT_AFTER_MS, offer, self.now) {
            Ok((seat, effects)) => {
                self.seats.insert(node, seat);
                self.act(node, effects);
            }
            Err(Some(reply)) => {
                let when = self.arrival(node, true);
                self.at(when, Event::ToSession(node, reply));
            }
            Err(None) => {}
        }
    }

    fn seat(&mut self, node: PublicKey, input: seat::Input) {
        let now = self.now;
        if let Some(seat) = self.seats.get_mut(&node) {
            let effects = seat.step(now, input);
            self.act(node, effects);
        }
    }

    fn act(&mut self, node: PublicKey, effects: Vec<seat::Effect>) {
        for effect in effects {
            match effect {
                seat::Effect::Send(message) => {
                    let when = self.arrival(node, true);
                    self.at(when, Event::ToSession(node, message));
                }
                seat::Effect::Work(work) => self.work(node, work),
                seat::Effect::Done => {}
            }
        }
    }

    fn work(&mut self, node: PublicKey, work: Work) {
        let plan = self.panel.plan(&node);
        let later = plan.latency_ms / LATER_WORK;
        let (takes, input) = match work {
            Work::Answer => {
                let seat = self.seats.get(&node);
                let answer = seat.and_then(|seat| self.panel.answer(&node, seat));
                // Who says nothing has accepted, and is never done.
                let Some(answer) = answer else { return };
                (plan.latency_ms, seat::Input::Answered(Ok(answer)))
            }
            Work::Revise { own, shown } => {
                let revision = self.panel.revises(&node, own, &shown);
                (later, seat::Input::Revised(revision))
            }
            Work::Synthesise { .. } => (later, seat::Input::Revised(None)),
            Work::Judge { own, shown } => {
                let ballot = self.panel.judges(&node, own, &shown);
                (later, seat::Input::Judged(Some(ballot)))
            }
        };
        let when = self.now.after(takes.max(1));
        self.at(when, Event::Done(node, input));
    }

    fn step(&mut self, input: Input) {
        let effects = self.session.step(self.now, input);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    let offers = matches!(*message, ToSeat::Offer(_));
                    if offers && !self.panel.plan(&to).reached {
                        let when = self.now.after(LINK_MS.0);
                        self.at(when, Event::Unreached(to));
                        continue;
                    }
                    let when = self.arrival(to, false);
                    self.at(when, Event::ToSeat(to, message));
                }
                Effect::Progress(_) => {}
                Effect::Finished(finished) => self.finished = Some(*finished),
            }
        }
    }
}
