//! Where nodes are reached.

use llmnet_types::bond::host_and_port;

#[test]
fn bnd_1_an_address_is_a_host_and_a_port() {
    let label = "a".repeat(63);
    let long = format!("{label}a.example:7");
    let label = format!("{label}.example:7");
    for (text, expected) in [
        ("127.0.0.1:7", Some(("127.0.0.1", 7))),
        ("node.example:65535", Some(("node.example", 65_535))),
        ("Node-7.Example:1", Some(("Node-7.Example", 1))),
        ("localhost:7272", Some(("localhost", 7_272))),
        ("[::1]:7", Some(("[::1]", 7))),
        ("[fd00::7]:7272", Some(("[fd00::7]", 7_272))),
        (&label, Some((&label[..71], 7))),
        (&long, None),
        ("", None),
        (":", None),
        (":7", None),
        ("127.0.0.1", None),
        ("node.example:", None),
        ("node.example:0", None),
        ("node.example:65536", None),
        ("node.example:+7", None),
        ("node.example:07", None),
        ("node.example: 7", None),
        ("node..example:7", None),
        ("node.example.:7", None),
        ("-node.example:7", None),
        ("node-.example:7", None),
        ("node_7.example:7", None),
        ("a b:7", None),
        ("näme.example:7", None),
        ("http://node.example:7", None),
        ("user@node.example:7", None),
        ("::1:7", None),
        ("[::1]", None),
        ("[::1%eth0]:7", None),
        ("[node.example]:7", None),
        ("[]:7", None),
        ("node.example:7\n", None),
    ] {
        assert_eq!(host_and_port(text), expected, "{text:?}");
    }
}
