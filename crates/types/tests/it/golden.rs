//! Encodings are final: these bytes left the process, and other people's receipts rest on them.
//!
//! A change here is a break for everybody and goes into BREAKING_CHANGES.md, under a new `KIND`.

use std::fmt::Write;

use expect_test::expect;
use llmnet_types::{
    codec::encode,
    id::Digest,
    merkle,
    message::answer_class,
    rating::commitment,
    signature::{Message, Signed},
};

use crate::samples::{self, NETWORK, key};

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
        line(&samples::registration()),
        line(&samples::transaction()),
        line(&samples::receipt(&NETWORK).root(&samples::salt())),
    ];
    let mut kinds: Vec<&str> = lines.iter().map(|line| &line[..22]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), lines.len(), "each kind has a name of its own");
    expect![[r#"
        llmnet/order/1         65227b91aa290039e231c5f19915a6c23a88b555d1bc8338bc7492179afcefe5 0224c6e7b069949c91073ea621059777089fe852264a8fb10f327db624097817 48
        llmnet/assign/1        f535f9d7bacff9bdb7626be50c3911e0f5a6b221af1e5a27e59eb6737be2535c f9f2661f8589037026c846847eb0510a9229d55e876a431a5e5a94a327e7638f 169
        llmnet/reply/1         b3b5463e0bdae5f6f8335ec196e75d9a475992ca150f5a24dda2fab92b5c030a 39ce12d07b517a49f4d4d64fddaccee9daaf2a55fc3b45735bbba1991f158212 33
        llmnet/commit/1        8b3dedb88125b0e22685e7b8c9cdf12f2f1ef90735a9e01cc3d725ccbad46bd2 0efffe1ad7d980e240bb2c3ce28bc556575391a664152d3751069d9e07d9c3f6 66
        llmnet/close/1         03586c2488f64df02eef6ab0c9357d3cfacc48ce1c0a441fe9fed10f86a687de b41d4aef5c4105fd46c953b2c40df42742065818985d2102a85cab0237539c0b 67
        llmnet/part/1          d322af533b586dc38797c15edea84eca4f7d01c16ab22e080792476f8eb4f460 3d9dc94432816426721610f8433d293071b1cfb8eb91ca3ef91a22ac2d783a8a 191
        llmnet/line-ok/1       c9465c323c01906d52748962fe16158bc08909912f87e53c83ffbf2926eb3a4f 640642095924eff9a6a3885889e2116a36cc01c8b8ad65bd8ad5e476a7ef07f6 72
        llmnet/registration/1  8280f90f3b9736d23f59238050c8d1aca5c3708ec9fef2d0296d8bae19b86186 8b3abfd6d9f78280810afa92eb3cb1e354716c9b65e3ab6e4faaa2153ffeb536 213
        llmnet/transaction/1   69ec9787ba245cf7b88e68001131180b28b76e2fe3ce01be74d91f745bb9ce8a 0498aae176a0eb6ed09595036637ba10043802349c79b2317bb7bdcafbc6218f 121
        llmnet/receipt/1       c42b3f83a9f8c7db81a38bd52873f98dd0535f42396dbee83bfc143710e61f29 2f8e9d2a9e6081b9c96667e7c3763f3d33a10a5ef90115416d753c4906c5ddd8 32
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
        terms        9b6b02064ae9b011e7c590847bcc92cf3b57ef4885de2b7f6aeb6c7cd75b664a
        request      90e841d03b1b15f217550db61d7c1de19bcc26c99ac3148139103ef841a5c7de
        class        a8f7ee985b9966fe1f12ed4023d395ea3540eea418b105d17f0e35f908571643
        commitment   f7e747cb44441f1976e5307cf269c80c31eb12166ab732b103bd9e8cb235eddf
        header       31a2ffea36dd88ccd842310f30d0a5f714cf8f136f5c9b3651e34a5a78bfbbc7
        network      0a6a197556a2a551b3b803ce27289f1c4218ae920596fd02cba028529d350f49
        leaf         18f38db390c01807780c8d2279cc42698912aa3e46020c4b5ef144398bed9bc8
        settlement   b05e9c4a87c2d8d8783b00969011bba9fd1c9abf2d3f15e0c80a6c25f5d631b7
        tree         cb926f5bb0442b40cfaebceb21e162feb5d4f98d0fb4ab93555537b379ef71a3
        receipt      c8a42a2bb888574a4d52608005c1800f1a0798d01a7fb3012ea5944a044cbe33
        proof        d2da5da0cfba9ffb11d72fadd950940b998143dbe10fbd63760a108a779d9aeb
        file         f3726ffa637977f6441fa7163093f7ecc3acf0564a97b163bbaffb9bf00edfa1
        transaction  b4cc8e663081d703fb07318b8f32314d77383f76e6861e3b276cd60fe2de94c7
    "#]]
    .assert_eq(&text);
}
