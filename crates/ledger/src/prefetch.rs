//! What a block reads, as far as that is known before it is executed.

use std::collections::BTreeSet;

use llmnet_types::{
    bond::Role,
    receipt::ContractStatus,
    settlement::Settlement,
    signature::PublicKey,
    transaction::{Instruction, Transaction},
};

use crate::{execute::BlockInfo, state::Key};

/// What nearly every block reads.
const ALWAYS: [Key; 9] = [
    Key::Params,
    Key::Clock,
    Key::Totals,
    Key::Counters,
    Key::Office,
    Key::Turns,
    Key::Activity,
    Key::ParamsBefore,
    Key::DueCursor,
];

/// Keys that a block asks for by what stands in it.
///
/// For shells that load state lazily: who loads these first executes few times until nothing is missing.
/// What more is read follows from what is found there. Some of these may not be read at all.
pub fn prefetch(block: &BlockInfo, transactions: &[Transaction]) -> BTreeSet<Key> {
    let mut keys = BTreeSet::from(ALWAYS);
    keys.insert(Key::Beacon(block.leader));
    for transaction in transactions {
        let signer = transaction.body.signer;
        keys.insert(Key::Account(signer));
        instruction(&mut keys, &signer, &transaction.body.instruction);
    }
    keys
}

fn instruction(keys: &mut BTreeSet<Key>, signer: &PublicKey, instruction: &Instruction) {
    match instruction {
        Instruction::Transfer { to, .. } => {
            keys.insert(Key::Account(*to));
        }
        Instruction::OpenLine { coordinator, .. } => {
            keys.insert(Key::LineOf {
                requester: *signer,
                coordinator: *coordinator,
            });
        }
        Instruction::TopUp { line, .. } | Instruction::CloseLine { line } => {
            keys.insert(Key::Line(*line));
        }
        Instruction::Retire { provider } => {
            keys.insert(Key::Provider(*provider));
        }
        Instruction::Register(signed) | Instruction::Update(signed) => {
            keys.insert(Key::Node(signed.body.node));
        }
        Instruction::Delist { node, role }
        | Instruction::Bond { node, role, .. }
        | Instruction::Unbond { node, role, .. } => {
            keys.insert(Key::Bond(*node, *role));
        }
        Instruction::Settle(settlement) => settle(keys, signer, settlement),
        Instruction::CoSign(signatures) => {
            for each in signatures {
                keys.insert(Key::Settlement(each.coordinator, each.first_slot));
                keys.insert(Key::Provider(each.provider));
            }
        }
        // Rare, and much of what they read follows from what they find.
        _ => {}
    }
}

fn settle(keys: &mut BTreeSet<Key>, coordinator: &PublicKey, settlement: &Settlement) {
    keys.insert(Key::Coordinator(*coordinator));
    keys.insert(Key::Bond(*coordinator, Role::Coordinator));
    let vouchers = settlement.vouchers.iter();
    keys.extend(vouchers.map(|voucher| Key::Line(voucher.body.line)));
    let mut rated = Vec::new();
    for leaf in &settlement.leaves {
        if leaf.status == ContractStatus::Void {
            continue;
        }
        for seat in &leaf.seats {
            rated.extend(leaf.domains.iter().map(|(id, _)| (seat.provider, *id)));
        }
    }
    rated.sort_unstable();
    rated.dedup();
    for (provider, domain) in rated {
        keys.insert(Key::Provider(provider));
        keys.insert(Key::Standing(provider, domain));
    }
}
