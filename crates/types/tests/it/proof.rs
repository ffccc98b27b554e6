//! PRF-3: how much a proof adds to a receipt. `cargo bench -p llmnet-types` says how long it takes to check.

use llmnet_types::{codec::encode, proof::ReceiptProof, settlement::LEAVES_MAX};

use crate::samples::{longest_proof, longest_receipt, network_root, salt};

/// What a proof may have for four validators, full settlements and sixteen of them in a block.
const PROOF_LENGTH_MAX: usize = 1_500;

#[test]
fn the_longest_proof_is_short() {
    // PRF-3, SET-1
    let network = network_root();
    let receipt = longest_receipt(&network.id());
    let proof = longest_proof(&network, &receipt);
    let verify = |proof: &ReceiptProof| {
        proof.verify(&network.electorate(), &receipt, &receipt.root(&salt()))
    };
    assert_eq!(verify(&proof), Ok(()));
    assert_eq!(proof.leaf_path.size as usize, LEAVES_MAX);
    assert_eq!(proof.settlement_path.size, 16);

    let leaf = encode(&proof.leaf).len();
    assert!(leaf <= 256, "a leaf of {leaf} bytes");
    let length = encode(&proof).len();
    assert!(length < PROOF_LENGTH_MAX, "a proof of {length} bytes");
}
