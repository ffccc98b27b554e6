"""Exercises a gateway with the official OpenAI SDK.

    pip install openai
    python check.py http://127.0.0.1:4141 [question]

Prints `N passed, 0 failed`; exits with 1 if any failed.
"""

import json
import sys
import traceback
import urllib.request

import openai

BASE = sys.argv[1].rstrip("/").removesuffix("/v1")
QUESTION = sys.argv[2] if len(sys.argv) > 2 else "Is it safe to take aspirin with warfarin?"
ASK = [{"role": "user", "content": QUESTION}]

client = openai.OpenAI(base_url=BASE + "/v1", api_key="unused", max_retries=0, timeout=180)


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def ours(value):
    """What stands under `llmnet`, which the SDK keeps as an extra field."""
    return value.model_extra["llmnet"]


def check_account(account):
    assert account["status"] in ("concluded", "failed", "void"), account
    float(account["cost"]["total"])
    if account["declined"]:
        assert float(account["cost"]["total"]) == 0, account
        return
    assert len(account["receipt_id"]) == 64, account
    assert account["panel"], "an empty panel"
    for seat in account["panel"]:
        assert 0 <= seat["reputation"]["mean"] <= 1, seat


def test_health():
    with urllib.request.urlopen(BASE + "/health") as response:
        assert json.load(response)["status"] == "ready"


def test_plain():
    raw = client.chat.completions.with_raw_response.create(model="llmnet/auto", messages=ASK)
    answer = raw.parse()
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    account = ours(answer)
    check_account(account)
    assert raw.headers["x-llmnet-cost"] == account["cost"]["total"]
    assert raw.headers.get("x-llmnet-receipt") == account["receipt_id"]
    assert raw.headers["x-request-id"] and float(raw.headers["x-llmnet-overhead-ms"]) >= 0


def test_receipt():
    answer = client.chat.completions.create(model="llmnet/auto", messages=ASK)
    receipt = ours(answer)["receipt_id"]
    assert receipt, "no receipt: ask a question that somebody knows about"
    with urllib.request.urlopen(f"{BASE}/v1/receipts/{receipt}?wait_ms=20000") as response:
        state = response.headers["x-llmnet-receipt-state"]
        assert state in ("issued", "settled", "final"), state
        json.load(response)


def test_stream():
    stream = client.chat.completions.create(
        model="llmnet/auto",
        messages=ASK,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1])
    *_, last, usage = chunks
    assert last.choices[0].finish_reason in ("stop", "length")
    check_account(ours(last))
    assert usage.choices == [] and usage.usage.total_tokens >= 0
    assert all(c.usage is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


def test_stream_without_usage_or_progress():
    stream = client.chat.completions.create(
        model="llmnet/vote",
        messages=ASK,
        stream=True,
        extra_body={"llmnet": {"progress": False}},
    )
    for chunk in stream:
        # What many clients do without asking.
        chunk.choices[0].delta
        assert chunk.usage is None


def test_stream_helper():
    with client.chat.completions.stream(model="llmnet/auto", messages=ASK) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.content


def test_models():
    names = [model.id for model in client.models.list()]
    for strategy in ("auto", "single", "vote", "debate", "mixture"):
        assert f"llmnet/{strategy}" in names, names
    experts = [name for name in names if name.startswith("llmnet/expert:")]
    assert experts, names
    for name in ("llmnet/auto", experts[0]):
        assert client.models.retrieve(name).id == name


def test_expert():
    experts = [m.id for m in client.models.list() if m.id.startswith("llmnet/expert:")]
    answer = client.chat.completions.create(model=experts[0], messages=ASK)
    assert answer.model == experts[0]
    check_account(ours(answer))


def test_unknown_model():
    for model in ("gpt-4o", "llmnet/expert:no-such-domain"):
        error = raises(
            openai.NotFoundError,
            lambda model=model: client.chat.completions.create(model=model, messages=ASK),
        )
        assert error.code == "model_not_found" and error.param == "model", error
    raises(openai.NotFoundError, lambda: client.models.retrieve("gpt-4o"))


def test_bad_requests():
    for fields, param in (
        ({"messages": []}, "messages"),
        ({"messages": ASK, "n": 2}, "n"),
        ({"messages": ASK, "temperature": 9}, "temperature"),
        ({"messages": ASK, "max_tokens": 0}, "max_tokens"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages[0].content"),
    ):
        for stream in (False, True):
            error = raises(
                openai.BadRequestError,
                lambda fields=fields, stream=stream: client.chat.completions.create(
                    model="llmnet/auto", stream=stream, **fields
                ),
            )
            assert error.param == param and error.type == "invalid_request_error", error
            assert error.request_id


def test_too_large():
    error = raises(
        openai.APIStatusError,
        lambda: client.chat.completions.create(
            model="llmnet/auto", messages=[{"role": "user", "content": "x" * 2_000_000}]
        ),
    )
    assert error.status_code == 413, error


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception:
            failed += 1
            print(f"{name} failed:")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
