//! Blocks of a chain of one process, executed again; and blocks that somebody changed.

use llmnet_chain::{
    client::{ChainClient, FinalizedBlock},
    solo::Solo,
};
use llmnet_ledger::{Genesis, GenesisValidator, query as ledger};
use llmnet_types::{
    certificate::CertificateError,
    codec::{List, Text},
    id::Digest,
    params::Params,
    signature::PrivateKey,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Height},
};

use super::{Fault, NotFinal, Recomputed};

const VALIDATOR: [u8; 32] = [1; 32];

fn genesis() -> Genesis {
    let validator = PrivateKey::from_seed(VALIDATOR).public_key();
    let rich = PrivateKey::from_seed([2; 32]).public_key();
    Genesis {
        name: Text::empty(),
        validators: List::truncated([GenesisValidator::plain(validator, Amount::CREDIT)]),
        params: Params {
            epoch_blocks: 8,
            checkpoint_blocks: 4,
            ..Params::local()
        },
        beacon: Digest([3; 32]),
        timestamp_ms: 0,
        accounts: List::truncated([(rich, Amount(1_000_000_000))]),
        anchors: List::new(),
    }
}

/// A chain of some blocks, with transfers in some of them, and one that the ledger refuses.
async fn chain() -> Solo {
    let genesis = genesis();
    let chain = Solo::new(&genesis, VALIDATOR).unwrap();
    let key = PrivateKey::from_seed([2; 32]);
    for (nonce, amount) in [(0, 5), (1, u64::MAX), (2, 7)] {
        let to = PrivateKey::from_seed([9; 32]).public_key();
        let amount = Amount(amount);
        let instruction = Instruction::Transfer { to, amount };
        let transaction = Transaction::sign(genesis.id(), &key, nonce, instruction);
        chain.submit(transaction).await.unwrap();
        chain.advance(7);
    }
    chain
}

async fn blocks(chain: &Solo) -> Vec<FinalizedBlock> {
    let newest = chain.tip().borrow().height().0;
    let mut blocks = Vec::new();
    for height in 1..=newest {
        blocks.push(chain.block(Height(height)).await.unwrap().unwrap());
    }
    blocks
}

fn execute(recomputed: &mut Recomputed, block: &FinalizedBlock) -> Result<(), Fault> {
    let outcomes = block.outcomes.iter().flatten().map(Some);
    recomputed
        .execute(&block.header, &block.transactions, outcomes)
        .map_err(|astray| astray.what)
}

/// All blocks but the last, executed again, and the last.
async fn all_but_one() -> (Recomputed, FinalizedBlock, Vec<FinalizedBlock>) {
    let mut blocks = blocks(&chain().await).await;
    // The one with the last transfer.
    let rest = blocks.split_off(17);
    let last = blocks.pop().unwrap();
    assert_eq!(last.transactions.len(), 1);
    let mut recomputed = Recomputed::begin(&genesis()).unwrap();
    for block in &blocks {
        execute(&mut recomputed, block).unwrap();
    }
    (recomputed, last, rest)
}

#[tokio::test]
async fn blocks_give_the_same_state_again() {
    let chain = chain().await;
    let mut recomputed = Recomputed::begin(&genesis()).unwrap();
    for block in blocks(&chain).await {
        execute(&mut recomputed, &block).unwrap();
    }
    assert_eq!(recomputed.height(), chain.tip().borrow().height());
    let read = llmnet_chain::query(&chain, |state| {
        (ledger::totals(state), ledger::clock(state))
    });
    let (_, (totals, clock)) = read.await.unwrap();
    assert_eq!(ledger::totals(recomputed.state()), totals);
    assert_eq!(ledger::clock(recomputed.state()), clock);
    assert!(totals.burnt > Amount::ZERO && clock.epoch.0 > 1);
}

#[tokio::test]
async fn the_newest_block_is_final_by_the_recomputed_committee() {
    let chain = chain().await;
    let mut recomputed = Recomputed::begin(&genesis()).unwrap();
    for block in blocks(&chain).await {
        execute(&mut recomputed, &block).unwrap();
    }
    let finality = chain.finality(recomputed.height()).await.unwrap().unwrap();
    let check =
        |header, descendants, certificate| recomputed.is_final(header, descendants, certificate);
    let (header, certificate) = (&finality.header, &finality.certificate);
    assert_eq!(check(header, &[], certificate), Ok(()));

    // Of another block, or through headers that are none of its descendants.
    let before = Height(recomputed.height().0 - 1);
    let other = chain.finality(before).await.unwrap().unwrap();
    let wrong = check(header, &[], &other.certificate);
    assert!(matches!(
        wrong,
        Err(NotFinal::Certificate(CertificateError::Signature { .. }))
    ));
    assert_eq!(
        check(&other.header, &[], &other.certificate),
        Err(NotFinal::Headers)
    );
    let unrelated = std::slice::from_ref(&other.header);
    assert_eq!(
        check(header, unrelated, certificate),
        Err(NotFinal::Headers)
    );
}

#[tokio::test]
async fn blocks_that_somebody_changed_are_found() {
    let (recomputed, block, rest) = all_but_one().await;
    type Change = fn(&mut FinalizedBlock);
    let cases: [(Change, Fault); 7] = [
        (
            |block| block.header.network.0[0] ^= 1,
            Fault::Network({
                let mut network = genesis().id();
                network.0[0] ^= 1;
                network
            }),
        ),
        (
            |block| block.header.height.0 += 1,
            Fault::Height {
                expected: Height(17),
            },
        ),
        (|block| block.header.parent = Digest::ZERO, Fault::Parent),
        (|block| block.transactions.clear(), Fault::Transactions),
        (
            |block| block.header.reveal = Some(Digest::ZERO),
            Fault::Reveal,
        ),
        (
            |block| block.header.settlements = Digest::ZERO,
            Fault::Settlements,
        ),
        (
            |block| block.header.next_committee = Some(Digest::ZERO),
            Fault::Committee,
        ),
    ];
    for (change, expected) in cases {
        let mut changed = block.clone();
        change(&mut changed);
        let mut recomputed = again(&recomputed, &block);
        assert_eq!(execute(&mut recomputed, &changed), Err(expected));
        // Nothing came of it: the true block still follows.
        execute(&mut recomputed, &block).unwrap();
        execute(&mut recomputed, &rest[0]).unwrap();
    }

    let mut changed = block.clone();
    changed.outcomes = Some(vec![Outcome::Applied { fee: Amount(1) }]);
    let mut recomputed = again(&recomputed, &block);
    let found = execute(&mut recomputed, &changed);
    assert!(matches!(found, Err(Fault::Outcome { index: 0, .. })));
    // A node that has no record of outcomes is no liar.
    let unknown = [None];
    recomputed
        .execute(&block.header, &block.transactions, unknown)
        .unwrap();
    assert_eq!(recomputed.height(), block.header.height);
}

/// The same once more, up to the same block.
fn again(recomputed: &Recomputed, next: &FinalizedBlock) -> Recomputed {
    assert_eq!(recomputed.height().0 + 1, next.header.height.0);
    Recomputed {
        state: recomputed.state.clone(),
        electorate: recomputed.electorate.clone(),
        ..*recomputed
    }
}
