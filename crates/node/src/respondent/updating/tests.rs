use std::sync::Arc;

use llmnet_chain::{Solo, query};
use llmnet_ledger::{Genesis, GenesisValidator, query as ledger};
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
    units::{Amount, Height},
};

use super::*;
use crate::{
    experts,
    keys::Keys,
    respondent::registering::{BOND, Prices, register},
};

const SEED: [u8; 32] = [1; 32];

fn operator() -> PrivateKey {
    PrivateKey::from_seed([2; 32])
}

fn node() -> PrivateKey {
    PrivateKey::from_seed([3; 32])
}

fn genesis() -> Genesis {
    let validator = PrivateKey::from_seed(SEED).public_key();
    Genesis {
        name: Text::truncated("updating"),
        validators: List::truncated([GenesisValidator::plain(validator, Amount::CREDIT)]),
        params: Params {
            epoch_blocks: 16,
            checkpoint_blocks: 4,
            ..Params::local()
        },
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated([(operator().public_key(), Amount(1_000 * Amount::CREDIT.0))]),
        anchors: List::new(),
    }
}

/// An expert in the box; its documents are salted by a seed.
fn backing(seed: u8) -> Backing {
    let keys = Keys::new([seed; 32]);
    Backing::expert(experts::named(&keys, "climate").unwrap())
}

async fn version_at(chain: &Solo, height: Height) -> (Price, Option<Corpus>) {
    let node = node().public_key();
    let read = query(chain, move |state| {
        let (_, provider) = ledger::provider_of(state, &node)?;
        let version = provider.at(height)?;
        let said = &version.registration;
        Some((said.price, said.corpus.clone()))
    });
    read.await.unwrap().1.unwrap()
}

#[tokio::test]
async fn what_is_said_anew_is_in_force_when_the_ledger_says_so() {
    // REG-5, REG-8
    let genesis = genesis();
    let (network, chain) = (genesis.id(), Arc::new(Solo::new(&genesis, SEED).unwrap()));
    chain.advance(1);
    let (operator, node) = (operator(), node());
    let keys = (&operator, &node);
    let mut backing = backing(7);
    let first = register(&*chain, network, keys, &backing, BOND)
        .await
        .unwrap();
    first.check(&backing).unwrap();
    let before = backing.price;
    assert_eq!(changes(&first.registration, &backing), []);

    // Another price, with the next epoch: until then both sides work at the old one.
    backing.price.call = Amount(before.call.0 + 1);
    let differs = first.check(&backing).unwrap_err().to_string();
    assert!(differs.contains("otherwise than what answers"), "{differs}");
    assert!(differs.contains("price: 0.0"), "{differs}");
    let second = update(&*chain, network, keys, &first, &backing)
        .await
        .unwrap();
    assert_eq!(second.provider, first.provider);
    assert_eq!(second.registration.nonce, first.registration.nonce);
    second.check(&backing).unwrap();
    assert_eq!(second.from, Height(16));
    let (last, next) = (Height(15), Height(16));
    assert_eq!(second.prices.at(last), before);
    assert_eq!(second.prices.at(next), backing.price);
    assert_eq!(version_at(&chain, last).await.0, before);
    assert_eq!(version_at(&chain, next).await.0, backing.price);

    // Other documents, with the next block. (The name of an expert in the box tells of them, a model's would not.)
    let other = Backing {
        price: backing.price,
        model: backing.model.clone(),
        ..self::backing(8)
    };
    let listed = changes(&second.registration, &other);
    assert!(matches!(listed[..], [Change::Corpus { .. }]), "{listed:?}");
    assert_eq!(listed[0].costs(&Params::local()), Score::ONE);
    let third = update(&*chain, network, keys, &second, &other)
        .await
        .unwrap();
    third.check(&other).unwrap();
    let now = chain.tip().borrow().height();
    assert!(now < Height(16));
    assert_eq!(
        version_at(&chain, now).await,
        (before, other.corpus.clone())
    );
    assert_eq!(third.prices.at(now), before);

    // Another model and no documents, in one word.
    let mut model = Backing {
        corpus: None,
        ..other
    };
    model.model.name = Text::truncated("another");
    let listed = changes(&third.registration, &model);
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(
        listed[0].costs(&Params::local()),
        Params::local().model_change
    );
    let fourth = update(&*chain, network, keys, &third, &model)
        .await
        .unwrap();
    fourth.check(&model).unwrap();
    assert_eq!(version_at(&chain, next).await, (backing.price, None));
}

#[tokio::test]
async fn nobody_else_changes_a_registration_and_domains_stay() {
    // REG-1, REG-5
    let genesis = genesis();
    let (network, chain) = (genesis.id(), Arc::new(Solo::new(&genesis, SEED).unwrap()));
    chain.advance(1);
    let (operator, node) = (operator(), node());
    let mut backing = backing(7);
    let standing = register(&*chain, network, (&operator, &node), &backing, BOND)
        .await
        .unwrap();
    backing.price.call = Amount(1);
    let stranger = PrivateKey::from_seed([9; 32]);
    let refused = update(&*chain, network, (&stranger, &node), &standing, &backing).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("is not the operator"), "{said}");
    backing.domains.pop();
    let refused = update(&*chain, network, (&operator, &node), &standing, &backing).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("keeps its domains")
    );
    let unchanged = registered(&*chain, node.public_key()).await.unwrap();
    assert_eq!(unchanged.unwrap().registration, standing.registration);
}

#[test]
fn prices_hold_from_their_height_on() {
    let price = |call| Price {
        call: Amount(call),
        ..Price::default()
    };
    assert_eq!(Prices::one(price(3)).at(Height(0)), price(3));
    assert_eq!(Prices::one(price(3)).at(Height(9)), price(3));
}
