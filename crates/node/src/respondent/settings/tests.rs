use std::fs;

use llmnet_ledger::GenesisValidator;
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
};

use super::*;

/// A respondent's directory that goes away at the end.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

impl Place {
    fn new(coordinators: Named) -> Self {
        let name = format!(
            "llmnet-respondent-settings-{}-{}",
            std::process::id(),
            coordinators.len()
        );
        let place = Self(std::env::temp_dir().join(name));
        let validator = GenesisValidator::plain(key(1).public_key(), Amount::CREDIT);
        let plan = Plan {
            directory: place.0.clone(),
            genesis: Genesis {
                name: Text::truncated("settings"),
                validators: List::truncated([validator]),
                params: Params::local(),
                beacon: Digest::ZERO,
                timestamp_ms: 0,
                accounts: List::new(),
                anchors: List::new(),
            },
            nodes: vec!["http://127.0.0.1:1".to_owned()],
            http: "127.0.0.1:7474".parse().unwrap(),
            bond: Amount::CREDIT,
            source: PlannedSource::Model {
                name: "llama3.2".to_owned(),
                api: None,
                base_url: Some("http://127.0.0.1:11434/v1".to_owned()),
                key: None,
                domains: Vec::new(),
            },
            coordinators,
        };
        let (passphrase, _) = Passphrase::random().unwrap();
        let made = init(&plan, (&key(2), &key(3)), &passphrase).unwrap();
        assert_eq!(made.account, key(3).public_key());
        place
    }

    fn text(&self) -> String {
        fs::read_to_string(self.0.join(FILES.settings)).unwrap()
    }

    fn read(&self, text: &str) -> Result<Settings, String> {
        let file = self.0.join("changed.toml");
        fs::write(&file, text).unwrap();
        Settings::read(&file).map_err(|mistakes| mistakes.to_string())
    }
}

#[test]
fn coordinators_are_named_by_whoever_will_not_serve_all() {
    // BND-6
    let place = Place::new(Named::new());
    let written = place.text();
    let settings = place.read(&written).unwrap();
    assert_eq!(settings.coordinators, Named::new());
    assert_eq!(settings.data, place.0.join("data"));
    // Files of before it was kept say nothing of it.
    let older = written.replace("data = \"data\"\n", "");
    assert_ne!(older, written);
    assert_eq!(place.read(&older).unwrap().data, place.0.join("data"));

    let (a, b) = (key(7).public_key(), key(8).public_key());
    let at = Some("here.example:7373".to_owned());
    let named = Named::from([(a, None), (b, at.clone())]);
    let place = Place::new(named.clone());
    assert_eq!(place.read(&place.text()).unwrap().coordinators, named);

    let table = |rest: &str| format!("{written}\n[[coordinator]]\nnode = \"{a}\"\n{rest}");
    let found = place
        .read(&table("address = \"here.example:7373\""))
        .unwrap();
    assert_eq!(found.coordinators, Named::from([(a, at)]));
    let twice = format!("{}\n[[coordinator]]\nnode = \"{a}\"", table(""));
    for (text, said) in [
        (table("address = \"here\""), "which leads nowhere"),
        (table("port = 1"), "there is no setting port"),
        (twice, "stands here twice"),
        (format!("{written}\n[[coordinator]]"), "node is missing"),
        (
            format!("coordinator = 7\n{written}"),
            "leave it out to serve all that the ledger lists",
        ),
    ] {
        let refused = place.read(&text).unwrap_err();
        assert!(refused.contains(said), "{text}: {refused}");
    }
}
