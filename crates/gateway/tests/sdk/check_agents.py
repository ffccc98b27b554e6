"""Exercises a gateway with OpenAI's library of agents, as it comes: over chat completions and over responses.

    pip install openai-agents
    python check_agents.py http://127.0.0.1:4141 [question]

Prints `N passed, 0 failed`; exits with 1 if any failed.
"""

import asyncio
import sys
import traceback

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI, BadRequestError

BASE = sys.argv[1].rstrip("/").removesuffix("/v1")
QUESTION = sys.argv[2] if len(sys.argv) > 2 else "Is it safe to take aspirin with warfarin?"

# Else runs are told to OpenAI.
set_tracing_disabled(True)


def agent(kind, client, **fields):
    model = kind(model="llmnet/auto", openai_client=client)
    return Agent(name="asker", instructions="Be brief.", model=model, **fields)


async def check_run(kind, client):
    result = await Runner.run(agent(kind, client), QUESTION)
    assert result.final_output
    # A second turn sends back what was answered.
    again = await Runner.run(agent(kind, client), [*result.to_input_list(), user(QUESTION)])
    assert again.final_output


async def check_stream(kind, client):
    streamed = Runner.run_streamed(agent(kind, client), QUESTION)
    text = ""
    async for event in streamed.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            text += event.data.delta
    assert text == streamed.final_output and text


async def check_tools_are_refused(kind, client):
    @function_tool
    def clock() -> str:
        """Tells the time."""
        return "noon"

    try:
        await Runner.run(agent(kind, client, tools=[clock]), QUESTION)
    except BadRequestError as error:
        assert error.param == "tools", error
    else:
        raise AssertionError("tools were taken, and none was called")


def user(text):
    return {"role": "user", "content": text}


async def main():
    passed = failed = 0
    for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
        for check in (check_run, check_stream, check_tools_are_refused):
            client = AsyncOpenAI(base_url=BASE + "/v1", api_key="unused", max_retries=0, timeout=60)
            try:
                await check(kind, client)
                passed += 1
            except Exception:
                failed += 1
                print(f"{check.__name__} over {kind.__name__} failed:")
                traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


asyncio.run(main())
