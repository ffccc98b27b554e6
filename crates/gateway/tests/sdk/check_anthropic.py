"""Exercises a gateway with the official Anthropic SDK.

    pip install anthropic
    python check_anthropic.py http://127.0.0.1:4141 [question]

Prints `N passed, 0 failed`; exits with 1 if any failed.
"""

import sys
import traceback
import uuid

import anthropic

BASE = sys.argv[1].rstrip("/").removesuffix("/v1")
QUESTION = sys.argv[2] if len(sys.argv) > 2 else "Is it safe to take aspirin with warfarin?"
ASK = {
    "model": "llmnet/auto",
    "max_tokens": 500,
    "messages": [{"role": "user", "content": QUESTION}],
}

client = anthropic.Anthropic(base_url=BASE, api_key="unused", max_retries=0, timeout=180)


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def check_account(account):
    assert account["status"] in ("concluded", "failed", "void"), account
    float(account["cost"]["total"])
    assert account["declined"] or len(account["receipt_id"]) == 64, account


def check_message(message):
    assert message.id.startswith("msg_") and message.role == "assistant"
    assert message.content[0].type == "text" and message.content[0].text
    assert message.stop_reason in ("end_turn", "max_tokens"), message
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


def test_plain():
    raw = client.messages.with_raw_response.create(system="Be brief.", **ASK)
    message = raw.parse()
    check_message(message)
    account = message.model_extra["llmnet"]
    check_account(account)
    assert raw.headers["x-llmnet-cost"] == account["cost"]["total"]
    assert message._request_id == raw.headers["request-id"]


def test_blocks_and_turns():
    turns = [
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Why do you ask?"}]},
        {"role": "user", "content": QUESTION},
    ]
    message = client.messages.create(**{**ASK, "messages": turns}, extra_body={"temperature": 0.5})
    check_message(message)
    # What was answered can be sent back as it came.
    turns = [*ASK["messages"], message.to_param(), *ASK["messages"]]
    check_message(client.messages.create(**{**ASK, "messages": turns}))


def test_stream():
    events = list(client.messages.create(stream=True, **ASK))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"], kinds
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"], kinds
    text = "".join(e.delta.text for e in events if e.type == "content_block_delta")
    assert text and events[-2].delta.stop_reason in ("end_turn", "max_tokens")
    check_account(events[-2].model_extra["llmnet"])


def test_stream_helper():
    with client.messages.stream(**ASK) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    check_message(message)
    assert message.content[0].text == text


def test_count_tokens():
    count = client.messages.count_tokens(model="llmnet/auto", messages=ASK["messages"])
    assert count.input_tokens == -(-len(QUESTION.encode()) // 4), count


def test_idempotency_key():
    headers = {"idempotency-key": f"check-{uuid.uuid4()}"}
    first = client.messages.with_raw_response.create(extra_headers=headers, **ASK)
    again = client.messages.with_raw_response.create(extra_headers=headers, **ASK)
    assert first.parse().to_dict() == again.parse().to_dict()
    assert again.headers["x-llmnet-replayed"] == "true"
    assert first.headers["x-llmnet-receipt"] == again.headers["x-llmnet-receipt"]


def test_refusals():
    for fields, kind, param in (
        ({"messages": []}, anthropic.BadRequestError, "messages"),
        ({"max_tokens": 0}, anthropic.BadRequestError, "max_tokens"),
        # No parameter of the SDK's any more, and yet one of the API's.
        ({"extra_body": {"temperature": 2}}, anthropic.BadRequestError, "temperature"),
        ({"tools": [{"name": "a", "input_schema": {}}]}, anthropic.BadRequestError, "tools"),
        ({"model": "claude-opus-4-0"}, anthropic.NotFoundError, "model"),
    ):
        for stream in (False, True):
            error = raises(
                kind,
                lambda fields=fields, stream=stream: client.messages.create(
                    stream=stream, **{**ASK, **fields}
                ),
            )
            assert error.body["type"] == "error" and error.body["llmnet"]["param"] == param, error
            assert error.request_id == error.body["request_id"]
    assert error.type == "not_found_error", error


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
