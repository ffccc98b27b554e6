//! A network in memory: the clock jumps from event to event, and a seed draws how long each takes.
//!
//! As on a real transport, who sent a message is proven and two messages from one node to another keep
//! their order; everything else is up to the seed. A run prints nothing; its seed is in the test's
//! name or in the failure that a property prints.

use std::collections::BTreeMap;

use llmnet_protocol::{
    message::{ToCoordinator, ToSeat},
    session::{Effect, Finished, Input, Session},
};
use llmnet_types::{id::Digest, request::Progress, signature::PublicKey, units::Timestamp};

use crate::{
    audit::audit,
    respondent::{Honest, Respondent, Script},
    world::World,
};

/// Chance from a seed.
#[derive(Debug, Clone)]
pub struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub fn next(&mut self) -> u64 {
        self.drawn += 1;
        let bytes = [self.seed.to_le_bytes(), self.drawn.to_le_bytes()];
        let digest = Digest::tagged("llmnet/test-chance/1", &[&bytes[0], &bytes[1]]);
        u64::from_le_bytes(digest.0[..8].try_into().unwrap())
    }

    /// Less than `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// When the requester hangs up.
#[derive(Clone, Copy)]
pub enum HangUp {
    Never,
    /// Once a seat has sent such a message.
    After(fn(&ToCoordinator) -> bool),
    /// Once the coordinator has sent such a message.
    Seeing(fn(&ToSeat) -> bool),
}

/// How bad the network is.
#[derive(Clone, Copy)]
pub struct Weather {
    pub seed: u64,
    pub latency_ms_max: u64,
    pub lost_percent: u64,
    pub hang_up: HangUp,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            seed: 1,
            latency_ms_max: 20,
            lost_percent: 0,
            hang_up: HangUp::Never,
        }
    }
}

enum Event {
    ToSeat(usize, Box<ToSeat>),
    ToSession(usize, Box<ToCoordinator>),
    Unreached(usize),
}

/// What a run came to.
pub struct Run {
    pub finished: Finished,
    pub progress: Vec<Progress>,
    /// All that seats were sent, in order.
    pub sent: Vec<(PublicKey, ToSeat)>,
    pub ended_at: Timestamp,
}

/// Respondents by rank; `None` cannot be reached.
pub type Panel = Vec<Option<Box<dyn Respondent>>>;

/// A panel of honest respondents.
pub fn honest(world: &World, scripts: Vec<Script>) -> Panel {
    let seats = scripts.into_iter().enumerate();
    seats
        .map(|(rank, script)| {
            Some(Box::new(Honest::new(world, rank, script)) as Box<dyn Respondent>)
        })
        .collect()
}

struct Network<'a> {
    world: &'a World,
    session: Session,
    panel: Panel,
    weather: Weather,
    chance: Chance,
    now: Timestamp,
    events: BTreeMap<(Timestamp, u64), Event>,
    /// When the last message of each link arrives: to a seat, from a seat.
    links: Vec<[Timestamp; 2]>,
    hung_up: bool,
    record: Record,
}

#[derive(Default)]
struct Record {
    finished: Option<(Finished, Timestamp)>,
    progress: Vec<Progress>,
    sent: Vec<(PublicKey, ToSeat)>,
}

/// Plays a contract on a fair day.
pub fn play(world: &World, panel: Panel) -> Run {
    play_in(world, panel, Weather::default())
}

/// Plays a contract to its end and audits it.
pub fn play_in(world: &World, panel: Panel, weather: Weather) -> Run {
    let (session, effects) = Session::new(world.setup.clone(), Timestamp(0));
    let mut network = Network {
        world,
        session,
        links: vec![[Timestamp(0); 2]; panel.len()],
        panel,
        weather,
        chance: Chance::new(weather.seed),
        now: Timestamp(0),
        events: BTreeMap::new(),
        hung_up: false,
        record: Record::default(),
    };
    network.perform(effects);
    while network.turn() {}
    let (finished, ended_at) = network.record.finished.expect("a session comes to its end");
    let run = Run {
        finished,
        progress: network.record.progress,
        sent: network.record.sent,
        ended_at,
    };
    audit(world, &run);
    run
}

impl Network<'_> {
    /// The next event, alarm clocks included; `false` where nothing will ever happen again.
    fn turn(&mut self) -> bool {
        let seats = self.panel.iter().flatten();
        let alarms = seats
            .filter_map(|seat| seat.wake_at())
            .chain(self.session.wake_at());
        let alarm = alarms.min();
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = alarm.into_iter().chain(event).min() else {
            return false;
        };
        self.now = self.now.max(next);
        if event.is_some_and(|at| at <= self.now) {
            let (_, event) = self.events.pop_first().unwrap();
            self.deliver(event);
            return true;
        }
        for rank in 0..self.panel.len() {
            let now = self.now;
            let due = |seat: &mut Box<dyn Respondent>| seat.wake_at().is_some_and(|at| at <= now);
            if let Some(seat) = self.panel[rank].as_mut()
                && due(seat)
            {
                let messages = seat.wake(now);
                assert!(!due(seat), "a seat that was woken goes on or waits");
                self.collect(rank, messages);
            }
        }
        if self.session.wake_at().is_some_and(|at| at <= self.now) {
            self.step(Input::Tick);
            let wake_at = self.session.wake_at();
            assert!(
                wake_at.is_none_or(|at| at > self.now),
                "a tick moves a session"
            );
        }
        true
    }

    fn deliver(&mut self, event: Event) {
        match event {
            Event::ToSeat(rank, message) => {
                if let Some(seat) = self.panel[rank].as_mut() {
                    let bytes = message.to_bytes();
                    let message = ToSeat::from_bytes(&bytes).expect("messages fit the wire");
                    let messages = seat.receive(self.now, message);
                    self.collect(rank, messages);
                }
            }
            Event::ToSession(rank, message) => {
                let hang_up = matches!(self.weather.hang_up, HangUp::After(when) if when(&message));
                let bytes = message.to_bytes();
                let message = ToCoordinator::from_bytes(&bytes).expect("messages fit the wire");
                let from = self.world.node(rank);
                self.step(Input::Message {
                    from,
                    message: Box::new(message),
                });
                if hang_up {
                    self.hang_up();
                }
            }
            Event::Unreached(rank) => self.step(Input::Unreached(self.world.node(rank))),
        }
    }

    fn hang_up(&mut self) {
        if !self.hung_up {
            self.hung_up = true;
            self.step(Input::Cancel);
        }
    }

    fn step(&mut self, input: Input) {
        let effects = self.session.step(self.now, input);
        assert!(
            self.record.finished.is_none() || effects.is_empty(),
            "nothing follows the end"
        );
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut hang_up = false;
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    hang_up |=
                        matches!(self.weather.hang_up, HangUp::Seeing(when) if when(&message));
                    self.record.sent.push((to, (*message).clone()));
                    self.send(to, message);
                }
                Effect::Progress(progress) => self.record.progress.push(progress),
                Effect::Finished(finished) => self.record.finished = Some((*finished, self.now)),
            }
        }
        if hang_up {
            self.hang_up();
        }
    }

    fn send(&mut self, to: PublicKey, message: Box<ToSeat>) {
        let rank = self.world.nodes.iter().position(|node| *node == to);
        let rank = rank.expect("only candidates are written to");
        if self.panel.get(rank).is_none_or(Option::is_none) {
            let at = self.now.after(1);
            self.events
                .insert((at, self.chance.next()), Event::Unreached(rank));
        } else if let Some(key) = self.arrival(rank, 0) {
            self.events.insert(key, Event::ToSeat(rank, message));
        }
    }

    fn collect(&mut self, rank: usize, messages: Vec<ToCoordinator>) {
        for message in messages {
            if let Some(key) = self.arrival(rank, 1) {
                let event = Event::ToSession(rank, Box::new(message));
                self.events.insert(key, event);
            }
        }
        let is_cut = self.panel[rank]
            .as_ref()
            .is_some_and(|seat| !seat.is_linked());
        if is_cut {
            let at = self.now.after(1);
            self.events
                .insert((at, self.chance.next()), Event::Unreached(rank));
        }
    }

    /// When a message of a link arrives, after all that was sent on it before; `None` if it is lost.
    fn arrival(&mut self, rank: usize, direction: usize) -> Option<(Timestamp, u64)> {
        if self.chance.percent(self.weather.lost_percent) {
            return None;
        }
        let latency = 1 + self.chance.below(self.weather.latency_ms_max);
        let last = self.links[rank][direction];
        let at = Timestamp(self.now.0 + latency).max(last.after(1));
        self.links[rank][direction] = at;
        Some((at, self.chance.next()))
    }
}
