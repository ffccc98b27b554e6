#!/usr/bin/env python3
"""Measures the first minute of a local network: start, answers, finality, idle cost, and the build.

Runs the release binary as a user would, over HTTP on loopback, and writes every single observation to
first-minute.json beside this file; first-minute.md is the summary. Python's standard library only.

    python3 benches/first_minute.py                 # builds if need be, measures, about two minutes
    python3 benches/first_minute.py --cold-build    # also times a build from nothing, several minutes
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TICKS = os.sysconf("SC_CLK_TCK")


def questions(count):
    """Questions of the held-out set that are about the experts' domains, in their order."""
    lines = (ROOT / "questions" / "held-out.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [row["question"] for row in rows if row["domain"]][:count]


def ask(url, model, question):
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["llmnet"]


def wait_final(url, receipt):
    with urllib.request.urlopen(f"{url}/v1/receipts/{receipt}?wait_ms=20000", timeout=60) as reply:
        return reply.headers["x-llmnet-receipt-state"] == "final"


def start(binary, directory):
    """Starts the network; returns the process, its URL and the seconds until a question would be answered."""
    began = time.monotonic()
    process = subprocess.Popen(
        [binary, "up", "--dir", directory, "--port", "0", "--json", "--no-models"],
        stdout=subprocess.PIPE,
        text=True,
    )
    text = ""
    while not text.rstrip().endswith("}"):
        line = process.stdout.readline()
        if not line:
            sys.exit("the network did not start")
        text += line
    url = json.loads(text)["url"]
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:
                if reply.status == 200:
                    return process, url, time.monotonic() - began
        except OSError:
            time.sleep(0.01)


def stop(process):
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=60)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0.0


def timed_answers(url, model, asked):
    """Seconds to each answer, and from each answer to its receipt being final."""
    answers, finals, debated = [], [], 0
    for question in asked:
        began = time.monotonic()
        answer = ask(url, model, question)
        answered = time.monotonic()
        answers.append(answered - began)
        debated += answer["rounds"] > 0
        if answer["receipt_id"] and wait_final(url, answer["receipt_id"]):
            finals.append(time.monotonic() - answered)
    return answers, finals, debated


def cold_build():
    """Seconds of wall clock and CPU of the README's first build, in an empty target directory."""
    with tempfile.TemporaryDirectory() as target:
        environment = dict(os.environ, CARGO_TARGET_DIR=target, CARGO_INCREMENTAL="0")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, env=environment, check=True)
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu}


def crates():
    """Crates that the program is built from, ours among them."""
    command = ["cargo", "tree", "--package", "llmnet", "--edges", "normal,build", "--prefix", "none"]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return len({line.split(" (")[0] for line in out.splitlines() if line.strip()})


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def row(name, values, goal, unit="s", scale=1.0):
    low, high = percentile(values, 0.5) * scale, percentile(values, 0.95) * scale
    return f"| {name} | {low:.3g} {unit} | {high:.3g} {unit} | {len(values)} | {goal} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cold-build", action="store_true", help="time a build from nothing as well")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds to watch the idle network")
    arguments = parser.parse_args()

    raw = {
        "machine": {"cores": os.cpu_count(), "system": platform.platform()},
        "load_before": os.getloadavg(),
        "crates": crates(),
    }
    if arguments.cold_build:
        raw["cold_build"] = cold_build()
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    binary = ROOT / "target" / "release" / "llmnet"
    raw["binary_mb"] = binary.stat().st_size / 2**20

    asked = questions(arguments.questions)
    folder = tempfile.mkdtemp()
    try:
        raw["first_start_s"], raw["later_start_s"] = [], []
        for number in range(arguments.starts):
            directory = f"{folder}/start-{number}"
            for key in ("first_start_s", "later_start_s"):
                process, _, seconds = start(binary, directory)
                raw[key].append(seconds)
                stop(process)
        process, url, _ = start(binary, f"{folder}/network")
        for model in ("llmnet/auto", "llmnet/debate"):
            answers, finals, debated = timed_answers(url, model, asked)
            raw[model] = {"answer_s": answers, "final_s": finals, "debated": debated}
        time.sleep(3)
        before, began = cpu_seconds(process.pid), time.monotonic()
        time.sleep(arguments.idle)
        raw["idle_cpu_share"] = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
        raw["memory_mb"] = memory_mb(process.pid, "VmRSS")
        raw["memory_peak_mb"] = memory_mb(process.pid, "VmHWM")
        stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    raw["load_after"] = os.getloadavg()

    (HERE / "first-minute.json").write_text(json.dumps(raw, indent=1) + "\n")
    finals = raw["llmnet/auto"]["final_s"] + raw["llmnet/debate"]["final_s"]
    lines = [
        "# The first minute, measured",
        "",
        f"By `python3 benches/first_minute.py` on {raw['machine']['cores']} cores; every observation is in",
        "`first-minute.json`. Client, four validators, coordinator and experts share these cores.",
        "",
        "| what | p50 | p95 | of | goal |",
        "|---|---|---|---|---|",
        row("ready, new network", raw["first_start_s"], "10 s"),
        row("ready, same directory again", raw["later_start_s"], "10 s"),
        row("answer, `llmnet/auto`", raw["llmnet/auto"]["answer_s"], "1 s", "ms", 1000),
        row("answer, `llmnet/debate`", raw["llmnet/debate"]["answer_s"], "1 s", "ms", 1000),
        row("from answer to final receipt", finals, "2 s", "ms", 1000),
        "",
        "| what | figure | goal |",
        "|---|---|---|",
        f"| idle network, CPU of one core | {raw['idle_cpu_share']:.1%} | 15% |",
        f"| idle network, memory of all of it | {raw['memory_mb']:.0f} MB | 300 MB |",
        f"| memory at its highest | {raw['memory_peak_mb']:.0f} MB | |",
        f"| crates the program is built from | {raw['crates']} | |",
        f"| program | {raw['binary_mb']:.0f} MB | |",
    ]
    if "cold_build" in raw:
        build = raw["cold_build"]
        lines.append(
            f"| cold release build | {build['cpu_s']:.0f} CPU-s, {build['wall_s']:.0f} s of wall clock | |"
        )
    debated = f"{raw['llmnet/auto']['debated']} of {len(asked)}"
    lines += ["", f"Under `llmnet/auto`, {debated} questions went through a round of debate."]
    text = "\n".join(lines) + "\n"
    (HERE / "first-minute.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
