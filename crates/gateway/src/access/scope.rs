//! What each path asks of a key.

use axum::http::Method;

use crate::port::keys::Scope;

/// Whether anybody may ask for it: what machines ask that have no key, and what tells how to ask.
pub(super) fn is_free(path: &str) -> bool {
    matches!(path, "/health" | "/openapi.json")
}

/// The scope that a request needs; any key is good for what needs none. Whose a receipt is stands in no path: who serves
/// it asks [`Allowance::may_read`](super::Allowance::may_read).
pub(super) fn needed(method: &Method, path: &str) -> Option<Scope> {
    if path == "/v1/key" || path.starts_with("/v1/receipts/") {
        return None;
    }
    if path == "/v1/ledger/transactions" && method == Method::POST {
        return Some(Scope::Submit);
    }
    let asks = [
        "/v1/chat/",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/models",
        "/v1/messages",
    ];
    if asks.iter().any(|asked| path.starts_with(asked)) {
        return Some(Scope::Ask);
    }
    // A path that is added and forgotten here needs a scope all the same.
    Some(Scope::Read)
}

/// As it is written.
pub(super) fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::Ask => "ask",
        Scope::Read => "read",
        Scope::Receipts => "receipts",
        Scope::Submit => "submit",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::router::ROUTES;

    #[test]
    fn every_route_has_its_scope() {
        let mut table = String::new();
        for (method, path) in ROUTES {
            let method = method.to_uppercase().parse().unwrap();
            let needs = match (is_free(path), needed(&method, path)) {
                (true, _) => "free",
                (false, None) => "any key",
                (false, Some(scope)) => word(scope),
            };
            table += &format!("{needs:8}{method} {path}\n");
        }
        expect![[r#"
            ask     POST /v1/chat/completions
            ask     POST /v1/responses
            ask     POST /v1/embeddings
            ask     GET /v1/models
            ask     GET /v1/models/{*id}
            ask     POST /v1/messages
            ask     POST /v1/messages/count_tokens
            any key GET /v1/key
            read    GET /v1/experts
            any key GET /v1/receipts/{id}
            free    GET /health
            read    GET /status
            free    GET /openapi.json
            read    GET /v1/ledger/status
            read    GET /v1/ledger/params
            read    GET /v1/ledger/genesis
            read    GET /v1/ledger/blocks
            read    GET /v1/ledger/blocks/{height}
            read    GET /v1/ledger/events
            submit  POST /v1/ledger/transactions
            read    GET /v1/ledger/transactions/{id}
            read    GET /v1/ledger/accounts/{key}
            read    GET /v1/ledger/lines
            read    GET /v1/ledger/lines/{id}
            read    GET /v1/ledger/coordinators
            read    GET /v1/ledger/providers
            read    GET /v1/ledger/providers/{id}
            read    GET /v1/ledger/reputation
            read    GET /v1/ledger/proofs/{coordinator}/{slot}
            read    GET /v1/ledger/hand-overs/{term}
            read    POST /v1/ledger/state
        "#]]
        .assert_eq(&table);
    }
}
