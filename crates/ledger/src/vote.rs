//! Votes of validators for other parameters (VOT).
//!
//! A validator has at most one open proposal of its own making, so the list is never full and nobody can
//! keep others from proposing.

use llmnet_types::{
    params::{ANSWER_EPOCHS, Params},
    rejection::{Field, Rejection},
    signature::PublicKey,
};

use crate::{
    committee,
    event::EventKind,
    record::{Ballots, ParamsBefore, Proposal},
    selection::Rule,
    state::Key,
    work::Work,
};

/// What a validator is told whose last proposal others voted for.
const FULL: Rejection = Rejection::Full {
    field: Field::Proposals,
};

/// Counts a vote of a validator in office; with a quorum of the committee the parameters are decided
/// (VOT-1).
pub(crate) fn vote(
    work: &mut Work<'_>,
    signer: &PublicKey,
    params: &Params,
) -> Result<(), Rejection> {
    let office = committee::office(work).ok_or(Rejection::NoVote)?;
    let place = office.committee.keys().binary_search(signer);
    let voter = place
        .ok()
        .and_then(|place| u8::try_from(place).ok())
        .ok_or(Rejection::NoVote)?;
    let possible = work.params.check_change(params).is_ok();
    if !possible || Rule::version(params.policy).is_none() {
        return Err(Rejection::Params);
    }
    let mut ballots: Ballots = work.read(&Key::Ballots).unwrap_or_default();
    // Another committee decides afresh.
    if ballots.term != office.term {
        ballots.term = office.term;
        ballots.open = Vec::new();
    }
    lapse(work, &mut ballots);
    let place = propose(work, &mut ballots, voter, params)?;
    let Some(proposal) = ballots.open.get_mut(place) else {
        return Err(Rejection::Overflow);
    };
    if proposal.voters.contains(&voter) {
        return Err(Rejection::Already);
    }
    if !proposal.voters.push(voter) {
        return Err(Rejection::Overflow);
    }
    let votes = proposal.voters.len();
    if votes >= office.committee.quorum() {
        // Of several decided in an epoch, the last: so a committee can take back what it decided.
        ballots.decided = Some(ballots.open.remove(place).params);
    }
    work.write(Key::Ballots, &ballots);
    work.event(EventKind::Voted {
        validator: *signer,
        params: params.digest(),
        votes: u32::try_from(votes).unwrap_or(u32::MAX),
    });
    Ok(())
}

/// The place of a proposal on the list, where a new one takes that of its proposer's last: unless others
/// voted for that, as what many want is not one's to withdraw.
fn propose(
    work: &Work<'_>,
    ballots: &mut Ballots,
    voter: u8,
    params: &Params,
) -> Result<usize, Rejection> {
    let known = ballots.open.iter().position(|open| open.params == *params);
    if let Some(place) = known {
        return Ok(place);
    }
    let own = ballots.open.iter().position(|open| open.proposer == voter);
    if let Some(place) = own {
        let open = ballots.open.remove(place);
        if open.voters.iter().any(|other| *other != voter) {
            return Err(FULL);
        }
    }
    ballots.open.push(Proposal {
        params: params.clone(),
        until: work.clock.epoch.next().ok_or(Rejection::Overflow)?,
        proposer: voter,
        voters: Default::default(),
    });
    Ok(ballots.open.len().saturating_sub(1))
}

fn lapse(work: &Work<'_>, ballots: &mut Ballots) {
    let now = work.clock.epoch;
    ballots.open.retain(|proposal| proposal.until >= now);
}

/// Puts decided parameters in force at an epoch's first block, and forgets votes that lapsed (VOT-1).
pub(crate) fn enact(work: &mut Work<'_>) {
    let Some(mut ballots) = work.read::<Ballots>(&Key::Ballots) else {
        return;
    };
    let decided = ballots.decided.take();
    lapse(work, &mut ballots);
    if ballots.open.is_empty() {
        work.remove(Key::Ballots);
    } else {
        work.write(Key::Ballots, &ballots);
    }
    if let Some(params) = decided.filter(|params| *params != work.params) {
        remember(work);
        work.event(EventKind::ParamsChanged {
            params: params.digest(),
        });
        work.write(Key::Params, &params);
        work.params = params;
    }
}

/// Keeps the parameters so far as long as anything of their epochs is settled, recomputed or disputed
/// (VOT-3).
fn remember(work: &mut Work<'_>) {
    let now = work.clock.epoch;
    let before: ParamsBefore = work.read(&Key::ParamsBefore).unwrap_or_default();
    let mut before = before.into_vec();
    before.retain(|(last, _)| *last >= now.before(ANSWER_EPOCHS));
    before.push((now.before(1), work.params.clone()));
    work.write(Key::ParamsBefore, &ParamsBefore::truncated(before));
}
