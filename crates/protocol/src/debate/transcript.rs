//! Reading a transcript: what each seat said, from the openings and the seats' signed Parts alone.
//!
//! The session concludes on this reading and [`replay`](crate::replay) repeats it, so there is one way
//! to understand what happened (DEB-6).

use llmnet_types::{
    class,
    contract::{Strategy, Terms},
    id::{ContractId, Digest},
    message::{Answer, Close, Opening, Part, Payload, Phase, Revision},
    passage::{Evidence, Shared, seen_first, shared_tokens},
    rating::Ballot,
    registration::Tokenizer,
    reputation::Credence,
    request::Request,
    signature::Message,
    units::{Score, Tokens},
};

use super::{Standing, ballots::tally};
use crate::message::opening_commitment;

/// What a contract is about, by which everything said in it is read.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The contract.
    pub contract: ContractId,
    /// What is asked.
    pub request: &'a Request,
    /// On what terms.
    pub terms: &'a Terms,
    /// What all seats were shown before they answered (COR-5).
    pub shared: &'a [Shared],
}

impl Case<'_> {
    /// What seats had seen before their first answers.
    pub fn seen_first(&self) -> Digest {
        seen_first(&self.terms.request, self.shared)
    }

    /// Whether evidence is one of the passages that all were shown, exactly (COR-6).
    pub(crate) fn shows(&self, evidence: &Evidence) -> bool {
        self.shared
            .iter()
            .any(|shared| shared.evidence == *evidence)
    }
}

/// Who speaks, as far as what it says depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// Its corpus.
    pub corpus: &'a Digest,
    /// All of the seats' corpora.
    pub panel: &'a [Digest],
    /// Its answer so far.
    pub before: Option<&'a Answer>,
    /// Whether it writes the synthesis, where the strategy has one (DEB-9).
    pub is_author: bool,
}

/// Who writes the synthesis: of those that answered the best reputed, of equals the first in order (DEB-9).
pub fn author(answered: impl IntoIterator<Item = (usize, Score)>) -> Option<usize> {
    let best = answered
        .into_iter()
        .reduce(|best, seat| if seat.1 > best.1 { seat } else { best });
    best.map(|(seat, _)| seat)
}

/// What a valid payload says.
#[derive(Debug, Clone)]
pub enum Read {
    /// A first answer.
    First(Answer),
    /// An answer after a round.
    Revised(Answer),
    /// A judgement.
    Judged(Ballot),
}

/// Reads a payload by the rules of its phase; `None` breaks them.
///
/// An answer is of the class that follows from it (DEB-8). A first one cites its own corpus or what all were shown, and
/// nothing else (DEB-1, COR-6); a later one may also cite what stands under a peer's. Who never answered alone cannot
/// join by repeating others.
pub fn read(
    case: &Case<'_>,
    phase: Phase,
    opening: &Opening,
    speaker: &Speaker<'_>,
) -> Option<Read> {
    let proven = |answer: &Answer, roots: &[Digest]| {
        !answer.text.is_empty()
            && answer.evidence.iter().all(|evidence| {
                let stands = roots.contains(&evidence.citation.root) || case.shows(evidence);
                stands && evidence.holds()
            })
            && class::follows(&case.contract, case.request, answer)
    };
    match (phase, &opening.payload) {
        (Phase::Answers | Phase::Further, Payload::Answer(answer))
            if proven(answer, &[*speaker.corpus]) =>
        {
            Some(Read::First(answer.clone()))
        }
        (Phase::Round(_), Payload::Revision(revision))
            if proven(&revision.answer, speaker.panel) =>
        {
            let may = may_revise(case.terms.strategy, revision, speaker);
            may.then(|| Read::Revised(revision.answer.clone()))
        }
        (Phase::Ballots, Payload::Ballot(ballot)) => Some(Read::Judged(ballot.clone())),
        _ => None,
    }
}

/// In a debate, a change of class says whose answer convinced and why (DEB-3). In a mixture one seat
/// writes and the others' answers stand as they are (DEB-9).
fn may_revise(strategy: Strategy, revision: &Revision, speaker: &Speaker<'_>) -> bool {
    let Some(before) = speaker.before else {
        return false;
    };
    if strategy == Strategy::Mixture {
        return speaker.is_author || *before == revision.answer;
    }
    let explained = revision.convinced_by.is_some() && !revision.reason.trim().is_empty();
    before.class == revision.answer.class || explained
}

/// Whether all of this was bound by a Close, each once and in its order (CON-5).
pub fn is_bound(close: &Close, openings: &[Opening], shown: &Digest) -> bool {
    let mut bound = close.commitments.iter();
    openings.iter().all(|opening| {
        let commitment = opening_commitment(opening, shown);
        bound.any(|other| *other == commitment)
    })
}

/// A seat as its Part and its candidacy describe it.
#[derive(Debug, Clone)]
pub struct SeatView<'a> {
    /// Its account; without one nothing it said counts (CON-6).
    pub part: Option<&'a Part>,
    /// Its corpus.
    pub corpus: Digest,
    /// How far it is believed.
    pub credence: Credence,
}

/// What a transcript says.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Each seat's stand, in the order given.
    pub standings: Vec<Standing>,
    /// Each seat's answer as it stands: its last one, or its first where it wrote a synthesis that peers
    /// do not prefer (DEB-9).
    pub answers: Vec<Option<Answer>>,
    /// Each seat's last answer, by its own account.
    pub last: Vec<Option<Answer>>,
    /// Tokens each seat delivered: its first answer, and every later one that says something new; no more
    /// than its cap (CON-10).
    pub outputs: Vec<Tokens>,
    /// For each place that ballots speak of, the seat.
    pub judged: Vec<Option<usize>>,
    /// Rounds of debate held.
    pub rounds: u8,
    first: Vec<Option<Answer>>,
}

/// Reads who said what. Openings that no seat's Part binds are passed over.
pub fn read_transcript(
    case: &Case<'_>,
    seats: &[SeatView<'_>],
    closes: &[Close],
    transcript: &[(Phase, Vec<Opening>)],
) -> Reading {
    let panel: Vec<Digest> = seats.iter().map(|seat| seat.corpus).collect();
    let mut reading = Reading::silent(seats);
    let mut shown = case.seen_first();
    let mut places = Vec::new();
    for (phase, openings) in transcript {
        let author = reading.author();
        let mut here = Vec::new();
        for opening in openings {
            let commitment = opening_commitment(opening, &shown);
            let seat = seats.iter().position(|seat| {
                seat.part
                    .is_some_and(|part| part.commitments.contains(&commitment))
            });
            here.push(seat);
            let Some(seat) = seat else { continue };
            let speaker = Speaker {
                corpus: &seats[seat].corpus,
                panel: &panel,
                before: reading.last[seat].as_ref(),
                is_author: author == Some(seat),
            };
            if let Some(said) = read(case, *phase, opening, &speaker) {
                reading.take(seat, said, case.terms.caps.output_tokens);
            }
        }
        match phase {
            Phase::Ballots => reading.judged = std::mem::take(&mut places),
            Phase::Round(round) => reading.rounds = *round,
            Phase::Answers | Phase::Further => {}
        }
        places = here;
        if let Some(close) = closes.iter().find(|close| close.phase == *phase) {
            shown = close.digest();
        }
    }
    if case.terms.strategy == Strategy::Mixture {
        reading.weigh_synthesis();
    }
    reading
}

impl Reading {
    fn silent(seats: &[SeatView<'_>]) -> Self {
        let standing = |seat: &SeatView<'_>| Standing {
            credence: seat.credence,
            first: None,
            last: None,
            ballot: None,
            synthesis: false,
        };
        Self {
            standings: seats.iter().map(standing).collect(),
            answers: vec![None; seats.len()],
            last: vec![None; seats.len()],
            outputs: vec![Tokens(0); seats.len()],
            judged: Vec::new(),
            rounds: 0,
            first: vec![None; seats.len()],
        }
    }

    /// How many seats have an answer that counts.
    pub(crate) fn answered(&self) -> usize {
        let standings = self.standings.iter();
        standings.filter(|standing| standing.last.is_some()).count()
    }

    /// Who may write the synthesis, once first answers are read.
    fn author(&self) -> Option<usize> {
        let seats = self.standings.iter().enumerate();
        author(
            seats
                .filter(|(_, standing)| standing.first.is_some())
                .map(|(seat, standing)| (seat, standing.credence.mean)),
        )
    }

    fn take(&mut self, seat: usize, said: Read, output_max: Tokens) {
        let standing = &mut self.standings[seat];
        match said {
            Read::First(answer) => {
                standing.first = Some(answer.class);
                standing.last = Some(answer.class);
                self.outputs[seat] = Tokenizer::Bytes4.count(&answer.text).min(output_max);
                self.first[seat] = Some(answer.clone());
                self.last[seat] = Some(answer.clone());
                self.answers[seat] = Some(answer);
            }
            Read::Revised(answer) => {
                let before = self.last[seat].as_ref();
                if before.is_none_or(|before| before.text != answer.text) {
                    let more = Tokenizer::Bytes4.count(&answer.text);
                    let output = self.outputs[seat].0.saturating_add(more.0);
                    self.outputs[seat] = Tokens(output).min(output_max);
                }
                standing.last = Some(answer.class);
                self.last[seat] = Some(answer.clone());
                self.answers[seat] = Some(answer);
            }
            Read::Judged(ballot) => standing.ballot = Some(ballot),
        }
    }

    /// Takes the synthesis if peers prefer it; else its author's first answer stands again (DEB-9). What
    /// ballots say of the synthesis they say of its author: else one could write to dodge being judged.
    fn weigh_synthesis(&mut self) {
        let Some(author) = self.author() else { return };
        if self.first[author] == self.last[author] {
            return;
        }
        if tally(&self.standings, &self.judged).prefers(author) {
            self.standings[author].synthesis = true;
            return;
        }
        self.answers[author] = self.first[author].clone();
        self.standings[author].last = self.standings[author].first;
    }
}

/// Tokens each seat was sent: the request, what all were shown of documents, and the answers of every phase that another
/// one followed; no more are billed than the cap (CON-10).
pub fn input_tokens(case: &Case<'_>, transcript: &[(Phase, Vec<Opening>)]) -> Tokens {
    let read = case.request.read();
    let asked = read.map(|text| Tokenizer::Bytes4.count(text).0);
    let followed = transcript.len().saturating_sub(1);
    let shown = transcript[..followed]
        .iter()
        .flat_map(|(_, openings)| openings)
        .map(|opening| match &opening.payload {
            Payload::Answer(answer) => Tokenizer::Bytes4.count(&answer.text).0,
            Payload::Revision(revision) => Tokenizer::Bytes4.count(&revision.answer.text).0,
            Payload::Ballot(_) => 0,
        });
    let documents = shared_tokens(case.shared).0;
    let sent = asked.chain([documents]).chain(shown);
    let sent = Tokens(sent.fold(0, u32::saturating_add));
    sent.min(case.terms.caps.input_tokens)
}
