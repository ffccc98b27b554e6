//! Parts, the verdict, and the receipt that closes the answer (CON-6, DEB-6, REC-1).

use llmnet_types::{
    codec::List,
    contract::Terms,
    id::{Digest, Salt},
    message::{Answer, DeclineReason, Opening, Part, Phase, Response},
    passage::SharedPassages,
    rating::Ballot,
    receipt::{ContractStatus, Receipt, SeatOutcome, SeatReceipt, Skip, Verdict},
    request::{Progress, Request},
    signature::{PublicKey, Signed},
    units::{Amount, Score, Timestamp, Tokens},
};

use super::{Effect, Member, Presence, Session, Stage, setup::case};
use crate::{
    debate::{Reading, SeatView, conclude, input_tokens, read_transcript},
    minority::{Dissent, not_taken},
    settle,
};

/// A session's result: everything that the requester is given and the coordinator settles.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The account.
    pub receipt: Receipt,
    /// The coordinator's signature on its root.
    pub signed: Signed<llmnet_types::id::ReceiptRoot>,
    /// The salt of its fields.
    pub salt: Salt,
    /// What was asked.
    pub request: Request,
    /// The winning answer; `None` where nobody answered.
    pub answer: Option<Answer>,
    /// Opinions that were not taken, as the receipt's file has them (DEB-7).
    pub minority: Vec<Dissent>,
    /// What all seats were shown before they answered, where an opening says so (COR-5).
    pub shared: SharedPassages,
    /// All that was opened, phase by phase.
    pub transcript: Vec<(Phase, Vec<Opening>)>,
    /// Why seats gave up, by rank: for whoever asked, as a receipt has no room for it (CON-11).
    pub gave_up: Vec<(u8, DeclineReason)>,
}

impl Session {
    /// A seat accounts for what it did; an account that differs from what was seen is not taken.
    pub(super) fn parted(&mut self, from: PublicKey, part: Signed<Part>) {
        if self.stage != Stage::Parting {
            return;
        }
        let contract = self.contract;
        let input = input_tokens(&case(&self.setup, contract), &self.transcript);
        let output = self.setup.terms.caps.output_tokens;
        if let Some(member) = self.member(&from)
            && member.is_present()
            && member.part.is_none()
            && part.body.contract == contract
            && accounts(member, &part.body, input)
            && part.body.output <= output
        {
            member.part = Some(part);
        }
    }

    pub(super) fn advance_parting(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let waiting = self.reached().any(|member| member.part.is_none());
        if waiting && now < self.deadline {
            return;
        }
        for member in &mut self.members {
            if member.is_present() && member.part.is_none() {
                member.presence = Presence::Failed(SeatOutcome::Withheld);
            }
        }
        effects.push(Effect::Progress(Progress::Concluded));
        self.finish(effects);
    }

    /// Signs the receipt. Nothing follows.
    pub(super) fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.stage = Stage::Over;
        for member in &mut self.members {
            if let Presence::Asked { .. } = member.presence {
                member.presence = Presence::Skipped;
            }
        }
        let mut seated: Vec<&Member> = self
            .members
            .iter()
            .filter(|member| matches!(member.presence, Presence::Seated | Presence::Failed(_)))
            .collect();
        seated.sort_by_key(|member| member.rank);
        let reading = self.reading(&seated);
        let receipt = self.receipt(&seated, &reading);
        let winner = receipt.verdict.winner.map(usize::from);
        let answer = winner.and_then(|winner| reading.answers[winner].clone());
        let minority = not_taken(&receipt.verdict, &reading, &self.transcript);
        let gave_up = seated
            .iter()
            .filter_map(|member| Some((member.rank, member.gave_up?)))
            .collect();
        let root = receipt.root(&self.setup.salt);
        effects.push(Effect::Finished(Box::new(Finished {
            signed: Signed::new(root, &self.setup.network, &self.setup.key),
            receipt,
            salt: self.setup.salt,
            request: self.setup.request.clone(),
            answer,
            minority,
            shared: match self.transcript.first() {
                Some((_, openings)) if !openings.is_empty() => self.setup.shared.clone(),
                _ => SharedPassages::new(),
            },
            transcript: std::mem::take(&mut self.transcript),
            gave_up,
        })));
    }

    fn reading(&self, seated: &[&Member]) -> Reading {
        let views: Vec<_> = seated
            .iter()
            .map(|member| SeatView {
                part: member.part.as_ref().map(|part| &part.body),
                corpus: member.corpus,
                credence: member.credence,
            })
            .collect();
        let closes: Vec<_> = self.closes.iter().map(|close| close.body.clone()).collect();
        let case = case(&self.setup, self.contract);
        read_transcript(&case, &views, &closes, &self.transcript)
    }

    fn receipt(&self, seated: &[&Member], reading: &Reading) -> Receipt {
        let setup = &self.setup;
        let verdict = conclude(
            setup.terms.strategy,
            reading.rounds,
            &reading.standings,
            &reading.judged,
        );
        let status = status_of(
            seated.len(),
            reading.answered(),
            &verdict,
            &setup.terms,
            self.wanted(),
            self.cancelled,
        );
        let seats: Vec<SeatReceipt> = seated
            .iter()
            .enumerate()
            .filter_map(|(place, member)| {
                self.seat_receipt(member, place, status, reading, &verdict)
            })
            .collect();
        let owed = Amount::sum(seats.iter().map(|seat| seat.pay)).unwrap_or(Amount::ZERO);
        let charges = settle::charges(status, &setup.terms, owed, setup.fee).unwrap_or_default();
        let text = verdict
            .winner
            .and_then(|winner| reading.answers[usize::from(winner)].as_ref())
            .map_or("", |answer| answer.text.as_str());
        Receipt {
            network: setup.network,
            coordinator: setup.key.public_key(),
            slot: setup.slot,
            requester: setup.requester,
            voucher: setup.voucher.clone(),
            terms: setup.terms.clone(),
            slot_secret: setup.slot_secret,
            selection: setup.selection.clone(),
            skips: self.skips(),
            seats: List::truncated(seats),
            closes: List::truncated(self.closes.iter().cloned()),
            status,
            response: Digest::of(text.as_bytes()),
            verdict,
            charges,
        }
    }

    fn skips(&self) -> List<Skip, { 2 * llmnet_types::contract::SEATS_MAX }> {
        let mut skipped: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.presence == Presence::Skipped)
            .map(|member| Skip {
                provider: member.provider,
                rank: member.rank,
                assign: member.assign.clone(),
                reply: member.reply.clone(),
            })
            .collect();
        skipped.sort_by_key(|skip| skip.rank);
        List::truncated(skipped)
    }

    fn seat_receipt(
        &self,
        member: &Member,
        place: usize,
        status: ContractStatus,
        reading: &Reading,
        verdict: &Verdict,
    ) -> Option<SeatReceipt> {
        let reply = member
            .reply
            .clone()
            .filter(|reply| reply.body.response == Response::Accept)?;
        let outcome = match member.presence {
            Presence::Failed(outcome) => outcome,
            _ => SeatOutcome::Served,
        };
        let served = settle::is_owed(outcome) && reading.standings[place].last.is_some();
        let score = match verdict.strengths.get(place) {
            Some(score) if served => *score,
            _ => Score::ZERO,
        };
        let part = member.part.clone().filter(|_| served);
        let (input, output) = part.as_ref().map_or((Tokens(0), Tokens(0)), |part| {
            (
                part.body.input,
                part.body.output.min(reading.outputs[place]),
            )
        });
        let pay = if served {
            let price = &member.assign.body.price;
            settle::pay(status, &self.setup.terms, price, input, output, score)
        } else {
            Amount::ZERO
        };
        Some(SeatReceipt {
            provider: member.provider,
            assign: member.assign.clone(),
            reply,
            outcome,
            part,
            class: class_number(reading, place),
            score,
            latency_ms: member.latency_ms,
            output,
            pay,
        })
    }
}

/// Whether an account is of what this member did.
fn accounts(member: &Member, part: &Part, input: Tokens) -> bool {
    let bound: Vec<Digest> = member.commitments.iter().map(|(_, bound)| *bound).collect();
    let class = |answer: &Option<Answer>| answer.as_ref().map(|answer| answer.class);
    *part.commitments == bound[..]
        && class(&member.first) == Some(part.first_class)
        && class(&member.last) == Some(part.last_class)
        && Some(&part.ballot) == member.ballot.as_ref().or(Some(&Ballot::default()))
        && part.input <= input
        && cites(member.last.as_ref(), part)
}

/// Whether an account cites what the answer it ended with rests on.
pub(crate) fn cites(answer: Option<&Answer>, part: &Part) -> bool {
    let cited = answer.iter().flat_map(|answer| answer.evidence.iter());
    cited
        .map(|evidence| evidence.passage.digest())
        .eq(part.citations.iter().copied())
}

/// The class of a seat's last answer, numbered by first appearance from 1; 0 without an answer.
pub(crate) fn class_number(reading: &Reading, place: usize) -> u8 {
    let Some(class) = reading.standings[place].last else {
        return 0;
    };
    let mut seen: Vec<Digest> = Vec::new();
    for standing in &reading.standings {
        if let Some(class) = standing.last
            && !seen.contains(&class)
        {
            seen.push(class);
        }
    }
    let number = seen.iter().position(|other| *other == class).unwrap_or(0) + 1;
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The answers that a contract needs in which so many seats were wanted in the end.
pub(crate) fn needed(terms: &Terms, wanted: usize) -> usize {
    let quorum = usize::from(terms.quorum).min(wanted);
    quorum.max(usize::from(terms.criteria.seats)).max(1)
}

/// How a contract of so many seats and answers ends.
pub(crate) fn status_of(
    seated: usize,
    answers: usize,
    verdict: &Verdict,
    terms: &Terms,
    wanted: usize,
    cancelled: bool,
) -> ContractStatus {
    if seated == 0 {
        ContractStatus::Void
    } else if cancelled
        || answers < needed(terms, wanted)
        || verdict.agreement < terms.criteria.agreement
    {
        ContractStatus::Failed
    } else {
        ContractStatus::Concluded
    }
}
