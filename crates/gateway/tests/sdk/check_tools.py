"""Has one model call tools, and answer in a form, with the official SDKs of OpenAI and Anthropic.

    pip install openai anthropic openai-agents
    python check_tools.py http://127.0.0.1:4141

Behind the gateway must be a model that calls the first tool for each city of the question, says "It says: …" of what a
tool gave back, and `{"city": "Paris", "degrees": 18}` where a form is asked for. Prints `N passed, 0 failed`; exits with
1 if any failed.
"""

import json
import sys
import traceback

import openai
import pydantic

BASE = sys.argv[1].rstrip("/").removesuffix("/v1")
MODEL = "llmnet/single"
ONE = "What is the weather in Paris?"
TWO = "Is it warmer in Paris or in Rome?"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": SCHEMA,
        "strict": True,
    },
}

client = openai.OpenAI(base_url=BASE + "/v1", api_key="unused", max_retries=0, timeout=60)


class Place(pydantic.BaseModel):
    city: str
    degrees: int


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def asked(question):
    return [{"role": "user", "content": question}]


def cities(calls):
    return [json.loads(call.function.arguments)["city"] for call in calls]


def test_chat():
    messages = asked(TWO)
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=messages, tools=[TOOL]
    )
    completion = raw.parse()
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls", choice
    calls = choice.message.tool_calls
    assert choice.message.content is None and cities(calls) == ["Paris", "Rome"], choice
    assert len({call.id for call in calls}) == 2 and calls[0].function.name == "weather"
    assert len(completion.model_extra["llmnet"]["receipt_id"]) == 64
    assert completion.usage.completion_tokens > 0

    # As the SDK has them, the turns go back as they came.
    messages.append(choice.message)
    for call in calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "18 degrees"})
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    choice = answer.choices[0]
    assert choice.finish_reason == "stop" and choice.message.tool_calls is None, choice
    assert choice.message.content == "It says: 18 degrees.", choice


def test_chat_streamed():
    stream = client.chat.completions.create(
        model=MODEL,
        messages=asked(TWO),
        tools=[TOOL],
        stream=True,
        stream_options={"include_usage": True},
    )
    names, arguments, reasons = {}, {}, []
    for chunk in stream:
        for choice in chunk.choices:
            reasons.append(choice.finish_reason)
            for call in choice.delta.tool_calls or []:
                if call.id:
                    assert call.index not in names and call.type == "function", call
                    names[call.index] = call.function.name
                pieces = arguments.setdefault(call.index, [])
                pieces.append(call.function.arguments)
    assert reasons[-1] == "tool_calls" and set(reasons[:-1]) == {None}, reasons
    assert names == {0: "weather", 1: "weather"}, names
    whole = [json.loads("".join(arguments[index])) for index in sorted(arguments)]
    assert [call["city"] for call in whole] == ["Paris", "Rome"], whole
    assert all(len(pieces) > 2 for pieces in arguments.values()), "in pieces"


def test_chat_stream_helper():
    with client.chat.completions.stream(model=MODEL, messages=asked(ONE), tools=[TOOL]) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.delta" in kinds, kinds
    assert "tool_calls.function.arguments.done" in kinds, kinds
    assert message.tool_calls[0].function.parsed_arguments["city"] == "Paris", message


def test_chat_parsed():
    completion = client.chat.completions.parse(
        model=MODEL, messages=asked(ONE), response_format=Place
    )
    assert completion.choices[0].message.parsed == Place(city="Paris", degrees=18)


def test_chat_json():
    completion = client.chat.completions.create(
        model=MODEL, messages=asked(ONE), response_format={"type": "json_object"}
    )
    assert json.loads(completion.choices[0].message.content)["degrees"] == 18


def test_responses():
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
    conversation = asked(TWO)
    response = client.responses.create(model=MODEL, input=conversation, tools=[tool])
    calls = [item for item in response.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["city"] for call in calls] == ["Paris", "Rome"], calls
    assert response.output_text == "" and response.tool_choice == "auto"
    conversation += response.output
    for call in calls:
        conversation.append(
            {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}
        )
    response = client.responses.create(model=MODEL, input=conversation, tools=[tool])
    assert response.output_text == "It says: 18 degrees.", response


def test_responses_streamed():
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
    with client.responses.stream(model=MODEL, input=ONE, tools=[tool]) as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert kinds.count("response.function_call_arguments.delta") > 1, kinds
    assert "response.function_call_arguments.done" in kinds, kinds
    assert response.output[0].parsed_arguments["city"] == "Paris", response


def test_responses_parsed():
    response = client.responses.parse(model=MODEL, input=ONE, text_format=Place)
    assert response.output_parsed == Place(city="Paris", degrees=18), response


def test_panels_refuse():
    for fields in ({"tools": [TOOL]}, {"response_format": {"type": "json_object"}}):
        error = raises(
            openai.BadRequestError,
            lambda fields=fields: client.chat.completions.create(
                model="llmnet/auto", messages=asked(ONE), **fields
            ),
        )
        assert error.param == next(iter(fields)) and "llmnet/single" in error.message, error


def test_messages():
    import anthropic

    theirs = anthropic.Anthropic(base_url=BASE, api_key="unused", max_retries=0, timeout=60)
    tools = [{"name": "weather", "description": "By city.", "input_schema": SCHEMA}]
    conversation = asked(TWO)
    ask = {"model": MODEL, "max_tokens": 500, "tools": tools}
    message = theirs.messages.create(messages=conversation, **ask)
    assert message.stop_reason == "tool_use", message
    assert [block.input["city"] for block in message.content] == ["Paris", "Rome"], message
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "18 degrees"}
        for block in message.content
    ]
    conversation += [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
    message = theirs.messages.create(messages=conversation, **ask)
    assert message.stop_reason == "end_turn", message
    assert message.content[0].text == "It says: 18 degrees.", message

    with theirs.messages.stream(messages=asked(ONE), **ask) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        message = stream.get_final_message()
    assert json.loads("".join(pieces))["city"] == "Paris", pieces
    assert message.content[0].input["city"] == "Paris", message

    counted = theirs.messages.count_tokens(model=MODEL, messages=asked(ONE), tools=tools)
    plain = theirs.messages.count_tokens(model=MODEL, messages=asked(ONE))
    assert counted.input_tokens > plain.input_tokens, counted


def test_agents():
    import agents

    agents.set_tracing_disabled(True)
    asked_of = []

    @agents.function_tool
    def weather(city: str, unit: str) -> str:
        """The weather in a city."""
        asked_of.append(city)
        return f"18 degrees in {city}"

    def model(kind):
        return kind(model=MODEL, openai_client=openai.AsyncOpenAI(
            base_url=BASE + "/v1", api_key="unused", max_retries=0, timeout=60
        ))

    for kind in (agents.OpenAIChatCompletionsModel, agents.OpenAIResponsesModel):
        asked_of.clear()
        agent = agents.Agent(name="a", instructions="Be brief.", model=model(kind), tools=[weather])
        result = agents.Runner.run_sync(agent, ONE)
        assert asked_of == ["Paris"], asked_of
        assert result.final_output == "It says: 18 degrees in Paris.", result.final_output


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
