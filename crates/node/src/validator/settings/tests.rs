use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicU32, Ordering},
};

use expect_test::expect;
use llmnet_types::{codec::Text, units::Amount};
use zeroize::Zeroizing;

use super::*;
use crate::{
    keystore::{self, Passphrase},
    validator::{
        self, OPERATOR_KEY, SETTINGS,
        founding::{self, Charter, Founder},
    },
};

/// A validator's directory that goes away at the end.
struct Place {
    path: PathBuf,
    founder: Founder,
}

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("llmnet-settings-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let plan = Plan {
            directory: path.clone(),
            address: Text::truncated("127.0.0.1:7272"),
            listen: "127.0.0.1:7272".parse().unwrap(),
            http: "127.0.0.1:7171".parse().unwrap(),
            operator: None,
        };
        let founder = validator::init(&plan, &passphrase()).unwrap();
        Self { path, founder }
    }

    fn genesis(&self, founders: &[Founder]) {
        let charter = Charter {
            name: Text::truncated("settings"),
            timestamp_ms: 1,
            params: founding::params(None, None),
            bond: Amount::CREDIT,
            balance: Amount::CREDIT,
            accounts: Vec::new(),
            anchors: Vec::new(),
        };
        let genesis = founding::found(founders, &charter).unwrap();
        fs::write(self.path.join("genesis.json"), genesis.to_json()).unwrap();
    }

    fn settings(&self) -> PathBuf {
        self.path.join(SETTINGS)
    }

    fn write(&self, text: &str) {
        fs::write(self.settings(), text).unwrap();
    }

    /// What is said, with nothing in it that differs from run to run.
    fn said(&self) -> String {
        let said = Settings::read(&self.settings()).unwrap_err().to_string();
        said.replace(&self.path.display().to_string(), "DIR")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new(Zeroizing::new("not a secret".to_owned())).unwrap()
}

#[test]
fn what_init_writes_is_all_there_is_to_say() {
    let place = Place::new();
    expect![[r#"
        1 to mend before this validator can run
        DIR/validator.toml:11: cannot read DIR/genesis.json: No such file or directory (os error 2); put the network's genesis there: llmnet genesis makes it of all founders' files"#]]
    .assert_eq(&place.said());
    place.genesis(std::slice::from_ref(&place.founder));
    let settings = Settings::read(&place.settings()).unwrap();
    assert_eq!(settings.node, place.founder.node);
    assert!(settings.is_founder());
    assert_eq!(
        (settings.keep, settings.pacing),
        (Keep::default(), Pacing::default())
    );
    assert_eq!(settings.data, place.path.join("data"));
    let key = keystore::read(&settings.key, &passphrase()).unwrap();
    assert_eq!(key.public_key(), settings.node);
    let operator = keystore::read(&place.path.join(OPERATOR_KEY), &passphrase()).unwrap();
    assert_eq!(operator.public_key(), place.founder.operator);
    let read = fs::read_to_string(place.path.join(validator::FOUNDER)).unwrap();
    assert_eq!(Founder::from_json(&read).unwrap(), place.founder);
    let mode = fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn no_file_is_ever_made_twice() {
    let place = Place::new();
    let plan = Plan {
        directory: place.path.clone(),
        address: Text::empty(),
        listen: "127.0.0.1:1".parse().unwrap(),
        http: "127.0.0.1:2".parse().unwrap(),
        operator: Some(place.founder.operator),
    };
    let before = fs::read(place.path.join(NODE_KEY)).unwrap();
    for name in [SETTINGS, validator::FOUNDER, NODE_KEY, OPERATOR_KEY] {
        let refused = validator::init(&plan, &passphrase()).unwrap_err();
        assert!(
            matches!(refused, validator::InitError::Exists { .. }),
            "{refused}"
        );
        assert_eq!(
            fs::read(place.path.join(NODE_KEY)).ok(),
            Some(before.clone()).filter(|_| name != OPERATOR_KEY)
        );
        fs::remove_file(place.path.join(name)).unwrap();
    }
    let founder = validator::init(&plan, &passphrase()).unwrap();
    assert_eq!(founder.operator, place.founder.operator);
    assert!(
        !place.path.join(OPERATOR_KEY).exists(),
        "it is somebody else's"
    );
}

#[test]
fn every_wrong_line_is_told_with_what_to_write() {
    let place = Place::new();
    place.genesis(std::slice::from_ref(&place.founder));
    fs::write(
        place.path.join("plain.key"),
        "-----BEGIN PRIVATE KEY-----\n",
    )
    .unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place.path.join("plain.key"), mode).unwrap();
    place.write(
        r#"node = "12"
key = "plain.key"
data = ""
listen = "localhost"
http = 7171
archive = "yes"
blocks = 10
idle_interval_ms = 0
color = "red"

[[peer]]
node = "0101010101010101010101010101010101010101010101010101010101010101"
address = "nowhere"
port = 7

[[peer]]
address = "127.0.0.1:7"
"#,
    );
    expect![[r#"
        13 to mend before this validator can run
        DIR/validator.toml:1: node is no public key; write its 64 hexadecimal digits: its founder.json has them
        DIR/validator.toml:1: genesis is missing; add a line genesis = …
        DIR/validator.toml:2: DIR/plain.key: its key is not encrypted; encrypt it: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW
        DIR/validator.toml:3: data is empty; name a file or directory
        DIR/validator.toml:4: listen is "localhost", no address to listen on; write IP:PORT, such as 127.0.0.1:7272, or 0.0.0.0:7272 for all of this machine's addresses
        DIR/validator.toml:5: http is integer, not text; write http = "…"
        DIR/validator.toml:6: archive is string; write true or false
        DIR/validator.toml:7: blocks is no number from 1000 to 1099511627776; write one, or leave the line out
        DIR/validator.toml:8: idle_interval_ms is no number from 10 to 60000; write one, or leave the line out
        DIR/validator.toml:9: there is no setting color; there are node, key, genesis, data, listen, http, archive, blocks, block_interval_ms, idle_interval_ms, peer
        DIR/validator.toml:13: address "nowhere" leads nowhere; write IP:PORT, or HOST:PORT of a host that is known here
        DIR/validator.toml:14: there is no setting port; there are node, address
        DIR/validator.toml:16: node is missing; add a line node = …"#]]
    .assert_eq(&place.said());
}

#[test]
fn what_is_no_toml_is_told_by_its_line() {
    let place = Place::new();
    place.write("node = \"\nkey = 'a\n\nlisten\n");
    let said = place.said();
    assert!(
        said.contains("DIR/validator.toml:1: it is no TOML"),
        "{said}"
    );
    let nowhere = Settings::read(&place.path.join("other.toml")).unwrap_err();
    assert!(
        nowhere
            .to_string()
            .contains("llmnet validator init makes one")
    );
    place.write(&"#\n".repeat(200_000));
    assert!(
        place.said().contains("more than"),
        "what comes from outside is bounded"
    );
}

#[test]
fn others_must_be_found_somewhere() {
    let (place, other) = (Place::new(), Place::new());
    let silent = PrivateKey::from_seed([7; 32]);
    let beacon = llmnet_chain::beacon_anchor([7; 32]);
    let silent = Founder::new(&silent, silent.public_key(), Text::empty(), beacon);
    place.genesis(&[place.founder.clone(), other.founder.clone(), silent.clone()]);
    let said = place.said();
    assert!(
        said.contains(&format!("no address of validator {}", silent.node)),
        "{said}"
    );
    let text = fs::read_to_string(place.settings()).unwrap();
    let peer = format!(
        "\n[[peer]]\nnode = \"{}\"\naddress = \"127.0.0.1:9\"\n",
        silent.node
    );
    place.write(&format!("{text}{peer}"));
    let settings = Settings::read(&place.settings()).unwrap();
    let address: SocketAddr = "127.0.0.1:9".parse().unwrap();
    assert_eq!(settings.peers, [(silent.node, address)]);
    place.write(&format!("{text}{peer}{peer}"));
    assert!(place.said().contains("stands here twice"));
    // Who is in no genesis follows, and needs somebody to follow.
    place.genesis(&[silent]);
    place.write(&text);
    assert!(
        place
            .said()
            .contains("no other validator's address is known")
    );
}

#[test]
fn an_archive_keeps_everything_and_others_what_they_say() {
    let place = Place::new();
    place.genesis(std::slice::from_ref(&place.founder));
    let text = fs::read_to_string(place.settings()).unwrap();
    let with = |archive: bool, blocks: &str| {
        place.write(&text.replace("archive = false", &format!("archive = {archive}\n{blocks}")));
        Settings::read(&place.settings())
    };
    assert_eq!(with(true, "").unwrap().keep, Keep::Everything);
    assert_eq!(
        with(false, "blocks = 5_000").unwrap().keep,
        Keep::Blocks(5_000)
    );
    assert_eq!(
        with(false, "blocks = 0x1000").unwrap().keep,
        Keep::Blocks(4_096)
    );
    assert!(
        with(true, "blocks = 5000")
            .unwrap_err()
            .to_string()
            .contains("an archive keeps")
    );
}
