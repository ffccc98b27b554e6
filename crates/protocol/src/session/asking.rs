//! Filling the panel and collecting first answers (SEL-7, CON-3, CON-8).

use llmnet_types::{
    codec::encode,
    contract::{Assign, SEATS_MAX},
    message::{Commit, GiveUp, Phase, Reply, Response},
    receipt::SeatOutcome,
    request::Progress,
    signature::{Message, PublicKey, Signed},
    units::Timestamp,
};

use super::{Effect, Member, Presence, Session, Stage};
use crate::message::{Offer, ToSeat};

impl Session {
    /// Asks candidates in order until as many are asked or seated as are wanted (SEL-7). Behind as many
    /// as are wanted and said no word nobody is asked any more: of more, the coordinator's word that they
    /// were not reached is not taken (DIS-5).
    pub(super) fn fill_seats(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let wanted = self.wanted();
        let asked_max = self.setup.order.len().min(2 * wanted);
        while self.next_rank < asked_max
            && self.taken() + self.vacant < wanted
            && self.accountable() < SEATS_MAX
            && self.silent() <= wanted
        {
            let rank = self.next_rank;
            self.next_rank += 1;
            if let Some(member) = self.ask(now, rank) {
                effects.push(Effect::Send {
                    to: member.node,
                    message: Box::new(ToSeat::Offer(Box::new(self.offer(&member)))),
                });
                self.members.push(member);
            }
        }
    }

    /// Seats that answer or may still accept.
    fn active(&self) -> usize {
        self.members
            .iter()
            .filter(|member| member.is_active())
            .count()
    }

    /// Places that nobody else is asked to fill: those of active seats, and of those that took part and failed.
    fn taken(&self) -> usize {
        let taken = |member: &&Member| match member.presence {
            Presence::Failed(outcome) => outcome.took_part(),
            _ => member.is_active(),
        };
        self.members.iter().filter(taken).count()
    }

    /// Those that are active in the phase at hand.
    fn active_now(&self) -> usize {
        let active = |member: &&Member| member.is_active() && member.alone() == self.alone;
        self.members.iter().filter(active).count()
    }

    /// The answers needed of all that are wanted so far.
    fn quorum(&self) -> usize {
        usize::from(self.setup.terms.quorum).clamp(1, self.wanted())
    }

    /// Those of the phase at hand after which the slow have only their grace left.
    fn quorum_now(&self) -> usize {
        self.setup.terms.quorum_in(self.alone)
    }

    /// Seats that are bound to a first answer, of both phases.
    fn bound_alone(&self) -> usize {
        let bound = |member: &&Member| member.commitment(member.alone()).is_some();
        self.present().filter(bound).count()
    }

    /// Candidates that said no word, or none yet.
    fn silent(&self) -> usize {
        let silent = |member: &&Member| member.reply.is_none();
        self.members.iter().filter(silent).count()
    }

    /// Seats that a receipt must have room for: those active, and those that accepted and failed.
    fn accountable(&self) -> usize {
        let skipped = |member: &&Member| member.presence == Presence::Skipped;
        self.members.len() - self.members.iter().filter(skipped).count()
    }

    /// Below the quorum, seats that bound nothing are replaced by the next in order, once (CON-8).
    fn replace(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        if self.replaced || self.has_others() {
            return false;
        }
        self.replaced = true;
        self.vacant = 0;
        let asked = self.members.len();
        self.fill_seats(now, effects);
        self.deadline = now.after(self.setup.answer_deadline_ms());
        self.members.len() > asked
    }

    fn ask(&self, now: Timestamp, rank: usize) -> Option<Member> {
        let candidate = self.setup.candidate(*self.setup.order.get(rank)?)?;
        let rank = u8::try_from(rank).ok()?;
        let durations = self.setup.terms.durations;
        let assign = Assign {
            contract: self.contract,
            slot: self.setup.slot,
            height: self.setup.selection.height,
            voucher: self.setup.voucher.body.digest(),
            seat: candidate.node,
            nonce: candidate.nonce,
            rank,
            phase: self.alone,
            price: candidate.price,
            durations,
        };
        Some(Member {
            provider: candidate.provider,
            node: candidate.node,
            corpus: candidate.corpus,
            credence: candidate.credence(),
            rank,
            assign: Signed::new(assign, &self.setup.network, &self.setup.key),
            asked_at: now,
            reply: None,
            presence: Presence::Asked {
                until: now.after(durations.accept_ms),
            },
            unreached: false,
            gave_up: None,
            commitments: Vec::new(),
            latency_ms: 0,
            opened: None,
            first: None,
            last: None,
            ballot: None,
            part: None,
        })
    }

    fn offer(&self, member: &Member) -> Offer {
        Offer {
            assign: member.assign.clone(),
            voucher: self.setup.voucher.clone(),
            terms: self.setup.terms.clone(),
            request: self.setup.request.clone(),
            request_salt: self.setup.salt.field("request"),
            shared: self.setup.shared.clone(),
        }
    }

    pub(super) fn replied(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        reply: Signed<Reply>,
        effects: &mut Vec<Effect>,
    ) {
        let in_time = self.stage == Stage::Answers;
        let Some(member) = self.member(&from) else {
            return;
        };
        let asked = matches!(member.presence, Presence::Asked { .. });
        if !asked || !in_time || reply.body.assign != member.assign.body.digest() {
            return;
        }
        member.presence = match reply.body.response {
            Response::Accept => Presence::Seated,
            Response::Busy | Response::Decline(_) => Presence::Skipped,
        };
        member.reply = Some(reply);
        self.fill_seats(now, effects);
    }

    pub(super) fn unreached(&mut self, now: Timestamp, seat: PublicKey, effects: &mut Vec<Effect>) {
        let is_asking = self.stage == Stage::Answers;
        let Some(member) = self.member(&seat) else {
            return;
        };
        if matches!(member.presence, Presence::Asked { .. }) {
            if is_asking {
                member.presence = Presence::Skipped;
                self.fill_seats(now, effects);
            }
        } else {
            // First answers have their grace, so that no coordinator shuts out the slow by its word alone; of what
            // comes later nobody is worse off who is not waited for (CON-7).
            member.unreached = true;
        }
    }

    /// A seat that accepted will bind nothing. Nobody waits for it; and where the quorum hangs on it, the next in order
    /// are asked now instead of when the time of all others is over (CON-8, CON-11).
    pub(super) fn gave_up(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        word: &GiveUp,
        effects: &mut Vec<Effect>,
    ) {
        let in_time = self.stage == Stage::Answers && word.contract == self.contract;
        let Some(member) = self.member(&from) else {
            return;
        };
        if !in_time || !member.is_present() || member.commitment(member.alone()).is_some() {
            return;
        }
        member.presence = Presence::Failed(SeatOutcome::GaveUp);
        member.gave_up = Some(word.reason);
        self.vacant += 1;
        if self.active() < self.quorum() {
            self.replace(now, effects);
        }
    }

    /// A seat binds itself. The first commitment of a phase counts, later ones do not.
    pub(super) fn committed(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        commit: &Commit,
        effects: &mut Vec<Effect>,
    ) {
        let expected = match self.stage {
            Stage::Answers => self.alone,
            Stage::Binding(phase) => phase,
            _ => return,
        };
        let (contract, wanted) = (self.contract, self.wanted());
        // What another bound is not this seat's own: one opening would stand for two.
        let copied = self.members.iter().any(|member| {
            member
                .commitments
                .iter()
                .any(|(_, bound)| *bound == commit.commitment)
        });
        let Some(member) = self.member(&from) else {
            return;
        };
        let fits = !copied
            && commit.contract == contract
            && commit.phase == expected
            && member.is_present()
            && (!expected.is_alone() || member.alone() == expected)
            && member.commitment(expected).is_none();
        if !fits {
            return;
        }
        member.commitments.push((expected, commit.commitment));
        if !expected.is_alone() {
            return;
        }
        member.latency_ms = now.since(member.asked_at);
        let answers = self.bound_alone();
        effects.push(Effect::Progress(Progress::Answered {
            answers: u8::try_from(answers).unwrap_or(u8::MAX),
            seats: u8::try_from(wanted).unwrap_or(u8::MAX),
        }));
        let enough = answers >= self.quorum() && self.bound(expected) >= self.quorum_now();
        if enough && self.grace.is_none() {
            let durations = &self.setup.terms.durations;
            self.grace = Some(now.after(durations.grace_after(self.quorum_ms())));
        }
    }

    /// How long the quorum took: the largest of so many least latencies.
    fn quorum_ms(&self) -> u32 {
        let bound = |member: &&Member| member.commitment(self.alone).is_some();
        let latencies = self.present().filter(bound).map(|member| member.latency_ms);
        quorum_ms(latencies, self.quorum_now()).unwrap_or(0)
    }

    /// How many present seats are bound in a phase.
    pub(super) fn bound(&self, phase: Phase) -> usize {
        self.present()
            .filter(|member| member.commitment(phase).is_some())
            .count()
    }

    pub(super) fn advance_answers(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let late =
            |member: &Member| matches!(member.presence, Presence::Asked { until } if until <= now);
        if self.members.iter().any(late) {
            for member in self.members.iter_mut().filter(|member| late(member)) {
                member.presence = Presence::Skipped;
            }
            self.fill_seats(now, effects);
        }
        let (alone, bound) = (self.alone, self.bound(self.alone));
        let all = bound == self.active_now();
        let patience = self.grace.is_some_and(|grace| grace <= now) || self.deadline <= now;
        if !all && !patience {
            return;
        }
        self.grace = None;
        // Whose time was not over, nor twice the quorum's, has missed nothing that it promised (CON-7).
        let excused = bound >= self.quorum_now()
            && now < self.deadline
            && !self.setup.terms.durations.is_fair_after(self.quorum_ms());
        for member in &mut self.members {
            member.presence = match member.presence {
                Presence::Asked { .. } => Presence::Skipped,
                Presence::Seated if member.commitment(member.alone()).is_none() => {
                    Presence::Failed(if excused {
                        SeatOutcome::Excused
                    } else {
                        SeatOutcome::NoShow
                    })
                }
                _ => continue,
            };
            // So that nobody works for nothing.
            effects.push(Effect::Send {
                to: member.node,
                message: Box::new(ToSeat::Cancel(self.contract)),
            });
        }
        if self.bound_alone() < self.quorum() && self.replace(now, effects) {
            return;
        }
        if bound > 0 {
            self.close(now, alone, effects);
        } else if !self.ask_further(now, effects) {
            self.conclude_alone(now, effects);
        }
    }

    /// A deterministic shuffle that no seat can foresee, as it hangs on the contract's salt.
    pub(super) fn shuffled(
        &self,
        phase: Phase,
        digests: Vec<llmnet_types::id::Digest>,
    ) -> Vec<llmnet_types::id::Digest> {
        let salt = self.setup.salt.field("shuffle");
        let mut keyed: Vec<_> = digests
            .into_iter()
            .map(|digest| {
                (
                    salt.digest(&[encode(&phase), digest.0.to_vec()].concat()),
                    digest,
                )
            })
            .collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, digest)| digest).collect()
    }
}

/// The largest of the least latencies of a quorum, in milliseconds; none below a quorum.
pub(crate) fn quorum_ms(latencies: impl Iterator<Item = u32>, quorum: usize) -> Option<u32> {
    let mut latencies: Vec<_> = latencies.collect();
    latencies.sort_unstable();
    latencies.get(quorum.checked_sub(1)?).copied()
}
