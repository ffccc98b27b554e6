//! Certificates, checked without the engine.

use llmnet_chain::Finality;
use llmnet_types::{block::Header, certificate::FinalityCertificate, codec, units::Height};

use crate::testnet::{Testnet, account, final_outcome, reaches, transfer};

/// A small generator, so that a failing seed can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[tokio::test]
async fn finality_is_proven_to_whoever_trusts_the_committee() {
    let testnet = Testnet::running();
    let client = testnet.client(0);
    let to = account(7).public_key();
    let id = client
        .submit(transfer(testnet.network, 0, 0, to))
        .await
        .unwrap();
    let height = final_outcome(&*client, id).await.height;
    reaches(&*client, Height(height.0 + 3)).await;
    let Finality {
        header,
        descendants,
        certificate,
    } = client.finality(height).await.unwrap().expect("certified");
    let mut certified = header;
    for descendant in descendants {
        assert_eq!(descendant.parent, certified.digest());
        certified = descendant;
    }
    let electorate = testnet.genesis.root().electorate();
    let check = |certificate: &FinalityCertificate, header: &Header| {
        certificate.verify(&electorate, header)
    };
    assert_eq!(check(&certificate, &certified), Ok(()));

    // No change of any bit passes.
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = Random(seed);
    for _ in 0..200 {
        let mut bytes = codec::encode(&certificate);
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        if let Ok(tampered) = codec::decode::<FinalityCertificate>(&bytes, bytes.len()) {
            assert!(check(&tampered, &certified).is_err(), "byte {at}");
        }
        let mut bytes = codec::encode(&certified);
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        if let Ok(tampered) = codec::decode(&bytes, bytes.len()) {
            assert!(check(&certificate, &tampered).is_err(), "header byte {at}");
        }
    }
}
