//! Reading a transcript: what each seat said, from the openings and the seats' signed Parts alone.
//!
//! The session concludes on this reading and [`replay`](crate::replay) repeats it, so there is one way
//! to understand what happened (DEB-6).

use llmnet_types::{
    id::Digest,
    message::{Answer, Close, Opening, Part, Payload, Phase},
    rating::Ballot,
    registration::Tokenizer,
    request::Request,
    signature::Message,
    units::{Score, Tokens},
};

use super::Standing;
use crate::message::opening_commitment;

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
/// A first answer cites its own corpus and nothing else (DEB-1); a revision may also cite what stands
/// under a peer's, `panel` being all of the seats' corpora. Who never answered alone cannot join by
/// repeating others, and a change from the answer `before` says whose convinced it and why (DEB-3).
pub fn read(
    phase: Phase,
    opening: &Opening,
    corpus: &Digest,
    panel: &[Digest],
    before: Option<&Answer>,
) -> Option<Read> {
    let proven = |answer: &Answer, roots: &[Digest]| {
        !answer.text.is_empty()
            && answer
                .evidence
                .iter()
                .all(|evidence| roots.contains(&evidence.citation.root) && evidence.holds())
    };
    match (phase, &opening.payload) {
        (Phase::Answers, Payload::Answer(answer)) if proven(answer, &[*corpus]) => {
            Some(Read::First(answer.clone()))
        }
        (Phase::Round(_), Payload::Revision(revision)) if proven(&revision.answer, panel) => {
            let explained = revision.convinced_by.is_some() && !revision.reason.trim().is_empty();
            let stays = before?.class == revision.answer.class;
            (stays || explained).then(|| Read::Revised(revision.answer.clone()))
        }
        (Phase::Ballots, Payload::Ballot(ballot)) => Some(Read::Judged(ballot.clone())),
        _ => None,
    }
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
    /// Its reputation.
    pub mean: Score,
}

/// What a transcript says.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Each seat's stand, in the order given.
    pub standings: Vec<Standing>,
    /// Each seat's last answer.
    pub answers: Vec<Option<Answer>>,
    /// Tokens each seat delivered: its first answer, and every later one that says something new.
    pub outputs: Vec<Tokens>,
    /// For each place that ballots speak of, the seat.
    pub judged: Vec<Option<usize>>,
    /// Rounds of debate held.
    pub rounds: u8,
}

/// Reads who said what. Openings that no seat's Part binds are passed over.
pub fn read_transcript(
    seats: &[SeatView<'_>],
    closes: &[Close],
    transcript: &[(Phase, Vec<Opening>)],
    shown_first: Digest,
) -> Reading {
    let panel: Vec<Digest> = seats.iter().map(|seat| seat.corpus).collect();
    let mut reading = Reading {
        standings: seats
            .iter()
            .map(|seat| Standing {
                mean: seat.mean,
                first: None,
                last: None,
                ballot: None,
            })
            .collect(),
        answers: vec![None; seats.len()],
        outputs: vec![Tokens(0); seats.len()],
        judged: Vec::new(),
        rounds: 0,
    };
    let mut shown = shown_first;
    let mut places = Vec::new();
    for (phase, openings) in transcript {
        let mut here = Vec::new();
        for opening in openings {
            let commitment = opening_commitment(opening, &shown);
            let seat = seats.iter().position(|seat| {
                seat.part
                    .is_some_and(|part| part.commitments.contains(&commitment))
            });
            here.push(seat);
            if let Some(seat) = seat
                && let Some(said) = {
                    let before = reading.answers[seat].as_ref();
                    read(*phase, opening, &seats[seat].corpus, &panel, before)
                }
            {
                reading.take(seat, said);
            }
        }
        match phase {
            Phase::Ballots => reading.judged = std::mem::take(&mut places),
            Phase::Round(round) => reading.rounds = *round,
            Phase::Answers => {}
        }
        places = here;
        if let Some(close) = closes.iter().find(|close| close.phase == *phase) {
            shown = close.digest();
        }
    }
    reading
}

impl Reading {
    fn take(&mut self, seat: usize, said: Read) {
        let standing = &mut self.standings[seat];
        match said {
            Read::First(answer) => {
                standing.first = Some(answer.class);
                standing.last = Some(answer.class);
                self.outputs[seat] = Tokenizer::Bytes4.count(&answer.text);
                self.answers[seat] = Some(answer);
            }
            Read::Revised(answer) => {
                let before = self.answers[seat].as_ref();
                if before.is_none_or(|before| before.text != answer.text) {
                    let more = Tokenizer::Bytes4.count(&answer.text);
                    self.outputs[seat] = Tokens(self.outputs[seat].0.saturating_add(more.0));
                }
                standing.last = Some(answer.class);
                self.answers[seat] = Some(answer);
            }
            Read::Judged(ballot) => standing.ballot = Some(ballot),
        }
    }
}

/// Tokens each seat was sent: the request, and the answers of every phase that another one followed.
pub fn input_tokens(request: &Request, transcript: &[(Phase, Vec<Opening>)]) -> Tokens {
    let asked = request
        .messages
        .iter()
        .map(|message| Tokenizer::Bytes4.count(&message.content).0);
    let followed = transcript.len().saturating_sub(1);
    let shown = transcript[..followed]
        .iter()
        .flat_map(|(_, openings)| openings)
        .map(|opening| match &opening.payload {
            Payload::Answer(answer) => Tokenizer::Bytes4.count(&answer.text).0,
            Payload::Revision(revision) => Tokenizer::Bytes4.count(&revision.answer.text).0,
            Payload::Ballot(_) => 0,
        });
    Tokens(asked.chain(shown).fold(0, u32::saturating_add))
}
