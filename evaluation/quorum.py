#!/usr/bin/env python3
"""What gateway, coordinator, seats and protocol add to the third of five answers; writes results/quorum.{json,md}.

    python3 evaluation/quorum.py target/release/llmnet --traces ../shared/traces
    python3 evaluation/quorum.py target/release/llmnet --requests 40    # a quick look, on a synthetic set, printed only

Measured: `llmnet up` with five models of one domain. Each request draws five of the recorded models, which answer under the
five names after what they took for one recorded question, at a server in this process; answers are choices, by which nobody
needs to be called again. The panel has five seats, a quorum of three, and votes. At the client a request's time is wall
time; beside it stands the third smallest of the five times that the server gave, each from a call's first byte to the
reply's last. All of it twice: with `"grace_ms": 0`, which answers with the quorum, and with the patience of those who do
not say.

Without --traces, latencies are synthetic, from the seed: to see that it works. They go to no file unless --out names one.
"""

import argparse
import asyncio
import collections
import gzip
import json
import math
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

HERE = pathlib.Path(__file__).resolve().parent
SEATS, QUORUM = 5, 3
GOAL = 0.05
# What requests say of their patience, by run.
PATIENCES = {"prompt": {"grace_ms": 0}, "patient": {}}
# Of different families, each of which may have one seat or two (SEL-5).
NAMES = ["alder-1", "beech-2", "cedar-3", "elm-4", "fir-5"]
DOMAIN = "valves"
QUESTION = "Case {}. Which of the two valves closes first when pressure falls?\nA) The upper valve\nB) The lower valve"
# Requests before those that count, answered at once.
WARM_UP = 20
# Seconds that anything may take: more than a contract.
PATIENCE = 200.0
SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
# Variables that would seat other models.
FOREIGN = ("LLMNET_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "XAI_", "OLLAMA_")


def recorded(traces):
    """Of each question, how long each model took and whether it was right."""
    file = traces / "responses.bfcl.jsonl.gz"
    questions = collections.defaultdict(dict)
    number = 0
    try:
        with gzip.open(file, "rt") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                if "latency_s" not in row:
                    continue
                seconds = float(row["latency_s"])
                if not 0 <= seconds < math.inf:
                    raise ValueError(f"a latency of {seconds}")
                questions[row["qid"]][row["model"]] = (seconds, bool(row["correct"]))
    except (OSError, EOFError, zlib.error) as error:
        sys.exit(f"{file}: {error}")
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"{file}:{number}: {error!r}")
    found = {question: models for question, models in questions.items() if len(models) >= SEATS}
    if not found:
        sys.exit(f"{file}: no question of which {SEATS} models' latencies are recorded")
    return found


def synthetic(seed, questions=200, models=12):
    chance = random.Random(seed)
    typical = [chance.uniform(0.1, 0.6) for _ in range(models)]
    return {
        f"question {number}": {
            f"model {model}": (min(8.0, chance.lognormvariate(math.log(median), 0.6)), chance.random() < 0.8)
            for model, median in enumerate(typical)
        }
        for number in range(questions)
    }


def draw(questions, requests, seed):
    """For each request a question, and under each name one of the models that answered it."""
    chance = random.Random(seed)
    order, cases = sorted(questions), []
    while len(cases) < requests:
        for question in chance.sample(order, min(len(order), requests - len(cases))):
            models = chance.sample(sorted(questions[question]), SEATS)
            said = {name: questions[question][model] for name, model in zip(NAMES, models)}
            cases.append(said)
    return cases


async def message(reader):
    """The next message of HTTP/1.1 on a connection: when its first byte came, its first line, its body."""
    first = await reader.read(1)
    began = time.monotonic()
    if not first:
        return None
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"(?im)^content-length:\s*(\d+)", head)
    if not length:
        raise ValueError(f"no length: {head!r}")
    return began, head.partition("\r\n")[0], await reader.readexactly(int(length[1]))


class Models:
    """Five models of OpenAI's shape, at one address."""

    def __init__(self, cases):
        self.cases = cases
        # Of each case, which name was called when, and when it had answered.
        self.calls = collections.defaultdict(list)

    async def serve(self, reader, writer):
        try:
            while (request := await message(reader)) is not None:
                began, _, body = request
                body = json.loads(body)
                asked = " ".join(str(part.get("content")) for part in body["messages"])
                case, name = int(re.search(r"Case (\d+)\.", asked)[1]), body["model"]
                seconds, right = self.cases[case][name]
                reply = json.dumps(completion(f"It is ({'A' if right else 'B'}).")).encode()
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(reply)}\r\n\r\n"
                await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
                try:
                    writer.write(head.encode() + reply)
                    await writer.drain()
                finally:
                    # Also where nobody waits for it any more.
                    self.calls[case].append((name, began, time.monotonic()))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def completion(text):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
    }


def settings(port, at_a_time):
    # Calls that were given up go on at the server; none is to be refused for them.
    calls = 8 * at_a_time
    return "".join(
        f'[[model]]\nname = "{name}"\nbase_url = "http://127.0.0.1:{port}/v1"\ndomains = ["{DOMAIN}"]\n'
        f"limits = {{ calls = {calls} }}\n\n"
        for name in NAMES
    )


def start(binary, directory):
    """Starts the network; returns the process and the port of its gateway."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    process = subprocess.Popen(
        [binary, "up", "--dir", directory, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True, env=environment
    )
    text = ""
    while not text.rstrip().endswith("}"):
        line = process.stdout.readline()
        if not line:
            sys.exit("the network did not start")
        text += line
    return process, int(json.loads(text)["url"].rpartition(":")[2])


def stop(process):
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)


async def ask(reader, writer, case, patience):
    """When it was asked and answered, and what the gateway says of it."""
    body = {
        "model": "llmnet/vote",
        "messages": [{"role": "user", "content": QUESTION.format(case)}],
        "llmnet": {"domain": DOMAIN, "seats": SEATS, "quorum": QUORUM} | patience,
    }
    body = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    began = time.monotonic()
    writer.write(head.encode() + body)
    answer = await asyncio.wait_for(message(reader), PATIENCE)
    ended = time.monotonic()
    if answer is None:
        sys.exit(f"case {case}: the gateway hung up")
    _, status, body = answer
    if " 200 " not in status:
        sys.exit(f"case {case}: {status} {body.decode(errors='replace')}")
    return began, ended, json.loads(body)["llmnet"]


def grace_of(port, receipt):
    """The grace that a receipt's terms give, in seconds."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/receipts/{receipt}", timeout=60) as reply:
            return json.load(reply)["receipt"]["terms"]["durations"]["grace_ms"] / 1000
    except (urllib.error.HTTPError, KeyError) as error:
        sys.exit(f"receipt {receipt}: {error!r}")


async def measure(binary, directory, cases, at_a_time, patience):
    """Rows of the requests, and the grace of their terms in seconds."""
    quick = {name: (0.0, True) for name in NAMES}
    count, models = len(cases), Models(cases + [quick] * WARM_UP)
    server = await asyncio.start_server(models.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (directory / "llmnet.toml").write_text(settings(port, at_a_time))
    process, port = await asyncio.to_thread(start, binary, directory)
    rows, told = [], {}

    async def worker(waiting, after=0.0):
        await asyncio.sleep(after)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            case = waiting.popleft()
            began, ended, told[case] = await ask(reader, writer, case, patience)
            outcomes = [seat["outcome"] for seat in told[case]["panel"]]
            # A quorum may be faster than the others' yes.
            asked = len(outcomes) + len(told[case]["skipped"])
            if told[case]["status"] != "concluded" or asked != SEATS or outcomes.count("served") < QUORUM:
                sys.exit(f"case {case} is not what was asked for: {told[case]}")
            if case < count:
                rows.append({"case": case, "began": began, "ended": ended, "served": outcomes.count("served")})
                if len(rows) % 50 == 0:
                    print(f"· {len(rows)} of {count}", flush=True)
        writer.close()

    try:
        await worker(collections.deque(range(count, count + WARM_UP)))
        waiting = collections.deque(range(count))
        # One by one, as a crowd at the door is no part of what is measured.
        await asyncio.gather(*(worker(waiting, 0.2 * number) for number in range(at_a_time)))
        grace = await asyncio.to_thread(grace_of, port, told[0]["receipt_id"])
        # The last calls that the network did not wait for.
        until = time.monotonic() + PATIENCE
        while any(len(models.calls[case]) < SEATS for case in range(count)):
            if time.monotonic() > until:
                sys.exit("not every model was asked for every case")
            await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(stop, process)
        server.close()
    first = min(row["began"] for row in rows)
    for row in rows:
        # A seat that is not waited for any more may ask its model once again.
        calls = [call for call in models.calls[row["case"]] if call[1] < row["ended"]]
        if sorted(name for name, _, _ in calls) != NAMES:
            sys.exit(f"case {row['case']}: not one call of each model, but {calls}")
        row["gave"] = [ended - began for _, began, ended in calls]
        # How much longer than recorded a call took: what this machine adds by itself.
        row["late"] = max(ended - began - cases[row["case"]][name][0] for name, began, ended in calls)
        row["wall"], row["at"] = row["ended"] - row["began"], row["ended"] - first
    return sorted(rows, key=lambda row: row["case"]), grace


def quantile(values, share):
    """Between the two nearest values, in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def columns(rows, grace, seed):
    """What is compared, a value for each request."""
    chance = random.Random(seed)
    gave = [sorted(row["gave"]) for row in rows]
    third = [times[QUORUM - 1] for times in gave]
    # The least grace there is (CON-7), and what the terms give beyond.
    graces = [max(grace, min(0.2, time / 32)) for time in third]
    waited = [min(times[-1], time + grace) for times, time, grace in zip(gave, third, graces)]
    return {
        "one": [chance.choice(times) for times in gave],
        "third": third,
        "waited": waited,
        "wall": [row["wall"] for row in rows],
        "work": [row["wall"] - time for row, time in zip(rows, waited)],
    }


def added(found, name, share, places):
    """By how much a column's quantile is over that of the third answers, as a share of it."""
    base = quantile([found["third"][place] for place in places], share)
    return quantile([found[name][place] for place in places], share) / base - 1


def intervals(found, name, seed, resamples=2_000):
    """The shares added at each quantile, with 95% intervals by bootstrap over requests."""
    chance, count = random.Random(seed), len(found["third"])
    drawn = [chance.choices(range(count), k=count) for _ in range(resamples)]
    result = {}
    for key, share in SHARES.items():
        values = [added(found, name, share, places) for places in drawn]
        low, high = quantile(values, 0.025), quantile(values, 0.975)
        result[key] = {"share": added(found, name, share, range(count)), "ci95": [low, high]}
    return result


# Of both runs, what is shown: run, column, what it is.
LABELS = [
    ("prompt", "one", "one provider at random"),
    ("prompt", "third", "the third of five answers, at the server"),
    ("prompt", "wall", '**the answer, at the client, with `"grace_ms": 0`**'),
    ("patient", "third", "with the patience that terms have by default: the third of five, at the server"),
    ("patient", "waited", "what that panel waits for: all five, or the third and the grace"),
    ("patient", "wall", "the answer, at the client"),
]


def report(raw):
    source = (
        f"Latencies are recordings of {raw['models']} models (BFCL, 2024), five drawn for each request."
        if raw["recorded"]
        else f"Latencies are **synthetic**, from seed {raw['seed']}: these figures say nothing of real models."
    )
    prompt, patient = (raw["runs"][name] for name in PATIENCES)
    lines = [
        "# What the protocol adds to a quorum of three in five",
        "",
        f"Written by `just evaluate-quorum`: {raw['requests']} requests, {raw['at_a_time']} at a time, the same in both runs, machine's load {raw['load']:.1f} before. {source}",
        "`llmnet up` in one process: four validators, a coordinator, five respondents with a model each at a server that answers after",
        f"the recorded time (at p99 {prompt['late_p99'] * 1000:.1f} ms later). Panels of five, a quorum of three, by vote. Added is what a row's quantile is over that of",
        "the third answer in its run; intervals are 95%, by bootstrap over requests.",
        "",
        "| | p50, s | p95, s | p99, s | added at p50 | at p95 | at p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    for run, name, label in LABELS:
        found = raw["runs"][run]
        cells = [f"{found['quantiles'][name][key]:.3f}" for key in SHARES]
        for key in SHARES:
            share = found["added"][key] if name == "wall" else None
            cells.append(f"{share['share']:+.1%} ({share['ci95'][0]:+.1%} to {share['ci95'][1]:+.1%})" if share else "")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    work, wait = prompt["quantiles"]["work"], patient["wait"]
    lines += [
        "",
        f"The work itself (gateway, selection, contracts, signatures, votes, receipt) is {work['p50'] * 1000:.1f} ms at p50, {work['p95'] * 1000:.1f} ms at p95 and",
        f"{work['p99'] * 1000:.1f} ms at p99 of a request without patience; 1/32 of the quorum's time it waits at any rate, 200 ms at most (CON-7).",
        f"{prompt['served']:.2f} answers are voted with and paid; the others are excused: let go, unpaid and unrated.",
        "",
        f"Panels with models on them have a grace of {patient['grace_ms'] / 1000:g} s by default: {wait['mean']:.2f} s are waited in the mean, {wait['p50']:.2f} s at p50 and {wait['p95']:.2f} s",
        f"at p95, and in {patient['cut']} of {raw['requests']} requests the grace ended before the fifth answer. It buys {patient['served']:.2f} answers to vote and be paid, and bears",
        "two seats that bind and withhold, where a panel without patience bears none (adr/0012).",
        "",
        f"Goal: at most {GOAL:.0%} added at p95: {'met' if raw['met'] else '**missed**'} without patience, "
        f"{'met' if patient['added']['p95']['share'] <= GOAL else 'missed'} with the default's.",
    ]
    return "\n".join(lines) + "\n"


def run(rows, grace, seed):
    """What is kept of a run."""
    found = columns(rows, grace, seed)
    waits = [time - third for time, third in zip(found["waited"], found["third"])]
    return {
        "grace_ms": grace * 1000,
        "quantiles": {name: {key: quantile(values, share) for key, share in SHARES.items()} for name, values in found.items()},
        "added": intervals(found, "wall", seed),
        "wait": {"mean": statistics.mean(waits)} | {key: quantile(waits, share) for key, share in SHARES.items()},
        "cut": sum(max(row["gave"]) - third > grace for row, third in zip(rows, found["third"])),
        "served": statistics.mean(row["served"] for row in rows),
        "late_p99": quantile([row["late"] for row in rows], 0.99),
        # No recording, but what came of it.
        "rows": [
            {"at": round(row["at"], 3)}
            | {name: round(found[name][place], 4) for name in ("one", "third", "waited", "wall")}
            | {"served": row["served"]}
            for place, row in enumerate(rows)
        ],
    }


def written(raw):
    """As JSON, a line for each request."""
    text = json.dumps(raw, indent=1)
    return re.sub(r"\{\s+\"at\"[^}]*\}", lambda row: json.dumps(json.loads(row[0])), text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--traces", type=pathlib.Path, help="a directory with responses.bfcl.jsonl.gz")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--at-a-time", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    if min(arguments.requests, arguments.at_a_time) < 1:
        sys.exit("at least one request, at least one at a time")
    seed, traces = arguments.seed, arguments.traces
    if traces is None:
        print(f"no --traces: latencies are synthetic, from seed {seed}")
    questions = recorded(traces) if traces else synthetic(seed)
    load = os.getloadavg()[0]
    cases = draw(questions, arguments.requests, seed)
    runs = {}
    for name, patience in PATIENCES.items():
        print(f"{name}: {json.dumps(patience)}", flush=True)
        with tempfile.TemporaryDirectory() as directory:
            work = measure(arguments.binary, pathlib.Path(directory), cases, arguments.at_a_time, patience)
            runs[name] = run(*asyncio.run(work), seed)
    raw = {
        "recorded": traces is not None,
        "seed": seed,
        "models": len({model for models in questions.values() for model in models}),
        "requests": arguments.requests,
        "at_a_time": arguments.at_a_time,
        "load": load,
        "goal": GOAL,
        "met": runs["prompt"]["added"]["p95"]["share"] <= GOAL,
        "runs": runs,
    }
    text = report(raw)
    out = arguments.out or (HERE / "results" / "quorum" if traces else None)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.with_suffix(".json").write_text(written(raw))
        out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
