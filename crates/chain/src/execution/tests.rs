//! A signature that does not hold lets other transactions apply than were assumed.

use commonware_glue::stateful::db::{DatabaseSet as _, Shared};
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use llmnet_ledger::{Genesis, GenesisValidator, MemoryState};
use llmnet_types::{
    bond::Role,
    codec::{List, Text},
    id::{Digest, NetworkId},
    params::Params,
    signature::PrivateKey,
    transaction::{Instruction, Outcome},
    units::{Amount, Height},
};

use super::*;
use crate::{
    engine::page_cache,
    runtime::Steady,
    simulation::machine::{Hardware, Machine},
    store::{self, Qmdb},
};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

fn genesis() -> Genesis {
    let mut validators: Vec<_> = [1, 2]
        .map(|seed| GenesisValidator {
            operator: key(9).public_key(),
            ..GenesisValidator::plain(key(seed).public_key(), Amount::CREDIT)
        })
        .into();
    validators.sort_by_key(|validator| validator.node);
    Genesis {
        name: Text::truncated("executed"),
        validators: List::truncated(validators),
        params: Params::local(),
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated([(key(9).public_key(), Amount(1_000_000_000_000))]),
        anchors: List::truncated([]),
    }
}

/// The first pays somebody, signed badly; the second has its nonce and reads what no block names.
fn transactions(network: NetworkId) -> [Transaction; 2] {
    let pay = Instruction::Transfer {
        to: key(8).public_key(),
        amount: Amount(1),
    };
    let leave = Instruction::Delist {
        node: key(1).public_key(),
        role: Role::Validator,
    };
    let [mut first, second] =
        [pay, leave].map(|instruction| Transaction::sign(network, &key(9), 0, instruction));
    first.signature.0[0] ^= 1;
    [first, second]
}

#[test]
fn txn_5_what_is_read_after_a_bad_signature_is_loaded_too() {
    let runner = deterministic::Runner::new(deterministic::Config::new());
    runner.start(|context| async move {
        let genesis = genesis();
        let machine = Machine::new(context.child("machine"), Hardware::new("disk".into()));
        let machine = Steady::new(machine);
        let written = store::write_genesis(&machine, page_cache(), genesis.writes()).await;
        written.expect("writes");
        let config = store::config(page_cache());
        let database = Qmdb::init(machine.child("state"), config, None).await;
        let databases = Shared::new("state", database.expect("opens"));
        let batch = databases.new_batches().await;

        let info = BlockInfo {
            network: genesis.id(),
            height: Height(1),
            leader: key(1).public_key(),
            reveal: None,
        };
        let transactions = transactions(info.network);
        let hold = |signatures: Signatures| signatures.holds();
        let mut known = Known::new();
        let found = execute(&batch, &mut known, |_| (), hold, &info, &transactions).await;

        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        let whole = llmnet_ledger::execute(&state, &info, &transactions);
        assert!(matches!(whole.outcomes[0], Outcome::Rejected { .. }));
        assert!(matches!(whole.outcomes[1], Outcome::Applied { .. }));
        assert_eq!(found, whole);
    });
}
