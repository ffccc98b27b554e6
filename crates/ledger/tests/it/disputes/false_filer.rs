//! A false filer: claims what it is not owed, from a coordinator that did leave a slot void.

use llmnet_types::{
    contract::{Assign, contract_id},
    dispute::{Filing, SettledLeaf},
    id::{ContractId, Digest, ProviderId},
    message::{Close, Part, Phase},
    rejection::{ProofPart, Rejection},
    signature::Signed,
    units::{Amount, Epoch, Height, Slot, Tokens},
};

use super::{Scene, bond, file, operator, void, withholding_coordinator::unpaid};
use crate::{
    contract::{Contract, line_between, node_key},
    world::{credits, key, public},
};

/// What a seat may show, open to change.
struct Shown {
    provider: ProviderId,
    coordinator: llmnet_types::signature::PublicKey,
    void: Option<SettledLeaf>,
    voucher: Signed<llmnet_types::contract::Voucher>,
    terms: llmnet_types::contract::Terms,
    assign: Signed<Assign>,
    close: Signed<Close>,
    part: Signed<Part>,
}

impl Shown {
    fn filing(self) -> Filing {
        Filing::Unpaid {
            provider: self.provider,
            coordinator: self.coordinator,
            void: self.void,
            voucher: self.voucher,
            terms: self.terms,
            assign: self.assign,
            close: self.close,
            part: self.part,
        }
    }
}

/// A void slot whose seats worked, and one whose seat tries to make more of what it holds.
fn tried(change: impl FnOnce(&Scene, &Contract, &mut Shown)) -> Rejection {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene
        .settle_as(&[&contract], |_, leaf| void(leaf))
        .remove(0);
    let Filing::Unpaid {
        provider,
        coordinator,
        void,
        voucher,
        terms,
        assign,
        close,
        part,
    } = unpaid(&contract, 0, Some(settled))
    else {
        unreachable!()
    };
    let mut shown = Shown {
        provider,
        coordinator,
        void,
        voucher,
        terms,
        assign,
        close,
        part,
    };
    change(&scene, &contract, &mut shown);
    let signer = operator(contract.receipt.seats[0].provider);
    let reason = scene.refused(&signer, file(&shown.filing()));
    assert_eq!(scene.bond(), bond());
    reason
}

fn proof(part: ProofPart) -> Rejection {
    Rejection::Proof { part }
}

/// Signs anew what was changed, with a key of one's choice.
fn resign<T: llmnet_types::signature::Message + Clone>(
    signed: &mut Signed<T>,
    scene: &Scene,
    signer: &llmnet_types::signature::PrivateKey,
    change: impl FnOnce(&mut T),
) {
    let mut body = signed.body.clone();
    change(&mut body);
    *signed = Signed::new(body, &scene.world.network, signer);
}

/// DIS-3: every piece is about this contract, under this order.
#[test]
fn dis_3_pieces_of_different_contracts_make_no_claim() {
    let contract = proof(ProofPart::Contract);
    let coordinator = key("coordinator");
    let other = ContractId([9; 32]);
    assert_eq!(
        tried(
            |scene, _, shown| resign(&mut shown.close, scene, &coordinator, |close| close
                .contract =
                other)
        ),
        contract
    );
    assert_eq!(
        tried(
            |scene, _, shown| resign(&mut shown.close, scene, &coordinator, |close| close.phase =
                Phase::Round(1))
        ),
        contract
    );
    assert_eq!(
        tried(
            |scene, _, shown| resign(&mut shown.assign, scene, &coordinator, |assign| assign
                .voucher =
                Digest::ZERO)
        ),
        contract
    );
    assert_eq!(
        tried(
            |scene, _, shown| resign(&mut shown.assign, scene, &coordinator, |assign| assign
                .contract =
                other)
        ),
        contract
    );
    assert_eq!(
        tried(|scene, seated, shown| {
            let node = node_key(&seated.receipt.seats[0].assign.body.seat);
            resign(&mut shown.part, scene, &node, |part| part.contract = other);
        }),
        contract
    );
    let slot_of_another = tried(|scene, _, shown| {
        let rivals = contract_id(&scene.world.network, &public("rival"), Slot(0));
        resign(&mut shown.assign, scene, &coordinator, |assign| {
            assign.contract = rivals
        });
    });
    assert_eq!(slot_of_another, contract);
    assert_eq!(
        tried(|_, _, shown| shown.terms.caps.seat_charge = Amount(1)),
        contract
    );
    assert_eq!(
        tried(|_, _, shown| shown.coordinator = public("rival")),
        contract
    );
}

/// DIS-3: that another coordinator's slot of this number is void says nothing of this one's.
#[test]
fn dis_3_a_void_slot_of_another_coordinator_makes_no_claim() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let mut plan = scene.plan(1, 0);
    plan.coordinator = "rival".to_owned();
    plan.line = line_between(&mut scene.world, "alice", "rival", credits(1), Epoch(6));
    let rivals = Contract::new(&scene.world, plan);
    let settled = scene.settle_as(&[&rivals], |_, leaf| void(leaf)).remove(0);
    let signer = operator(contract.receipt.seats[0].provider);
    let claim = file(&unpaid(&contract, 0, Some(settled)));
    assert_eq!(scene.refused(&signer, claim), proof(ProofPart::Contract));
}

/// DIS-3: who bound nothing in time has done nothing that could be owed.
#[test]
fn dis_3_a_seat_that_is_not_in_the_close_is_owed_nothing() {
    let late = tried(|scene, contract, shown| {
        let node = node_key(&contract.receipt.seats[0].assign.body.seat);
        resign(&mut shown.part, scene, &node, |part| {
            part.commitments = vec![Digest::of(b"late")].try_into().unwrap();
        });
    });
    assert_eq!(late, proof(ProofPart::Contract));
    let nothing = tried(|scene, contract, shown| {
        let node = node_key(&contract.receipt.seats[0].assign.body.seat);
        resign(&mut shown.part, scene, &node, |part| {
            part.commitments = Default::default()
        });
    });
    assert_eq!(nothing, proof(ProofPart::Contract));
}

/// DIS-3: everybody's word is their own.
#[test]
fn dis_3_forged_words_make_no_claim() {
    let forger = key("operator-0");
    let signature = proof(ProofPart::Signature);
    assert_eq!(
        tried(|scene, _, shown| resign(&mut shown.assign, scene, &forger, |_| {})),
        signature
    );
    assert_eq!(
        tried(|scene, _, shown| resign(&mut shown.close, scene, &forger, |_| {})),
        signature
    );
    assert_eq!(
        tried(|scene, _, shown| resign(&mut shown.part, scene, &forger, |_| {})),
        signature
    );
    assert_eq!(
        tried(|scene, _, shown| resign(&mut shown.voucher, scene, &forger, |_| {})),
        signature
    );
    let inflated = tried(|_, _, shown| shown.part.body.output = Tokens(1_000_000));
    assert_eq!(inflated, signature);
}

/// DIS-3: the seat's node and its operator may claim; nobody else, and no seat that does not exist.
#[test]
fn dis_3_only_the_seat_or_its_operator_claims() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene
        .settle_as(&[&contract], |_, leaf| void(leaf))
        .remove(0);
    let claim = file(&unpaid(&contract, 0, Some(settled)));
    let peer = operator(contract.receipt.seats[1].provider);
    for stranger in ["alice", "bob", "coordinator", &peer] {
        assert_eq!(scene.refused(stranger, claim.clone()), Rejection::NoParty);
    }
    let provider = contract.receipt.seats[0].provider;
    let node = format!("node-{provider}");
    scene.applied(
        "bob",
        llmnet_types::transaction::Instruction::Transfer {
            to: public(&node),
            amount: Amount(1_000_000),
        },
    );
    // Whoever of the two files, the operator is paid, and once.
    let operator = operator(provider);
    assert_eq!(scene.gain(&node, &operator, claim.clone()), Amount(500));
    for again in [&node, &operator] {
        assert_eq!(scene.refused(again, claim.clone()), Rejection::Already);
    }
    let stranger = tried(|scene, _, shown| {
        resign(&mut shown.assign, scene, &key("coordinator"), |assign| {
            assign.nonce = 7
        });
    });
    assert_eq!(stranger, Rejection::NoParty);
}

/// DIS-3, WIN-1: the time is that of the offer's height, not of whatever leaf is shown.
#[test]
fn dis_3_the_height_of_the_offer_is_in_the_window() {
    let of_the_future = tried(|scene, _, shown| {
        resign(&mut shown.assign, scene, &key("coordinator"), |assign| {
            assign.height = Height(1_000)
        });
    });
    assert_eq!(of_the_future, Rejection::Window);
}

/// DIS-3: a line that is not the coordinator's pays nobody.
#[test]
fn dis_3_a_line_of_another_coordinator_pays_nothing() {
    let reason = tried(|scene, _, shown| {
        let line = llmnet_types::id::LineId(9);
        resign(&mut shown.voucher, scene, &key("alice"), |voucher| {
            voucher.line = line
        });
        let digest = llmnet_types::signature::Message::digest(&shown.voucher.body);
        resign(&mut shown.assign, scene, &key("coordinator"), |assign| {
            assign.voucher = digest
        });
    });
    assert!(matches!(reason, Rejection::Line { .. }));
}
