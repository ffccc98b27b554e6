// Exercises a gateway with the official OpenAI SDK for Node.
//
//     npm install openai
//     node check_openai.mjs http://127.0.0.1:4141 [question [question without an answer]]
//
// With the last it tries to give up: by a time-out, by aborting, by leaving a stream. Prints `N passed, 0 failed`; exits with 1 if any failed. The SDK is looked for from NODE_PATH as well.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

// Modules that are imported are not looked for in NODE_PATH; those that are required are.
const { OpenAI } = createRequire(import.meta.url)("openai");

const BASE = process.argv[2].replace(/\/$/, "").replace(/\/v1$/, "");
const QUESTION = process.argv[3] ?? "Is it safe to take aspirin with warfarin?";
const ENDLESS = process.argv[4];
const ASK = [{ role: "user", content: QUESTION }];

const client = new OpenAI({
  baseURL: `${BASE}/v1`,
  apiKey: process.env.LLMNET_API_KEY ?? "unused",
  maxRetries: 0,
  timeout: 180_000,
});

function checkAccount(account) {
  assert.ok(["concluded", "failed", "void"].includes(account.status), account.status);
  assert.ok(Number(account.cost.total) >= 0);
  if (!account.declined) {
    assert.equal(account.receipt_id.length, 64);
    assert.ok(account.panel.length > 0);
  }
}

async function raises(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof kind, `${error}`);
    return error;
  }
  assert.fail(`no ${kind.name}`);
}

const tests = {
  async plain() {
    const asked = client.chat.completions.create({ model: "llmnet/auto", messages: ASK });
    const { data, response } = await asked.withResponse();
    assert.ok(data.choices[0].message.content);
    assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
    checkAccount(data.llmnet);
    assert.equal(response.headers.get("x-llmnet-receipt"), data.llmnet.receipt_id);
    assert.equal(data._request_id, response.headers.get("x-request-id"));
  },

  async stream() {
    const stream = await client.chat.completions.create({
      model: "llmnet/auto",
      messages: ASK,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const usage = chunks.pop();
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.ok(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""));
    assert.ok(["stop", "length"].includes(chunks.at(-1).choices[0].finish_reason));
    checkAccount(chunks.at(-1).llmnet);
    assert.deepEqual(usage.choices, []);
    assert.ok(usage.usage.total_tokens >= 0);
  },

  async streamHelper() {
    const stream = client.chat.completions.stream({ model: "llmnet/auto", messages: ASK });
    assert.ok((await stream.finalChatCompletion()).choices[0].message.content);
  },

  async givingUp() {
    if (ENDLESS === undefined) return;
    const body = { model: "llmnet/auto", messages: [{ role: "user", content: ENDLESS }] };
    const late = () => client.chat.completions.create(body, { timeout: 300 });
    await raises(OpenAI.APIConnectionTimeoutError, late);

    const signal = AbortSignal.timeout(300);
    const aborted = () => client.chat.completions.create(body, { signal });
    await raises(OpenAI.APIUserAbortError, aborted);

    const stream = await client.chat.completions.create({ ...body, stream: true });
    for await (const chunk of stream) {
      assert.equal(chunk.choices[0].delta.role, "assistant");
      break;
    }
  },

  async tools() {
    const weather = {
      type: "function",
      function: {
        name: "weather",
        parameters: { type: "object", properties: { city: { type: "string" } } },
      },
    };
    const messages = [{ role: "user", content: "What is the weather in Paris?" }];
    const body = { model: "llmnet/single", messages, tools: [weather] };
    let asked;
    try {
      asked = await client.chat.completions.create(body);
    } catch (error) {
      // Nobody is there but experts who quote: an honest refusal.
      assert.ok(error instanceof OpenAI.BadRequestError && error.param === "tools", `${error}`);
      return;
    }
    const [call] = asked.choices[0].message.tool_calls;
    assert.equal(asked.choices[0].finish_reason, "tool_calls");
    assert.equal(JSON.parse(call.function.arguments).city, "Paris");

    const runner = client.chat.completions.runTools({
      model: "llmnet/single",
      messages,
      stream: true,
      tools: [
        {
          type: "function",
          function: {
            ...weather.function,
            parse: JSON.parse,
            function: ({ city }) => `18 degrees in ${city}`,
          },
        },
      ],
    });
    assert.equal(await runner.finalContent(), "It says: 18 degrees in Paris.");

    const format = { type: "json_schema", json_schema: { name: "place", schema: { type: "object" } } };
    const formed = await client.chat.completions.create({
      model: "llmnet/single",
      messages,
      response_format: format,
    });
    assert.equal(JSON.parse(formed.choices[0].message.content).city, "Paris");
  },

  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    for (const name of ["llmnet/auto", "llmnet/vote", "llmnet/debate"]) {
      assert.ok(names.includes(name), name);
    }
    for (const name of names) assert.equal((await client.models.retrieve(name)).id, name);
    await raises(OpenAI.NotFoundError, () => client.models.retrieve("gpt-4o"));
  },

  async refusals() {
    for (const [fields, param] of [
      [{ messages: [] }, "messages"],
      [{ messages: ASK, n: 2 }, "n"],
      [{ messages: ASK, temperature: 9 }, "temperature"],
      [{ messages: ASK, response_format: { type: "json_object" } }, "response_format"],
      [{ messages: ASK, tools: [{ type: "function", function: { name: "f" } }] }, "tools"],
    ]) {
      for (const stream of [false, true]) {
        const body = { model: "llmnet/auto", stream, ...fields };
        const error = await raises(OpenAI.BadRequestError, () =>
          client.chat.completions.create(body),
        );
        assert.equal(error.param, param);
        assert.equal(error.type, "invalid_request_error");
        assert.ok(error.requestID);
      }
    }
    const embedding = () => client.embeddings.create({ model: "text-embedding-3-small", input: "a" });
    assert.equal((await raises(OpenAI.NotFoundError, embedding)).code, "model_not_found");
  },

  async vectors() {
    // Where the operator has a model for them; the library asks for bytes and reads them back.
    for await (const { id: model, owned_by } of client.models.list()) {
      if (owned_by !== "operator") continue;
      const input = ["ab", "abcd"];
      const plain = await client.embeddings.create({ model, input, encoding_format: "float" });
      const read = await client.embeddings.create({ model, input });
      const numbers = (list) => list.data.map((item) => [...item.embedding]);
      assert.deepEqual(numbers(read), numbers(plain));
      assert.equal(read.data[1].index, 1);
      const fewer = await client.embeddings.create({ model, input: [[1, 2, 3]], dimensions: 2 });
      assert.equal(fewer.data[0].embedding.length, 2);
      console.log(`vectors by ${model}`);
    }
  },

  async idempotencyKey() {
    const idempotencyKey = `node-${crypto.randomUUID()}`;
    const ask = () =>
      client.chat.completions
        .create({ model: "llmnet/auto", messages: ASK }, { headers: { "idempotency-key": idempotencyKey } })
        .withResponse();
    const [first, again] = [await ask(), await ask()];
    assert.equal(first.data.id, again.data.id);
    assert.equal(again.response.headers.get("x-llmnet-replayed"), "true");
  },

  async response() {
    const response = await client.responses.create({ model: "llmnet/auto", input: QUESTION });
    assert.ok(response.output_text);
    assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
    checkAccount(response.llmnet);
  },

  async responseStreamed() {
    const stream = client.responses.stream({ model: "llmnet/auto", input: QUESTION });
    let text = "";
    for await (const event of stream) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.equal(text, (await stream.finalResponse()).output_text);
  },
};

let [passed, failed] = [0, 0];
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`${name} failed:`, error);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
