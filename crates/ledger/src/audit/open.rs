//! Opening an item: the contract that answered it, and who was right (AUD-2).

use std::collections::BTreeMap;

use llmnet_types::{
    audit::AuditOpening,
    bond::Role,
    codec::List,
    contract::{SEATS_MAX, Terms, contract_id},
    disclosure::ReceiptField,
    id::{ContractId, Digest, DomainId, NetworkId, ProviderId},
    message::answer_class,
    params::DISPUTE_EPOCHS,
    receipt::{ContractStatus, SeatOutcome, SeatReceipt},
    rejection::{Field, ProofPart, Rejection},
    request,
    settlement::Leaf,
    signature::PublicKey,
    units::Slot,
};

use crate::{
    bond,
    event::EventKind,
    record::{Audit, AuditResult, Provider, Settled},
    state::Key,
    work::Work,
};

const fn proof(part: ProofPart) -> Rejection {
    Rejection::Proof { part }
}

/// Opens an item of the signer's root with the contract that answered it.
pub(crate) fn open(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    opening: &AuditOpening,
) -> Result<(), Rejection> {
    let key = Key::Audit(*signer, opening.epoch);
    let mut audit: Audit = work.read(&key).ok_or(Rejection::NoAuditRoot)?;
    if work.clock.epoch.before(DISPUTE_EPOCHS) > opening.epoch {
        return Err(Rejection::Window);
    }
    take(&mut audit, opening)?;
    let settled = &opening.settled;
    let slot = contract(work, opening)?;
    let id = contract_id(network, &settled.coordinator, slot);
    if audit.contracts.contains(&id) {
        return Err(Rejection::Already);
    }
    if !audit.contracts.push(id) {
        return Err(Rejection::Full {
            field: Field::Items,
        });
    }

    let receipt = &settled.leaf.receipt;
    let terms: Option<Terms> = opening.terms.open(ReceiptField::Terms, receipt);
    let terms = terms.ok_or(proof(ProofPart::Disclosure))?;
    if request::salted(&opening.item.request, &opening.request_salt) != terms.request {
        return Err(proof(ProofPart::Item));
    }
    let seats: Option<List<SeatReceipt, SEATS_MAX>> =
        opening.seats.open(ReceiptField::Seats, receipt);
    let seats = seats.ok_or(proof(ProofPart::Disclosure))?;

    let asking = asking(work, signer, audit.role);
    let right = answer_class(&id, &opening.item.class.0);
    let (domain, _) = settled
        .leaf
        .domains
        .first()
        .ok_or(proof(ProofPart::Contract))?;
    let mut results = index(&audit);
    let mut told: Vec<ProviderId> = Vec::new();
    for seat in &seats {
        // A receipt is its coordinator's word: nobody is counted twice by it.
        if told.contains(&seat.provider) {
            continue;
        }
        let Some(class) = said(work, network, &settled.leaf, id, seat, &asking) else {
            continue;
        };
        told.push(seat.provider);
        let result = results.entry((seat.provider, *domain)).or_default();
        if class == right {
            result.0 = result.0.saturating_add(1);
        } else {
            result.1 = result.1.saturating_add(1);
        }
    }
    let results = results
        .into_iter()
        .map(|((provider, domain), (right, wrong))| AuditResult {
            provider,
            domain,
            right,
            wrong,
        });
    audit.results = List::truncated(results);
    work.write(key, &audit);
    work.event(EventKind::AuditOpened {
        auditor: *signer,
        coordinator: settled.coordinator,
        slot,
    });
    Ok(())
}

/// Marks an item of the root as opened, which it is once.
fn take(audit: &mut Audit, opening: &AuditOpening) -> Result<(), Rejection> {
    let path = &opening.path;
    let known = path.size == u32::from(audit.items)
        && path.holds(&opening.item.leaf(&opening.salt), &audit.root);
    if !known {
        return Err(proof(ProofPart::Item));
    }
    let byte = usize::try_from(path.index >> 3).unwrap_or(usize::MAX);
    let byte = audit.opened.get_mut(byte).ok_or(proof(ProofPart::Item))?;
    let bit = 1 << (path.index & 7);
    if *byte & bit != 0 {
        return Err(Rejection::Already);
    }
    *byte |= bit;
    Ok(())
}

/// Checks that the contract was selected in the root's epoch, is settled as shown and not void. Gives its
/// slot.
fn contract(work: &Work<'_>, opening: &AuditOpening) -> Result<Slot, Rejection> {
    let settled = &opening.settled;
    let leaf = &settled.leaf;
    if leaf.height.epoch(work.params.epoch_length()) != opening.epoch {
        return Err(Rejection::Window);
    }
    if leaf.status == ContractStatus::Void {
        return Err(proof(ProofPart::Contract));
    }
    let first_slot = settled.first_slot;
    let record: Option<Settled> = work.read(&Key::Settlement(settled.coordinator, first_slot));
    let record = record.ok_or(Rejection::Settlement { slot: first_slot })?;
    if !settled.holds(&record.root) {
        return Err(proof(ProofPart::Leaf));
    }
    settled.slot().ok_or(Rejection::Overflow)
}

/// Whose seats are left out, as they may know the answers: the auditor's own and its operator's (REP-4).
fn asking(work: &Work<'_>, auditor: &PublicKey, role: Role) -> Vec<PublicKey> {
    if work.params.waive_operator {
        return Vec::new();
    }
    vec![*auditor, bond::operator(work, auditor, role)]
}

/// The first class of a seat that served by the leaf, by its own signature; nothing of a seat that is
/// left out, or of an account that the coordinator made up.
fn said(
    work: &Work<'_>,
    network: &NetworkId,
    leaf: &Leaf,
    id: ContractId,
    seat: &SeatReceipt,
    asking: &[PublicKey],
) -> Option<Digest> {
    let served = leaf
        .seats
        .iter()
        .any(|other| other.provider == seat.provider && other.outcome == SeatOutcome::Served);
    let part = seat
        .part
        .as_ref()
        .filter(|part| served && part.body.contract == id)?;
    let provider: Provider = work.read(&Key::Provider(seat.provider))?;
    let registration = &provider.at(leaf.height)?.registration;
    let own = asking.contains(&registration.node) || asking.contains(&registration.operator);
    let signed = !own && part.verify(network, &registration.node).is_ok();
    signed.then_some(part.body.first_class)
}

type Results = BTreeMap<(ProviderId, DomainId), (u16, u16)>;

fn index(audit: &Audit) -> Results {
    let results = audit.results.iter();
    results
        .map(|result| {
            (
                (result.provider, result.domain),
                (result.right, result.wrong),
            )
        })
        .collect()
}
