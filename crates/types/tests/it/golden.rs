//! Encodings are final: these bytes left the process, and other people's receipts rest on them.
//!
//! A change here is a break for everybody and goes into BREAKING_CHANGES.md, under a new `KIND`.

use std::fmt::Write;

use borsh::BorshSerialize;
use expect_test::expect;
use llmnet_types::{
    bond::{ChainUse, Role},
    certificate::Statement,
    codec::encode,
    disclosure::ReceiptField,
    dispute::{FaultProof, Filing},
    id::Digest,
    merkle,
    message::answer_class,
    rating::commitment,
    rejection::{Field, LeafFault, ProofPart, Rejection},
    signature::{Message, Signed},
    transaction::Instruction,
};
use serde::Serialize;

use crate::{
    any::{Source, Variants},
    samples::{self, NETWORK, key},
};

/// The kind, the digest of what is signed, the digest by which others name it, its length.
fn line<M: Message>(body: &M) -> String {
    format!(
        "{:22} {} {} {}\n",
        M::KIND,
        Digest::of(&body.signing_bytes(&NETWORK)),
        body.digest(),
        encode(body).len()
    )
}

#[test]
fn signed_kinds_keep_their_bytes() {
    // ENC-1, ENC-3, ENC-4
    let terms = samples::terms(samples::request().digest(&samples::salt().field("request")));
    let voucher = samples::voucher(terms.digest());
    let assign = samples::assign(&NETWORK, voucher.digest());
    let lines = [
        line(&voucher),
        line(&assign),
        line(&samples::reply(assign.digest())),
        line(&samples::commit(&NETWORK)),
        line(&samples::close(&NETWORK)),
        line(&samples::part(&NETWORK)),
        line(&samples::line_ok()),
        line(&samples::give_up(&NETWORK)),
        line(&samples::registration()),
        line(&samples::rotation()),
        line(&samples::enlistment()),
        line(&samples::transaction()),
        line(&samples::receipt(&NETWORK).root(&samples::salt())),
    ];
    let mut kinds: Vec<&str> = lines.iter().map(|line| &line[..22]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), lines.len(), "each kind has a name of its own");
    expect![[r#"
        llmnet/order/1         0d76f959cce2a3983533b7eeb28b121235267e11004248aa73400ff87c567093 fd5d94bba6b8fc35f922cc87153cc697b1ed64462d91170eebf6ebdd6e25e18f 48
        llmnet/assign/2        642a3bfdae0c5b6fc707fd9e3b5ed66176457a4da458d7e349d01262bd231dad e8488b4718f783a5b7e6b8e816b40c2717c66e2d8b54af7723789ca5f43bfe28 170
        llmnet/reply/1         b9ea2a6ffb4f07cf8c2321aa02f0783a8c1942033d2ac5b6a807fb3ee491c957 f5af2dbdd3dc7168f6d7e559b5e870a80244fff4daf717c4780051ca6ad0c43c 33
        llmnet/commit/1        8b3dedb88125b0e22685e7b8c9cdf12f2f1ef90735a9e01cc3d725ccbad46bd2 0efffe1ad7d980e240bb2c3ce28bc556575391a664152d3751069d9e07d9c3f6 66
        llmnet/close/1         03586c2488f64df02eef6ab0c9357d3cfacc48ce1c0a441fe9fed10f86a687de b41d4aef5c4105fd46c953b2c40df42742065818985d2102a85cab0237539c0b 67
        llmnet/part/1          d322af533b586dc38797c15edea84eca4f7d01c16ab22e080792476f8eb4f460 3d9dc94432816426721610f8433d293071b1cfb8eb91ca3ef91a22ac2d783a8a 191
        llmnet/line-ok/1       c9465c323c01906d52748962fe16158bc08909912f87e53c83ffbf2926eb3a4f 640642095924eff9a6a3885889e2116a36cc01c8b8ad65bd8ad5e476a7ef07f6 72
        llmnet/give-up/1       fef06e33b97365ed4228275dfe6381fb4ea8463691275839a384c34d3d581daf 2c906d998f99ba70ff242a505d8fa41d9c9a7175d27088b39510c5eb9d72107c 33
        llmnet/registration/1  8280f90f3b9736d23f59238050c8d1aca5c3708ec9fef2d0296d8bae19b86186 8b3abfd6d9f78280810afa92eb3cb1e354716c9b65e3ab6e4faaa2153ffeb536 213
        llmnet/rotation/1      8bf61a2dcea67c30743fafb56528a60119198d5929585c63c16be83d11c1f48f 01a786c6cf70955f44a300fd2b56e37badb1badd1b3b58ba7fba050688f08ee3 68
        llmnet/enlistment/1    1dd0a9732a40959ec3885015b53c8e30af69358ee7c1e1555f8a9a26003c4ee6 4c5f5f0b8a862974a7af8841f3ae296b23d19b9f491ee896ac111da5bfd579cd 97
        llmnet/transaction/1   69ec9787ba245cf7b88e68001131180b28b76e2fe3ce01be74d91f745bb9ce8a 0498aae176a0eb6ed09595036637ba10043802349c79b2317bb7bdcafbc6218f 121
        llmnet/receipt/2       7121aba2faa34cb1083cfd10987d9dfda81bc613bc6a35fdeef98c8cc68577d8 f74a0ceed75f3a667390d8cefb3382684c5453bc502536b4849294f7e1a44e6b 32
    "#]].assert_eq(&lines.concat());
}

#[test]
fn other_bytes_that_leave_the_process_keep_their_digests() {
    // ENC-3, CON-1, CON-2, CON-5, DEB-2, BLK-1, NET-1, PRF-1
    let receipt = samples::receipt(&NETWORK);
    let network = samples::network_root();
    let proof = samples::proof(&network, &receipt);
    let mut text = String::new();
    for (name, digest) in [
        ("contract id", Digest(receipt.contract().0)),
        ("terms", receipt.terms.digest()),
        (
            "request",
            samples::request().digest(&samples::salt().field("request")),
        ),
        ("class", answer_class(&receipt.contract(), b"three go on")),
        (
            "commitment",
            commitment(&samples::salt(), b"payload", &Digest([1; 32])),
        ),
        ("header", samples::header(NETWORK).digest()),
        ("network", Digest(network.id().0)),
        ("leaf", Digest::of(&encode(&proof.leaf))),
        ("settlement", proof.settlement.root),
        ("tree", merkle::root(["a", "b", "c"])),
        ("receipt", Digest::of(&encode(&receipt))),
        ("proof", Digest::of(&encode(&proof))),
        ("file", Digest::of(&samples::document().to_bytes())),
        (
            "transaction",
            Digest(
                Signed::new(samples::transaction(), &NETWORK, &key(1))
                    .id()
                    .0,
            ),
        ),
    ] {
        writeln!(text, "{name:12} {digest}").expect("memory takes it");
    }
    expect![[r#"
        contract id  cd99334262a30f8f48619ab4d0bfe41f151d7b8572f5d7bdc88afee59e3bd832
        terms        0990170f8294c930f08bbe92ce6d8b20efbe8596b294e6e43c260d229e705164
        request      596ca7471d7e9c44a1851ab005e13e34d01169597e0640025ba9c31d708e4c6e
        class        a8f7ee985b9966fe1f12ed4023d395ea3540eea418b105d17f0e35f908571643
        commitment   f7e747cb44441f1976e5307cf269c80c31eb12166ab732b103bd9e8cb235eddf
        header       30696ae7af5d323161c99763a2124431394f098d6b6306036055812ebdeed69c
        network      0a6a197556a2a551b3b803ce27289f1c4218ae920596fd02cba028529d350f49
        leaf         a6120d0427bc2d7687ddbb17394ee512d00677e9b41f114afdb078f2f5e831fa
        settlement   5b6e306a2552a9eb9ad6ffcb9024565dab00ca06a7feecfe51de4dcd7a789a85
        tree         cb926f5bb0442b40cfaebceb21e162feb5d4f98d0fb4ab93555537b379ef71a3
        receipt      0f1d35204036fc9c3c3135498c752a7c2d36a94dde323d80ada307bb0a4f4429
        proof        8d01254d3f7154eb0dc62683386f89c75584a35bdb621c381b418e1e3fa64b29
        file         5add1d30dd57e726ec7d15b90801a3f074d32809902804ef5acc04836fb5e71a
        transaction  b4cc8e663081d703fb07318b8f32314d77383f76e6861e3b276cd60fe2de94c7
    "#]]
    .assert_eq(&text);
}

/// Numbers and names of all variants, as they are on the wire and in JSON.
fn variants<T: Variants + BorshSerialize + Serialize>(kind: &str) -> String {
    let mut text = format!("{kind}:");
    for (place, make) in T::MAKERS.iter().enumerate() {
        let value = make(&mut Source::new(1));
        let number = encode(&value)[0];
        assert_eq!(usize::from(number), place, "listed in order");
        let name = match serde_json::to_value(&value).expect("values have JSON") {
            serde_json::Value::Object(fields) => match fields.get("code") {
                Some(code) => code.as_str().map(str::to_owned),
                None => fields.keys().next().cloned(),
            },
            name => name.as_str().map(str::to_owned),
        };
        let separator = if place % 8 == 0 { "\n  " } else { " " };
        write!(text, "{separator}{number} {}", name.expect("a name")).expect("memory takes it");
    }
    text + "\n"
}

#[test]
fn variants_keep_their_numbers_and_names() {
    // ENC-1, TXN-3
    let text = [
        variants::<Instruction>("instruction"),
        variants::<Rejection>("rejection"),
        variants::<ProofPart>("part of a proof"),
        variants::<Field>("field"),
        variants::<LeafFault>("fault of a leaf"),
        variants::<FaultProof>("proof of fault"),
        variants::<Filing>("filing"),
        variants::<Statement>("statement of a vote"),
        variants::<ReceiptField>("field of a receipt"),
        variants::<Role>("role"),
        variants::<ChainUse>("use of a chain"),
    ];
    expect![[r#"
        instruction:
          0 transfer 1 open_line 2 top_up 3 close_line 4 register 5 update 6 rotate 7 retire
          8 announce 9 enlist 10 delist 11 bond 12 unbond 13 anchor 14 settle 15 co_sign
          16 file 17 challenge 18 answer 19 audit_root 20 audit_open 21 fault 22 vote
        rejection:
          0 network 1 signature 2 nonce 3 too_large 4 balance 5 overflow 6 bounds 7 line
          8 line_closed 9 node_signature 10 operator 11 registration_nonce 12 registered 13 no_anchor 14 anchored_already 15 slot
          16 opening 17 leaf 18 voucher 19 line_ok 20 provider 21 enlisted 22 not_enlisted 23 bond
          24 expired 25 settlement 26 epochs 27 proof 28 no_fault 29 already 30 window 31 no_challenge
          32 no_party 33 no_audit_root 34 no_vote 35 params 36 full 37 address
        part of a proof:
          0 leaf 1 disclosure 2 signature 3 contract 4 item 5 panel
        field:
          0 amount 1 expiry 2 domains 3 bond 4 length 5 leaves 6 items 7 validators
          8 claims 9 novelty 10 versions 11 proposals
        fault of a leaf:
          0 height 1 order 2 sums 3 void 4 unknown 5 seats 6 panel 7 outcome
        proof of fault:
          0 assigns 1 panel 2 totals 3 parts 4 votes
        filing:
          0 contradiction 1 unpaid
        statement of a vote:
          0 notarize 1 nullify 2 finalize
        field of a receipt:
          0 network 1 coordinator 2 slot 3 requester 4 voucher 5 terms 6 slot_secret 7 selection
          8 skips 9 seats 10 closes 11 status 12 verdict 13 charges 14 response
        role:
          0 respondent 1 coordinator 2 validator 3 auditor
        use of a chain:
          0 slots 1 beacon
    "#]].assert_eq(&text.concat());
}
