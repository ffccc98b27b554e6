//! The one door: what a block does to a state.

use llmnet_types::{
    codec::{encode, length},
    dispute::FaultProof,
    id::{Digest, NetworkId},
    merkle,
    network::Committee,
    params::Params,
    rejection::Rejection,
    settlement::SettlementHead,
    signature::{Batch, PublicKey},
    transaction::{Instruction, Outcome, TRANSACTION_LENGTH_MAX, Transaction},
    units::{Amount, Height},
};

use crate::{
    account, anchor, audit, bond, committee, dispute, epoch,
    event::{Event, EventKind},
    line, query,
    record::{BEACONS, Clock},
    registry, settle,
    state::{Key, State, Writes, read},
    vote,
    work::{Place, Signatures, Work},
};

/// What of a block the rules look at besides its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockInfo {
    /// The network that executes it.
    pub network: NetworkId,
    /// Its height: the parent's and one.
    pub height: Height,
    /// Who proposed it.
    pub leader: PublicKey,
    /// What its leader reveals of its hash chain (EPO-2).
    pub reveal: Option<Digest>,
}

/// Why a block is invalid, whatever its transactions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// Its leader has a hash chain in force and did not reveal its next element, or has none and did (EPO-2).
    #[error("the leader's reveal is not the next element of its hash chain")]
    Reveal,
}

/// What a block does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The changes of state; none that changes nothing.
    pub writes: Writes,
    /// What became of each transaction, in order.
    pub outcomes: Vec<Outcome>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The settlements applied, in order.
    pub settlements: Vec<SettlementHead>,
    /// The root over those, for the header (SET-7).
    pub settlements_root: Digest,
    /// In a term's last block, who is in office next (COM-2).
    pub next_committee: Option<Committee>,
    /// Why the block is invalid, if it is. The rest then says what it would do without the reveal.
    pub fault: Option<BlockFault>,
}

/// What a block does if all signatures in it hold, and those signatures.
///
/// For shells that load state lazily, check signatures ahead or on several cores: they ask for this until
/// nothing is missing, check what they do not know yet, and call [`execute()`] where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumed {
    /// What [`execute()`] says if the signatures hold.
    pub execution: Execution,
    /// What was taken for granted.
    pub signatures: Batch,
}

/// Executes a block on the state of its parent (TXN-5). Never fails.
pub fn execute(state: &dyn State, block: &BlockInfo, transactions: &[Transaction]) -> Execution {
    let assumed = assume(state, block, transactions);
    if assumed.signatures.holds() {
        return assumed.execution;
    }
    let each = Signatures::Checked;
    run(state, block, transactions, &each, apply_checked)
}

/// Executes a block as if all signatures in it held (ENC-4).
pub fn assume(state: &dyn State, block: &BlockInfo, transactions: &[Transaction]) -> Assumed {
    let signatures = Signatures::gathered();
    let execution = run(state, block, transactions, &signatures, apply);
    Assumed {
        execution,
        signatures: signatures.into_batch(),
    }
}

/// How a transaction is applied.
type Apply =
    fn(&mut Work<'_>, &BlockInfo, &Transaction, settlements: &mut Vec<SettlementHead>) -> Outcome;

fn run(
    state: &dyn State,
    block: &BlockInfo,
    transactions: &[Transaction],
    signatures: &Signatures,
    apply: Apply,
) -> Execution {
    let params = query::params(state);
    // Before the clock is loaded, this epoch is as good as any: a shell that loads lazily must not
    // make us walk through all epochs since genesis.
    let clock = read(state, &Key::Clock).unwrap_or(Clock {
        height: block.height,
        epoch: block.height.epoch(params.epoch_length()),
        beacons: [Digest::ZERO; BEACONS],
        mix: Digest::ZERO,
    });
    let mut work = Work::new(state, signatures, params, clock);
    let mut outcomes = Vec::with_capacity(transactions.len());
    let mut events = Vec::new();
    let mut settlements = Vec::new();

    let fault = epoch::begin(&mut work, block).err();
    collect(&mut events, None, &mut work);
    for (index, transaction) in (0_u32..).zip(transactions) {
        outcomes.push(apply(&mut work, block, transaction, &mut settlements));
        collect(&mut events, Some(index), &mut work);
    }

    let next_committee = committee::succeed(&mut work, block.height);
    collect(&mut events, None, &mut work);

    let mut writes = work.into_changes().writes;
    writes.retain(|key, value| state.get(key) != *value);
    let settlements_root = merkle::root(settlements.iter().map(encode));
    Execution {
        writes,
        outcomes,
        events,
        settlements,
        settlements_root,
        next_committee,
        fault,
    }
}

fn collect(events: &mut Vec<Event>, transaction: Option<u32>, work: &mut Work<'_>) {
    let kinds = work.take_events().into_iter();
    events.extend(kinds.map(|kind| Event { transaction, kind }));
}

/// Applies a transaction in a block with bad signatures: its own together, and if one of them is bad, each
/// until that. So one bad signature costs little more than its own transaction.
fn apply_checked(
    work: &mut Work<'_>,
    block: &BlockInfo,
    transaction: &Transaction,
    settlements: &mut Vec<SettlementHead>,
) -> Outcome {
    let signatures = Signatures::gathered();
    let mut layer = work.layer_with(&signatures);
    let mut heads = Vec::new();
    let outcome = apply(&mut layer, block, transaction, &mut heads);
    let changes = layer.into_changes();
    if !signatures.into_batch().holds() {
        return apply(work, block, transaction, settlements);
    }
    work.absorb(changes);
    settlements.extend(heads);
    outcome
}

fn apply(
    work: &mut Work<'_>,
    block: &BlockInfo,
    transaction: &Transaction,
    settlements: &mut Vec<SettlementHead>,
) -> Outcome {
    let fee = match charge(work, block, transaction) {
        Ok(fee) => fee,
        // The signer cannot be charged: nothing changes at all (TXN-3).
        Err(reason) => {
            return Outcome::Rejected {
                fee: Amount::ZERO,
                reason,
            };
        }
    };
    let mut layer = work.layer();
    match perform(&mut layer, block, transaction) {
        Ok(head) => {
            let changes = layer.into_changes();
            work.absorb(changes);
            settlements.extend(head);
            Outcome::Applied { fee }
        }
        // All of it or nothing, but for nonce and fee (TXN-3).
        Err(reason) => Outcome::Rejected { fee, reason },
    }
}

/// What a transaction costs the network, in bytes: its length; or as much as the largest one where a panel
/// has to be selected again, which takes about as long as settling all that fits in there (TXN-2).
pub fn weight(transaction: &Transaction) -> usize {
    let selects = match &transaction.body.instruction {
        Instruction::Fault(proof) => matches!(**proof, FaultProof::Panel(_)),
        Instruction::Answer(_) => true,
        _ => false,
    };
    let length = length(transaction);
    if selects {
        return length.max(TRANSACTION_LENGTH_MAX);
    }
    length
}

/// The price of what a transaction weighs (TXN-2).
fn fee(params: &Params, transaction: &Transaction) -> Result<Amount, Rejection> {
    let weight = weight(transaction);
    if weight > TRANSACTION_LENGTH_MAX {
        return Err(Rejection::TooLarge);
    }
    u64::try_from(weight)
        .ok()
        .and_then(|weight| params.fee_per_byte.0.checked_mul(weight))
        .map(Amount)
        .ok_or(Rejection::Overflow)
}

/// Uses the nonce and takes the fee, or changes nothing (TXN-1, TXN-2, TXN-3).
fn charge(
    work: &mut Work<'_>,
    block: &BlockInfo,
    transaction: &Transaction,
) -> Result<Amount, Rejection> {
    let body = &transaction.body;
    let fee = fee(&work.params, transaction)?;
    if body.network != block.network {
        return Err(Rejection::Network);
    }
    let mut account = work.account(&body.signer);
    if body.nonce != account.nonce {
        return Err(Rejection::Nonce {
            expected: account.nonce,
            found: body.nonce,
        });
    }
    payable(fee, account.balance)?;
    if !work.signed(transaction, &body.network, &body.signer) {
        return Err(Rejection::Signature);
    }
    account.nonce = account.nonce.checked_add(1).ok_or(Rejection::Overflow)?;
    let mut layer = work.layer();
    layer.write(Key::Account(body.signer), &account);
    layer.debit(&body.signer, fee, Place::Pool)?;
    layer.shift(Place::Pool, Place::Burnt, Amount(fee.0 >> 1))?;
    layer.event(EventKind::FeePaid {
        payer: body.signer,
        fee,
    });
    let changes = layer.into_changes();
    work.absorb(changes);
    Ok(fee)
}

fn payable(fee: Amount, balance: Amount) -> Result<(), Rejection> {
    if fee <= balance {
        return Ok(());
    }
    Err(Rejection::Balance {
        needed: fee,
        available: balance,
    })
}

fn perform(
    work: &mut Work<'_>,
    block: &BlockInfo,
    transaction: &Transaction,
) -> Result<Option<SettlementHead>, Rejection> {
    let signer: &PublicKey = &transaction.body.signer;
    let network = &block.network;
    match &transaction.body.instruction {
        Instruction::Transfer { to, amount } => account::transfer(work, signer, to, *amount)?,
        Instruction::OpenLine {
            coordinator,
            amount,
            expires,
        } => line::open(work, signer, coordinator, *amount, *expires)?,
        Instruction::TopUp { line, amount } => line::top_up(work, signer, *line, *amount)?,
        Instruction::CloseLine { line } => line::close(work, signer, *line)?,
        Instruction::Register(registration) => {
            registry::register(work, network, signer, registration)?;
        }
        Instruction::Update(registration) => {
            registry::update(work, network, signer, registration)?;
        }
        Instruction::Rotate(rotated) => registry::rotate(work, network, signer, rotated)?,
        Instruction::Retire { provider } => registry::retire(work, signer, *provider)?,
        Instruction::Announce(announcement) => registry::announce(work, signer, announcement)?,
        Instruction::Enlist(enlistment) => bond::enlist(work, network, signer, enlistment)?,
        Instruction::Delist { node, role } => bond::delist(work, signer, node, *role)?,
        Instruction::Bond { node, role, amount } => bond::add(work, signer, node, *role, *amount)?,
        Instruction::Unbond { node, role, amount } => {
            bond::take(work, signer, node, *role, *amount)?;
        }
        Instruction::Anchor {
            purpose,
            tip,
            length,
        } => anchor::anchor(work, signer, *purpose, *tip, *length)?,
        Instruction::Settle(settlement) => {
            return settle::settle(work, network, signer, settlement).map(Some);
        }
        Instruction::CoSign(signatures) => settle::co_sign(work, network, signatures)?,
        Instruction::File(filing) => dispute::file(work, network, signer, filing)?,
        Instruction::Challenge(challenge) => dispute::challenge(work, signer, challenge)?,
        Instruction::Answer(answer) => dispute::answer(work, network, signer, answer)?,
        Instruction::AuditRoot { root, items } => audit::commit(work, signer, *root, *items)?,
        Instruction::AuditOpen(opening) => audit::open(work, network, signer, opening)?,
        Instruction::Fault(proof) => dispute::fault(work, network, proof)?,
        Instruction::Vote(params) => vote::vote(work, signer, params)?,
    }
    Ok(None)
}

/// Whether a transaction may wait for a block: cheap, and no promise that it will apply.
///
/// A nonce beyond the signer's next is let in, as others of the signer may be on their way.
///
/// # Errors
/// Why it could not even be charged.
pub fn admissible(
    state: &dyn State,
    network: &NetworkId,
    transaction: &Transaction,
    _height: Height,
) -> Result<(), Rejection> {
    let body = &transaction.body;
    let fee = fee(&query::params(state), transaction)?;
    if body.network != *network {
        return Err(Rejection::Network);
    }
    let account = query::account(state, &body.signer);
    if body.nonce < account.nonce {
        return Err(Rejection::Nonce {
            expected: account.nonce,
            found: body.nonce,
        });
    }
    payable(fee, account.balance)?;
    if !transaction.is_signed() {
        return Err(Rejection::Signature);
    }
    Ok(())
}
