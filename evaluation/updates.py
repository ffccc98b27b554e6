#!/usr/bin/env python3
"""How soon an added document is answered from, beside a central index that is rebuilt; writes results/updates.{json,md}.

    python3 evaluation/updates.py target/release/llmnet
    python3 evaluation/updates.py target/release/llmnet --updates 5 --passages 500    # a quick look

Measured: a network in one process (four validators, a coordinator, the experts in the box and five with documents of their
own). A file with a fact that stands nowhere else is written, `llmnet knowledge add` is run, and the network is asked until
an answer cites it. The time runs from before the command to that answer.

Measured too: how long `llmnet knowledge add` takes to build one store of all documents from nothing. What a central index
that is rebuilt every so often would give follows from that: a document that comes at a random moment waits for the next
beginning of a rebuild and for its end. Those rows are computed, not measured, and so is that of tuning.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "benches"))
import first_minute  # noqa: E402

EXPERTS = ["anvils", "bellows", "cranes", "dredges", "engines"]
WORDS = (HERE / "collection" / "corpus.jsonl").read_text()
# Selections look back four epochs, in which twelve changes of an expert's documents are remembered.
EPOCH_BLOCKS = 16
# An adapter tuned on a document: a run on one GPU of the smallest size that is rented out, by common experience.
TUNING_SECONDS = 1_800.0


def knowledge(binary, directory, *arguments):
    command = [binary, "knowledge", *arguments, "--dir", directory, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def ask(url, domain, question):
    body = {
        "model": "llmnet/auto",
        "messages": [{"role": "user", "content": question}],
        "llmnet": {"domain": domain},
    }
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["llmnet"]
    except urllib.error.HTTPError:
        # Nobody serves the domain yet.
        return {}


def cites(answer, fact):
    return any(fact in citation["quote"] for citation in answer.get("citations") or [])


def until_cited(url, domain, question, fact, patience=120.0):
    began = time.monotonic()
    while not cites(ask(url, domain, question), fact):
        if time.monotonic() - began > patience:
            sys.exit(f"no answer about {domain} cites {fact!r} within {patience:.0f} s")
        time.sleep(0.01)


def fact(number):
    return f"serial {number * 7919 + 104729}"


def page(expert, number):
    return f"# The {expert} of hall {number}\n\nThe {expert} of hall {number} bear {fact(number)} on a brass plate.\n"


def measure(binary, folder, updates):
    directory = folder / "network"
    directory.mkdir()
    (directory / "llmnet.toml").write_text(f"[chain]\nepoch_blocks = {EPOCH_BLOCKS}\n")
    process, url, _ = first_minute.start(binary, str(directory))
    seconds = []
    try:
        for place, expert in enumerate(EXPERTS):
            (folder / expert).mkdir()
            (folder / expert / "first.md").write_text(page(expert, place))
            knowledge(binary, str(directory), "add", str(folder / expert), "--expert", expert)
            until_cited(url, expert, f"What do the {expert} of hall {place} bear?", fact(place))
        for update in range(updates):
            number = 100 + update
            expert = EXPERTS[update % len(EXPERTS)]
            file = folder / expert / f"{number}.md"
            file.write_text(page(expert, number))
            began = time.monotonic()
            knowledge(binary, str(directory), "add", str(file), "--expert", expert)
            until_cited(url, expert, f"What do the {expert} of hall {number} bear?", fact(number))
            seconds.append(time.monotonic() - began)
            print(f"· update {update + 1} of {updates}: {seconds[-1]:.2f} s", flush=True)
    finally:
        first_minute.stop(process)
    return seconds


def rebuild(binary, folder, passages, seed):
    """Seconds to build one store of so many passages from nothing."""
    words = sorted({word for word in WORDS.split() if word.isalpha()})
    chance = random.Random(seed)
    rows = [
        json.dumps({"title": f"Note {number}", "text": " ".join(chance.choices(words, k=120))})
        for number in range(passages)
    ]
    (folder / "all").mkdir()
    # A file may have 64 MiB.
    for part in range(0, passages, 10_000):
        (folder / "all" / f"{part}.jsonl").write_text("\n".join(rows[part : part + 10_000]) + "\n")
    began = time.monotonic()
    knowledge(binary, str(folder / "central"), "add", str(folder / "all"), "--expert", "all")
    return time.monotonic() - began


def quantiles(values):
    ordered = sorted(values)
    return {
        "p50": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))],
    }


def waits(build, every, seed, count=100_000):
    """Seconds that documents wait which come at random moments, where a rebuild begins so often."""
    chance, period = random.Random(seed), max(every, build)
    return quantiles([chance.random() * period + build for _ in range(count)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--passages", type=int, default=92_500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "updates")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        load = os.getloadavg()[0]
        seconds = measure(arguments.binary, folder, arguments.updates)
        build = rebuild(arguments.binary, folder, arguments.passages, arguments.seed)
    rows = {"network": quantiles(seconds)}
    for name, every in (("without pause", 0.0), ("every 5 s", 5.0), ("every minute", 60.0), ("every 15 minutes", 900.0)):
        rows[f"central index, rebuilt {name}"] = waits(build, every, arguments.seed)
    rows["tuned anew on each document"] = {"p50": TUNING_SECONDS, "p95": TUNING_SECONDS}
    raw = {"load": load, "updates": seconds, "passages": arguments.passages, "rebuild_seconds": build, "rows": rows}
    minute = rows["central index, rebuilt every minute"]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".json").write_text(json.dumps(raw, indent=1) + "\n")
    lines = [
        "# How soon knowledge arrives",
        "",
        f"Written by `just evaluate-updates`, {len(seconds)} documents, machine's load {load:.1f} before. The network's row is measured, from",
        "before the command that adds a document to the first answer that cites it: four validators, a coordinator and five experts",
        f"with documents of their own, in one process. One index of {arguments.passages:,} passages took {build:.1f} s to build; the rows of",
        "rebuilt indexes follow from that and from arrival at random moments, and answering is free in them. Tuning is assumed to take",
        f"{TUNING_SECONDS / 60:.0f} minutes. Documents are synthetic.",
        "",
        "| | p50, s | p95, s | network, p50 | network, p95 |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        shares = [f"{rows['network'][key] / row[key]:.0%}" for key in ("p50", "p95")]
        lines.append(f"| {name} | {row['p50']:.2f} | {row['p95']:.2f} | {shares[0]} | {shares[1]} |")
    goals = [
        ("p50 under 1 s", rows["network"]["p50"] < 1),
        ("p95 under 2 s", rows["network"]["p95"] < 2),
        ("at most 24% of the minute's row", all(rows["network"][key] <= 0.24 * minute[key] for key in ("p50", "p95"))),
    ]
    lines += ["", "Goals: " + "; ".join(f"{text}: {'met' if met else '**missed**'}" for text, met in goals) + "."]
    arguments.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(arguments.out.with_suffix(".md").read_text())


if __name__ == "__main__":
    main()
