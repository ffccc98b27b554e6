//! Nothing that anybody is told has the key in it, nor what was asked: not errors, not logs, not `Debug`.

use std::{
    io,
    sync::{Arc, Mutex},
};

use super::*;

/// Keeps what is logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_and_no_error_tells_a_key_or_a_question() {
    // The line in the log must be known before anybody listens: known first on another test's thread, where nobody
    // does, it would be left out for good.
    assert!(
        faults::play(Api::Compatible, Vec::new(), 400)
            .await
            .0
            .is_err()
    );
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // Of this thread, on which all of this test runs.
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut told = String::new();
    let (mut failures, mut heard) = (0, 0);
    for api in Api::ALL {
        for (_, replies, _, _) in faults::cases(api) {
            // In half a second most have said what they say, and the others are out of time.
            let (came, asked) = faults::play(api, replies, 400).await;
            heard += asked;
            if let Err(error) = came {
                failures += 1;
                told.push_str(&format!("{error} {error:?}\n"));
            }
        }
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(logged.matches("no text from a model").count(), failures);
    assert!(failures > 50 && heard > 50, "{failures} {heard}");
    told.push_str(&logged);
    for secret in [KEY, "hidden", QUESTION, "anybody"] {
        assert!(!told.contains(secret), "{secret} is told: {told}");
    }
}

#[tokio::test]
async fn no_debug_text_shows_a_key() {
    for api in Api::ALL {
        let server = Server::start(Vec::new()).await;
        let config = config(api, &server);
        let with_password = Config {
            base: "http://user:hidden@a".to_owned(),
            ..config.clone()
        };
        let headers = api.headers(config.key.as_ref()).unwrap();
        let client = Client::new(config.clone()).unwrap();
        let prompted = crate::backend::prompted::Prompted::new(client.clone());
        let refused = Client::new(with_password.clone()).unwrap_err();
        let shown = format!(
            "{config:?} {with_password:?} {:?} {headers:?} {client:?} {client:#?} {prompted:?} \
             {refused} {refused:?}",
            config.key
        );
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("m-1"), "{shown}");
    }
}
