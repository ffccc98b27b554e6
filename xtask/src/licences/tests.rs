use super::*;

const TEXT: &str = "\
# Comments are free.
allow MIT  a notice, no more
allow Apache-2.0  a notice, and peace on patents

except webpki-roots CDLA-Permissive-2.0  a list of certificates, no code
ban openssl  use rustls
";

fn policy() -> Policy {
    Policy::parse(TEXT).expect("well-formed")
}

fn package(name: &str, version: &str, licence: Option<&str>) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.map(str::to_owned),
        ..Package::default()
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allows = |licence: &str| ["MIT", "Apache-2.0"].contains(&licence);
    for (text, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0 AND ISC OR MIT", true),
        ("GPL-3.0 AND (ISC OR MIT)", false),
        ("(MIT OR GPL-3.0) AND (GPL-3.0 OR Apache-2.0)", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0 WITH Classpath-exception-2.0", false),
    ] {
        let holds = Expression::new(text).holds(&allows).expect("well-formed");
        assert_eq!(holds, expected, "{text}");
    }
    for text in ["", "MIT OR", "(MIT", "MIT GPL-3.0", "MIT )"] {
        assert!(Expression::new(text).holds(&allows).is_err(), "{text}");
    }
}

#[test]
fn packages_are_held_to_the_policy() {
    let packages = [
        package("good", "1.0.0", Some("MIT OR GPL-3.0")),
        package("good", "2.0.0", Some("MIT")),
        package("webpki-roots", "1.0.0", Some("CDLA-Permissive-2.0")),
        package("copyleft", "1.0.0", Some("GPL-3.0")),
        package("silent", "1.0.0", None),
        package("openssl", "0.10.0", Some("Apache-2.0")),
    ];
    let found: Vec<String> = check(&policy(), &packages)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "Cargo.lock: copyleft 1.0.0 is under \"GPL-3.0\"; do without it, or allow that in \
             xtask/licences.txt with a reason",
            "Cargo.lock: silent 1.0.0 declares no licence; do without it",
            "Cargo.lock: openssl 0.10.0 is banned: use rustls; `cargo tree -i openssl` says who wants it",
        ]
    );
    assert_eq!(duplicates(&packages), [("good", vec!["1.0.0", "2.0.0"])]);
}

#[test]
fn each_line_of_the_policy_gives_its_reason() {
    for line in [
        "allow MIT",
        "except a MIT",
        "ban a",
        "permit MIT freely",
        "allow",
    ] {
        assert!(Policy::parse(line).is_err(), "{line}");
    }
}
