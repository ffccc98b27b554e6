"""Exercises a gateway with the official OpenAI SDK.

    pip install openai
    python check_openai.py http://127.0.0.1:4141 [question [question without an answer]]

With the last it tries to give up: by a time-out, by leaving a stream. Prints `N passed, 0 failed`; exits with 1 if any failed.
"""

import json
import sys
import traceback
import urllib.request
import uuid

import openai

BASE = sys.argv[1].rstrip("/").removesuffix("/v1")
QUESTION = sys.argv[2] if len(sys.argv) > 2 else "Is it safe to take aspirin with warfarin?"
ENDLESS = sys.argv[3] if len(sys.argv) > 3 else None
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


def test_structured_output_is_refused_with_a_reason():
    error = raises(
        openai.BadRequestError,
        lambda: client.chat.completions.create(
            model="llmnet/auto", messages=ASK, response_format={"type": "json_object"}
        ),
    )
    assert error.param == "response_format" and "single" in error.message, error


def test_giving_up():
    if ENDLESS is None:
        return
    body = {"model": "llmnet/auto", "messages": [{"role": "user", "content": ENDLESS}]}
    hasty = client.with_options(timeout=0.3)
    raises(openai.APITimeoutError, lambda: hasty.chat.completions.create(**body))
    with client.chat.completions.create(stream=True, **body) as stream:
        assert next(iter(stream)).choices[0].delta.role == "assistant"


def test_embeddings():
    error = raises(
        openai.NotFoundError,
        lambda: client.embeddings.create(model="text-embedding-3-small", input=QUESTION),
    )
    assert error.code == "model_not_found" and error.param == "model", error
    # Where the operator has a model for them; the library asks for bytes and reads them back.
    for model in [model.id for model in client.models.list() if model.owned_by == "operator"]:
        plain = client.embeddings.create(model=model, input=["ab", "abcd"], encoding_format="float")
        read = client.embeddings.create(model=model, input=["ab", "abcd"])
        assert [item.embedding for item in read.data] == [item.embedding for item in plain.data], read
        assert [item.index for item in read.data] == [0, 1] and read.usage.prompt_tokens > 0, read
        fewer = client.embeddings.create(model=model, input=[[1, 2, 3]], dimensions=2)
        assert len(fewer.data[0].embedding) == 2, fewer
        print(f"vectors by {model}")


def test_idempotency_key():
    # As long as the program runs, a key is one question's.
    key = f"check-{uuid.uuid4()}"

    def ask(**fields):
        return client.chat.completions.with_raw_response.create(
            model="llmnet/auto", messages=ASK, extra_headers={"idempotency-key": key}, **fields
        )

    first, again = ask(), ask()
    assert first.parse().id == again.parse().id
    assert first.parse().choices[0].message.content == again.parse().choices[0].message.content
    assert first.headers["x-llmnet-receipt"] == again.headers["x-llmnet-receipt"]
    assert "x-llmnet-replayed" not in first.headers and again.headers["x-llmnet-replayed"] == "true"
    error = raises(openai.UnprocessableEntityError, lambda: ask(seed=7))
    assert error.code == "idempotency_key_reused", error


def check_response(response):
    assert response.status in ("completed", "incomplete"), response
    assert response.output_text and response.output[0].role == "assistant"
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.cached_tokens == 0
    check_account(ours(response))


def test_response():
    response = client.responses.create(
        model="llmnet/auto",
        input=QUESTION,
        instructions="Be brief.",
        metadata={"run": "7"},
        store=False,
    )
    check_response(response)
    assert response.metadata == {"run": "7"} and response.instructions == "Be brief."
    assert response.previous_response_id is None and response.error is None


def test_response_to_a_conversation():
    first = client.responses.create(model="llmnet/vote", input=ASK)
    check_response(first)
    said = [item.model_dump(exclude_none=True) for item in first.output]
    second = client.responses.create(model="llmnet/vote", input=[*ASK, *said, *ASK])
    check_response(second)


def test_response_streamed():
    events = list(client.responses.create(model="llmnet/auto", input=QUESTION, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[1].type == "response.in_progress"
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert events[-1].type == "response.completed", events[-1]
    check_response(events[-1].response)
    assert text == events[-1].response.output_text
    assert len({e.response.id for e in events if hasattr(e, "response")}) == 1


def test_response_stream_helper():
    with client.responses.stream(model="llmnet/auto", input=QUESTION) as stream:
        for _ in stream:
            pass
        check_response(stream.get_final_response())


def test_response_refusals():
    for fields, param in (
        ({"input": ""}, "input"),
        ({"input": QUESTION, "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": QUESTION, "store": True}, "store"),
        ({"input": QUESTION, "tools": [{"type": "web_search"}]}, "tools"),
        ({"input": QUESTION, "max_output_tokens": 0}, "max_output_tokens"),
    ):
        for stream in (False, True):
            error = raises(
                openai.BadRequestError,
                lambda fields=fields, stream=stream: client.responses.create(
                    model="llmnet/auto", stream=stream, **fields
                ),
            )
            assert error.param == param and error.request_id, error
    raises(openai.NotFoundError, lambda: client.responses.create(model="gpt-5", input=QUESTION))


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
