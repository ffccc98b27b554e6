//! What goes wrong, for all APIs alike.

use tokio::task::JoinSet;

use super::{
    server::{chunked, cut},
    *,
};

/// Long enough for a second attempt, on a machine that has much to do.
const PATIENCE_MS: u32 = 20_000;

/// An error's body as its maker documents it, with what servers are known to quote in it.
fn error_body(api: Api, kind: &str) -> String {
    match api {
        // platform.openai.com/docs/guides/error-codes
        Api::OpenAi | Api::Xai | Api::Compatible => format!(
            r#"{{"error":{{"message":"{kind}: {KEY}, {QUESTION}","type":"{kind}","param":null,"code":null}}}}"#
        ),
        // docs.claude.com/en/api/errors
        Api::Anthropic => format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"{KEY}, {QUESTION}"}},"request_id":"req_1"}}"#
        ),
        // ai.google.dev/gemini-api/docs/troubleshooting
        Api::Gemini => format!(
            r#"{{"error":{{"code":0,"message":"{KEY}, {QUESTION}","status":"{kind}","details":[]}}}}"#
        ),
    }
}

fn error(api: Api, status: &str, headers: &str) -> Reply {
    let headers = format!("content-type: application/json\r\n{headers}");
    http(status, &headers, &error_body(api, "some_error"))
}

/// Plays these replies; gives what came of it, and how often it was asked.
pub(super) async fn play(
    api: Api,
    replies: Vec<Reply>,
    time_ms: u32,
) -> (Result<String, LanguageError>, usize) {
    let server = Server::start(replies).await;
    let completion = complete(&client(api, &server), time_ms).await;
    (
        completion.map(|completion| completion.text),
        server.asked().len(),
    )
}

/// What there is: a name, the replies, what comes of it, and how often was asked.
pub(super) type Case = (
    &'static str,
    Vec<Reply>,
    Result<&'static str, LanguageError>,
    usize,
);

pub(super) fn cases(api: Api) -> Vec<Case> {
    let ok = || ok(api, "Nobody.");
    let error = |status: &str, headers: &str| error(api, status, headers);
    let limited = |headers: &str| error("429 Too Many Requests", headers);
    let refused = |status| Err(LanguageError::Refused { status });
    let unreachable = |what: &str| Err(LanguageError::Unreachable(what.to_owned()));
    let what = match api {
        Api::OpenAi | Api::Xai | Api::Compatible => "not a chat completion",
        Api::Anthropic => "not a message",
        Api::Gemini => "not generated content",
    };
    let malformed = || Err(LanguageError::Malformed(what.to_owned()));
    let json = |body: &str| http("200 OK", "content-type: application/json\r\n", body);
    let page = || {
        let text = format!("<html>{KEY} {QUESTION}</html>");
        http("200 OK", "content-type: text/html\r\n", &text)
    };
    let garbled = || json(&format!("{{\"{KEY}\": [{{\"{QUESTION}"));
    let huge = "x".repeat(BODY_LENGTH_MAX + 1);
    let too_large = || {
        Err(LanguageError::TooLarge {
            limit: BODY_LENGTH_MAX,
        })
    };
    let now = "retry-after: 0\r\n";
    vec![
        (
            "wrong key",
            vec![error("401 Unauthorized", "")],
            refused(401),
            1,
        ),
        (
            "not allowed",
            vec![error("403 Forbidden", "")],
            refused(403),
            1,
        ),
        (
            "no such model",
            vec![error("404 Not Found", "")],
            refused(404),
            1,
        ),
        (
            "elsewhere",
            vec![error("302 Found", "location: http://example.com/\r\n")],
            refused(302),
            1,
        ),
        ("limited once", vec![limited(now), ok()], Ok("Nobody."), 2),
        (
            "limited once, in ms",
            vec![limited("retry-after-ms: 5\r\nretry-after: 3600\r\n"), ok()],
            Ok("Nobody."),
            2,
        ),
        (
            "limited twice",
            vec![limited(now), limited(now)],
            Err(LanguageError::RateLimited),
            2,
        ),
        // Waiting as long as it asks would be too late, so nobody waits.
        (
            "limited for long",
            vec![limited("retry-after: 18446744073709551615\r\n")],
            Err(LanguageError::RateLimited),
            1,
        ),
        (
            "broken once",
            vec![error("500 Internal Server Error", now), ok()],
            Ok("Nobody."),
            2,
        ),
        (
            "broken twice",
            vec![
                error("500 Internal Server Error", ""),
                error("503 Service Unavailable", ""),
            ],
            unreachable("status 503"),
            2,
        ),
        // docs.claude.com/en/api/errors: overloaded_error
        (
            "overloaded once",
            vec![error("529 Overloaded", ""), ok()],
            Ok("Nobody."),
            2,
        ),
        (
            "overloaded",
            vec![error("529 Overloaded", now), error("529 Overloaded", now)],
            unreachable("status 529"),
            2,
        ),
        (
            "settings not taken",
            vec![error("400 Bad Request", ""), ok()],
            Ok("Nobody."),
            2,
        ),
        (
            "nothing taken",
            vec![
                error("400 Bad Request", ""),
                error("422 Unprocessable Entity", ""),
            ],
            refused(422),
            2,
        ),
        ("garbled once", vec![garbled(), ok()], Ok("Nobody."), 2),
        ("garbled", vec![garbled(), json("[1]")], malformed(), 2),
        ("a page", vec![page(), page()], malformed(), 2),
        ("cut once", vec![cut("{\"id\": \""), ok()], Ok("Nobody."), 2),
        (
            "cut",
            vec![cut("{\"id\": \""), cut("")],
            unreachable("the connection broke"),
            2,
        ),
        (
            "hung up",
            vec![Reply::Raw(String::new()), ok()],
            Ok("Nobody."),
            2,
        ),
        (
            "gone after one",
            vec![error("500 Internal Server Error", now)],
            unreachable("no connection"),
            1,
        ),
        ("too large, as announced", vec![json(&huge)], too_large(), 1),
        (
            "too large, unannounced",
            vec![Reply::Raw(format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{huge}"
            ))],
            too_large(),
            1,
        ),
        ("too large, in chunks", vec![chunked(&huge)], too_large(), 1),
    ]
}

#[tokio::test]
async fn one_failure_is_borne_and_a_second_is_told() {
    let mut playing = JoinSet::new();
    for api in Api::ALL {
        for (name, replies, expected, calls) in cases(api) {
            playing.spawn(async move {
                let (came, asked) = play(api, replies, PATIENCE_MS).await;
                let came = came.as_ref().map(String::as_str);
                assert_eq!(came, expected.as_ref().map(|text| *text), "{api}: {name}");
                assert_eq!(asked, calls, "{api}: {name}");
            });
        }
    }
    while let Some(played) = playing.join_next().await {
        played.unwrap();
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    for api in Api::ALL {
        let timeout = LanguageError::Timeout { time_ms: 400 };
        let replies = vec![Reply::Silence, Reply::Silence];
        let (came, asked) = play(api, replies, 400).await;
        assert_eq!(came, Err(timeout), "{api}");
        // A machine with much to do may not get to the second attempt.
        assert!(matches!(asked, 1 | 2), "{api}: {asked}");
    }
}

#[tokio::test]
async fn a_hanging_attempt_leaves_time_for_another() {
    for api in Api::ALL {
        let server = Server::start(vec![Reply::Silence, ok(api, "Nobody.")]).await;
        let mut config = config(api, &server);
        config.bounds.attempt_ms = Some(100);
        let client = Client::new(config).unwrap();
        let begin = Instant::now();
        let came = complete(&client, PATIENCE_MS).await.unwrap();
        assert_eq!((came.text.as_str(), server.asked().len()), ("Nobody.", 2));
        assert!(begin.elapsed() < Duration::from_millis(u64::from(PATIENCE_MS) / 2));
    }
}

/// As many calls as open a breaker, each with its second attempt.
const OPENING: usize = 5;

#[tokio::test]
async fn a_server_that_fails_again_and_again_is_left_alone_for_a_while() {
    for api in Api::ALL {
        let broken = || error(api, "500 Internal Server Error", "retry-after: 0\r\n");
        let mut replies = vec![broken(); 2 * OPENING];
        replies.push(ok(api, "Nobody."));
        let server = Server::start(replies).await;
        let mut config = config(api, &server);
        config.bounds.rest_ms = 300;
        let client = Client::new(config).unwrap();
        for _ in 0..OPENING {
            assert_eq!(client.trouble(), None);
            let came = complete(&client, PATIENCE_MS).await;
            let unreachable = LanguageError::Unreachable("status 500".to_owned());
            assert_eq!(came, Err(unreachable));
        }
        assert!(
            client
                .trouble()
                .unwrap()
                .contains("failed 5 times in a row")
        );
        // At once, and without a word to the server; for clones as well.
        let begin = Instant::now();
        let came = complete(&client.clone(), PATIENCE_MS).await;
        let resting = matches!(came, Err(LanguageError::Resting { failures: 5, .. }));
        // A machine with much to do may have slept through the rest.
        assert!(
            resting || begin.elapsed() > Duration::from_millis(200),
            "{came:?}"
        );
        assert!(!resting || server.asked().len() == 2 * OPENING);
        // After its rest one call tries it out.
        let came = loop {
            match complete(&client, PATIENCE_MS).await {
                Err(LanguageError::Resting { .. }) => tokio::task::yield_now().await,
                came => break came,
            }
        };
        assert!(!resting || came.unwrap().text == "Nobody.");
        assert_eq!(client.trouble(), None);
    }
}

#[tokio::test]
async fn what_a_server_refuses_for_the_requests_sake_is_no_failure_of_it() {
    let refused = || error(Api::Compatible, "413 Payload Too Large", "");
    let server = Server::start(vec![refused(); 2 * OPENING]).await;
    let client = client(Api::Compatible, &server);
    for _ in 0..2 * OPENING {
        let came = complete(&client, PATIENCE_MS).await;
        assert_eq!(came, Err(LanguageError::Refused { status: 413 }));
    }
}

#[tokio::test]
async fn settings_that_are_not_taken_are_left_out() {
    for api in Api::ALL {
        let replies = vec![error(api, "400 Bad Request", ""), ok(api, "Nobody.")];
        let server = Server::start(replies).await;
        complete(&client(api, &server), PATIENCE_MS).await.unwrap();
        let (first, second) = (server.body(0).to_string(), server.body(1).to_string());
        assert!(
            first.contains("temperature") && first.contains("END"),
            "{first}"
        );
        assert!(
            !second.contains("temperature") && !second.contains("END"),
            "{second}"
        );
        assert!(second.contains(QUESTION), "{second}");
        // Without any to leave out, the same again would be refused again.
        let server = Server::start(vec![error(api, "400 Bad Request", "")]).await;
        let client = client(api, &server);
        let came = client
            .complete(&messages(), &[], &limits(PATIENCE_MS))
            .await;
        assert_eq!(came, Err(LanguageError::Refused { status: 400 }));
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_and_no_models() {
    let server = Server::start(Vec::new()).await;
    let base = server.base();
    for api in Api::ALL {
        let client = Client::new(Config::new(api, &base, "m")).unwrap();
        assert_eq!(
            complete(&client, 3_000).await,
            Err(LanguageError::Unreachable("no connection".to_owned()))
        );
    }
    assert!(detect_ollama(&base).await.is_empty());
    assert_eq!(first_model(&base, None).await, None);
}
