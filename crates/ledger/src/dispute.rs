//! Disputes: proofs of fault, filings, challenges and their answers (DIS).
//!
//! ```text
//! contract of e    | e, e+1           | e+2             | e+3    | e+4
//! settle           | x                |                 |        |
//! fault, file      | x                | x               |        |
//! challenge        | x by parties     | and where drawn |        |
//! answer           | x                | x               | x      |
//! end of all of it |                  |                 |        | x
//! ```
//!
//! Whatever is shown is made of signatures, and of Merkle paths to roots that the ledger remembers:
//! nobody is punished on anybody's word. What is cheap is checked first, signatures come last.

mod answer;
mod challenge;
mod fault;
mod file;

use llmnet_types::{
    contract::{Assign, Terms},
    dispute::SettledLeaf,
    id::{Digest, NetworkId, ProviderId},
    registration::{Price, Registration},
    rejection::{ProofPart, Rejection},
    signature::{Message, PublicKey, Signed},
    units::{Amount, Epoch, Height, Slot, Tokens},
};

pub(crate) use answer::answer;
pub(crate) use challenge::{challenge, end};
pub(crate) use fault::fault;
pub(crate) use file::{file, forget};

use crate::{
    anchor::chain_step,
    record::{Provider, Settled},
    state::Key,
    work::Work,
};

const fn broken(part: ProofPart) -> Rejection {
    Rejection::Proof { part }
}

/// Refuses what somebody did not sign.
fn signed<T: Message>(
    work: &Work<'_>,
    signed: &Signed<T>,
    network: &NetworkId,
    signer: &PublicKey,
) -> Result<(), Rejection> {
    if work.signed(signed, network, signer) {
        return Ok(());
    }
    Err(broken(ProofPart::Signature))
}

/// Refuses what is said too early or too late about a contract: it is time from its epoch on to the end
/// of so many epochs later (WIN-1).
fn in_window(work: &Work<'_>, contract: Epoch, epochs: u64) -> Result<(), Rejection> {
    let age = work.clock.epoch.0.checked_sub(contract.0);
    match age {
        Some(age) if age <= epochs => Ok(()),
        _ => Err(Rejection::Window),
    }
}

/// The settlement that a leaf is shown under, and the leaf's slot: the path holds for the root that the
/// ledger remembers.
pub(crate) fn settlement(
    work: &Work<'_>,
    shown: &SettledLeaf,
) -> Result<(Slot, Settled), Rejection> {
    let key = Key::Settlement(shown.coordinator, shown.first_slot);
    let settled: Settled = work.read(&key).ok_or(Rejection::Settlement {
        slot: shown.first_slot,
    })?;
    let fault = broken(ProofPart::Leaf);
    if !shown.holds(&settled.root) {
        return Err(fault);
    }
    let slot = shown.slot().ok_or(fault)?;
    Ok((slot, settled))
}

/// A slot's element of the hash chain: the opening of its settlement, hashed down to it (ANC-1). `None`
/// past the settlement's last slot.
fn element(settled: &Settled, first_slot: Slot, slot: Slot) -> Option<Digest> {
    let index = slot.0.checked_sub(first_slot.0)?;
    let later = u64::from(settled.leaves)
        .checked_sub(1)?
        .checked_sub(index)?;
    Some((0..later).fold(settled.opening, |element, _| chain_step(&element)))
}

/// What a provider's registration said at a height.
fn registration(work: &Work<'_>, id: ProviderId, height: Height) -> Option<Registration> {
    let provider: Provider = work.read(&Key::Provider(id))?;
    provider
        .at(height)
        .map(|version| version.registration.clone())
}

/// What a seat's work comes to at full score, at most the terms' cap (SET-4).
fn full_price(terms: &Terms, price: &Price, input: Tokens, output: Tokens) -> Amount {
    let cap = terms.caps.seat_charge;
    price.of(input, output).map_or(cap, |price| price.min(cap))
}

/// Who acts for a seat: its key when it was selected, its key now, as a rotation must not shut it out,
/// and its operator, who is paid.
#[derive(Debug, Clone, Copy)]
struct Party {
    node: PublicKey,
    newest: PublicKey,
    operator: PublicKey,
}

impl Party {
    /// A provider as it was at a height.
    fn of(work: &Work<'_>, id: ProviderId, height: Height) -> Option<Self> {
        let provider: Provider = work.read(&Key::Provider(id))?;
        let then = &provider.at(height)?.registration;
        Some(Self {
            node: then.node,
            newest: provider.newest().registration.node,
            operator: then.operator,
        })
    }

    /// A seat, as long as an offer named it: by its key and registration nonce. The key says not which
    /// registration that was, as it may have registered again since.
    fn offered(work: &Work<'_>, id: ProviderId, offer: &Assign) -> Option<Self> {
        let provider: Provider = work.read(&Key::Provider(id))?;
        let registration = provider
            .versions
            .iter()
            .map(|version| &version.registration)
            .rfind(|said| said.node == offer.seat && said.nonce == offer.nonce)?;
        Some(Self {
            node: offer.seat,
            newest: provider.newest().registration.node,
            operator: registration.operator,
        })
    }

    fn includes(&self, signer: &PublicKey) -> bool {
        [&self.node, &self.newest, &self.operator].contains(&signer)
    }
}
