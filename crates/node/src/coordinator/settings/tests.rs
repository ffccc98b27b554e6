use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
};

use llmnet_ledger::GenesisValidator;
use llmnet_types::{codec::List, id::Digest, params::Params};

use super::*;

/// A coordinator's directory that goes away at the end.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

fn genesis() -> Genesis {
    let validator = GenesisValidator::plain(key(1).public_key(), Amount::CREDIT);
    Genesis {
        name: Text::truncated("settings"),
        validators: List::truncated([validator]),
        params: Params::local(),
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::new(),
        anchors: List::new(),
    }
}

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("llmnet-coordinator-{name}-{}", std::process::id());
        let place = Self(std::env::temp_dir().join(name));
        let plan = Plan {
            directory: place.0.clone(),
            genesis: genesis(),
            nodes: vec!["http://127.0.0.1:1".to_owned()],
            http: "127.0.0.1:7171".parse().unwrap(),
            listen: "0.0.0.0:7373".parse().unwrap(),
            address: Text::truncated("coordinator.example:7373"),
            bond: Amount::CREDIT,
            patient: true,
        };
        let (passphrase, _) = Passphrase::random().unwrap();
        let made = init(&plan, (&key(2), &key(3)), &passphrase).unwrap();
        assert_eq!(made.node, key(2).public_key());
        assert_eq!(made.account, key(3).public_key());
        assert_eq!(made.network, plan.genesis.id());
        assert!(init(&plan, (&key(4), &key(5)), &passphrase).is_err());
        place
    }

    /// What the settings say, with a text in place of another, and with more at the end.
    fn read(&self, from: &str, to: &str, more: &str) -> Result<Settings, String> {
        let text = fs::read_to_string(self.0.join(FILES.settings)).unwrap();
        assert!(text.contains(from), "{from}");
        let file = self.0.join("changed.toml");
        fs::write(&file, format!("{}\n{more}", text.replace(from, to))).unwrap();
        Settings::read(&file).map_err(|mistakes| {
            let said = mistakes.to_string();
            said.replace(&format!("{}/", self.0.display()), "")
        })
    }
}

const OPEN: [&str; 2] = ["http = \"127.0.0.1:7171\"", "http = \"0.0.0.0:8080\""];

#[test]
fn a_gateway_that_strangers_reach_asks_for_keys() {
    let place = Place::new("settings");
    let written = place.read("", "", "").unwrap();
    assert_eq!(written.node, key(2).public_key());
    assert_eq!(written.data, place.0.join("data"));
    assert_eq!(written.gateway, Gateway::default());

    let [from, to] = OPEN;
    let open = place.read(from, to, "").unwrap_err();
    let asks = "http can be reached from elsewhere, and asks for no keys; take 127.0.0.1, or add [gateway] with keys = true";
    assert!(open.contains(asks), "{open}");
    assert!(open.contains("changed.toml:21: http"), "{open}");
    let keyed = "[gateway]\nkeys = true\nadmin_port = 0\n\n[gateway.tls]\nname = \"llm.example\"\nchain = \"chain.pem\"\nkey = \"/etc/key.pem\"";
    let gateway = place.read(from, to, keyed).unwrap().gateway;
    let expected = Gateway {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: 8080,
        keys: true,
        admin_port: 0,
        tls: Some(config::gateway::Tls {
            name: "llm.example".to_owned(),
            chain: place.0.join("chain.pem"),
            key: PathBuf::from("/etc/key.pem"),
        }),
    };
    assert_eq!(gateway, expected);
    assert_eq!(gateway.url(gateway.port), "https://llm.example:8080");
    let plain = Gateway {
        tls: None,
        ..gateway
    };
    assert_eq!(plain.url(8080), "http://127.0.0.1:8080");

    for (more, said) in [
        (
            "[gateway]\nkeys = 1",
            "keys is integer; write true or false",
        ),
        ("[gateway]\nopen = true", "there is no setting open"),
        (
            "[gateway]\nadmin_port = 65536",
            "admin_port is no number from 0 to 65535",
        ),
        ("gateway = 7", "gateway is integer, no table"),
        ("[gateway.tls]\nname = \"x\"", "chain is missing"),
    ] {
        let refused = place.read("", "", more).unwrap_err();
        assert!(refused.contains(said), "{more}: {refused}");
    }
}

#[test]
fn a_model_for_embeddings_is_the_coordinators_own() {
    let place = Place::new("embedding");
    assert!(place.read("", "", "").unwrap().embedding.is_none());
    let named = "[embedding]\nname = \"vectors\"\napi = \"openai\"\nkey = \"file::key.txt\"\n";
    let Some(Embedding::Served(embedding)) = place.read("", "", named).unwrap().embedding else {
        panic!("no model at a server");
    };
    assert_eq!(embedding.name, "vectors");
    // Its key is beside the settings, not where the program was started.
    let nobody = |_: &str| None;
    let missing = embedding.secret(&nobody).unwrap_err();
    let missing = format!("{:#}", anyhow::Error::from(missing));
    let file = place.0.join("key.txt");
    let cause = std::io::Error::from_raw_os_error(2);
    let said = format!(
        "the key of model vectors cannot be had: cannot read {}: {cause}",
        file.display()
    );
    assert_eq!(missing, said);
    let priced = format!("{named}price = {{ input = 1 }}\n");
    let refused = place.read("", "", &priced).unwrap_err();
    assert!(refused.contains("no respondent"), "{refused}");
}
