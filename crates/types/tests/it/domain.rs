//! Names of domains are normal by being.

use llmnet_types::{
    codec::{decode, encode},
    domain::Domain,
};

#[test]
fn what_people_write_becomes_one_name_or_none() {
    let long = "a".repeat(32);
    let too_long = "a".repeat(33);
    for (text, expected) in [
        ("medicine", Some("medicine")),
        ("  Medicine\n", Some("medicine")),
        ("Computer Science", Some("computer-science")),
        ("computer_science", Some("computer-science")),
        ("llm-net", Some("llm-net")),
        ("4g", Some("4g")),
        ("a--b", Some("a--b")),
        (&long, Some(&long)),
        (&too_long, None),
        ("", None),
        ("   ", None),
        ("-a", None),
        ("a-", None),
        ("_", None),
        ("naïve", None),
        ("a/b", None),
        ("a.b", None),
        ("a\tb", None),
    ] {
        let domain: Result<Domain, _> = text.parse();
        let name = domain.as_ref().ok().map(Domain::as_str);
        assert_eq!(name, expected, "{text:?}");
        assert_eq!(Domain::new(text).ok(), domain.ok());
    }
}

#[test]
fn off_the_wire_only_normal_names_are_domains() {
    // ENC-1: what a person may write in many ways has one spelling between programs.
    let domain = Domain::new("medicine").expect("a name");
    let bytes = encode(&domain);
    assert_eq!(bytes, b"\x08\x00medicine");
    assert_eq!(decode(&bytes, 64), Ok(domain.clone()));
    let json = serde_json::to_string(&domain).expect("text");
    assert_eq!(json, "\"medicine\"");

    for other in ["Medicine", " medicine", "computer science", "", "-a"] {
        let length = u16::try_from(other.len()).expect("short").to_le_bytes();
        let bytes = [&length, other.as_bytes()].concat();
        assert!(decode::<Domain>(&bytes, 64).is_err(), "{other:?}");
        assert!(serde_json::from_str::<Domain>(&format!("{other:?}")).is_err());
    }
    // ENC-2
    let long = [&33_u16.to_le_bytes(), "a".repeat(33).as_bytes()].concat();
    assert!(decode::<Domain>(&long, 64).is_err());
}
