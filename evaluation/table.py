#!/usr/bin/env python3
"""Plays the whole table of the evaluation and writes REPORT.md beside this file.

    python3 evaluation/table.py ../shared/traces              # 24 seeds each
    python3 evaluation/table.py ../shared/traces --seeds 4    # a quick look
    python3 evaluation/table.py ../shared/traces --keep       # the report again, from what was played before

Each row is one or more calls of `llmnet evaluate`, all of whose files are kept under evaluation/out/. A goal that is
missed is reported as missed. Python's standard library only.
"""

import argparse
import csv
import json
import pathlib
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BINARY = ROOT / "target" / "release" / "llmnet"


# What is shown in the report: case, figure, what it is of.
FIGURES = [
    ("cascade-P8-5-0.0-honest", "accuracy", "P8, at most 5 calls: accuracy over time"),
    ("cascade-P8-5-0.0-honest", "regret", "P8, at most 5 calls: regret against the best single model"),
    ("cascade-M29-6.5-0.05-honest", "reputation", "M29, audits of 5%: reputation against true accuracy"),
    ("cascade-M29-6.5-0.05-honest", "traffic", "M29, audits of 5%: share of seats by true accuracy"),
    ("cascade-P8-5-0.05-sleeper=0.3", "adversaries", "P8, 30% sleepers, audits of 5%: their share of seats"),
    ("cascade-P8-5-0.0-collude=0.3", "adversaries", "P8, 30% colluders, no audits: their share of seats"),
    ("cascade-P8-5-0.0-honest", "calls", "P8: calls a question, and what they bring"),
    ("cascade-BFCL-1-0.05-honest", "latency", "BFCL, one call, audits of 5%: latency"),
]


class Table:
    def __init__(self, traces, seeds, out, keep):
        self.traces, self.seeds, self.out, self.keep = traces, seeds, out, keep
        self.rows, self.played = [], {}

    def play(self, pool, calls, audits=0.0, adversaries=None, policy="cascade"):
        """The results of a case, played once however often it is asked for."""
        name = "-".join(str(part) for part in (policy, pool, calls, audits, adversaries or "honest"))
        if name not in self.played:
            command = [BINARY, "evaluate", "--traces", self.traces, "--pool", pool, "--policy", policy]
            command += ["--calls", str(calls), "--audits", str(audits), "--seeds", str(self.seeds)]
            command += ["--out", self.out / name]
            if adversaries:
                command += ["--adversaries", adversaries]
            if not (self.keep and (self.out / name / "results.json").exists()):
                subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
            self.played[name] = json.loads((self.out / name / "results.json").read_text())
            print(f"· {name}", flush=True)
        return self.played[name]

    def alone(self, pool, calls):
        """How good each provider of a pool is alone, best first, by its name."""
        folder = self.out / f"cascade-{pool}-{calls}-0.0-honest"
        with open(folder / "providers.csv", newline="") as file:
            rows = {row["provider"]: float(row["true_accuracy"]) for row in csv.DictReader(file)}
        ordered = sorted(rows.items(), key=lambda row: -row[1])
        return ", ".join(f"{name} {accuracy:.1f}%" for name, accuracy in ordered)

    def row(self, case, reference, goal, found, met):
        self.rows.append((case, reference, goal, found, {True: "met", False: "**missed**", None: "reported"}[met]))


def shown(results, name, digits=2):
    low, high = results[name + "_ci95"] or (float("nan"), float("nan"))
    return f"{results[name]:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def gain(table, case, reference, goal, pool, calls, audits=0.0):
    found = table.play(pool, calls, audits)
    text = f"{shown(found, 'gain_over_best_single')} at {found['calls']:.2f} calls"
    met = found["gain_over_best_single"] >= goal and found["calls"] <= calls + 0.005
    table.row(case, reference, f"at least {goal:+}", text, met)


def fill(table):
    gain(table, "P8, cold start, at most 5 calls", "+6.2", 6.7, "P8", 5)
    gain(table, "the same, at most 2.8 calls", "-", 6.0, "P8", 2.8)
    gain(table, "M29, at most 6.5 calls, audits at most 5%", "+0.5 at 6.6", 1.4, "M29", 6.5, 0.05)
    gain(table, "Z39, at most 5 calls, no audits", "+3.2", 4.5, "Z39", 5)
    gain(table, "Z39, at most 6.2 calls, audits at most 2%", "+5.5", 6.8, "Z39", 6.2, 0.02)
    gain(table, "M13+, against the dominant provider, 1.4 calls, audits at most 5%", "+1.6 at 1.30 (offline)", 1.2, "M13+", 1.4, 0.05)
    found = table.played["cascade-M13+-1.4-0.05-honest"]
    worst = min(run["accuracy"] - run["best_single"] for run in found["runs"])
    table.row("the same, worst run", "-", "never more than 0.3 below", f"{worst:+.2f}", worst >= -0.3)

    found, chance = table.play("BFCL", 1, 0.05), table.play("BFCL", 1, policy="random")
    faster = [1 - found[key] / chance[key] for key in ("latency_p50_ms", "latency_p95_ms")]
    text = (
        f"{found['accuracy']:.1f}% in {found['latency_p50_ms'] / 1000:.2f}, {found['latency_p95_ms'] / 1000:.2f} s, by {found['calls']:.2f} "
        f"calls with those of audits; at random "
        f"{chance['accuracy']:.1f}% in {chance['latency_p50_ms'] / 1000:.2f}, {chance['latency_p95_ms'] / 1000:.2f} s"
    )
    met = found["accuracy"] > chance["accuracy"] and min(faster) >= 0.25
    case = "BFCL, one call, audits 5%: accuracy, latency p50 and p95, against random"
    table.row(case, "random 1.03, 3.83 s", "higher; both 25% lower", text, met)

    found = table.play("P4", 4)
    text = f"{shown(found, 'gain_over_best_single')} at {found['calls']:.2f} calls; within a point of the best after "
    text += f"{found['queries_to_within_a_point_of_best_single'] or 'no'} questions; alone: {table.alone('P4', 4)}"
    table.row("The paper's four families (P4), at most 4 calls", "-", "reported", text, None)

    found = table.play("M29", 6.5, 0.05)
    table.row("Kendall's tau, M29, audits 5%", "-", "0.8", shown(found, "kendall_tau"), found["kendall_tau"] >= 0.8)
    found = table.play("P8", 5)
    table.row("Kendall's tau, P8", "-", "reported", shown(found, "kendall_tau"), None)

    for audits, reference, goal in ((0.05, 250, 250), (0.0, 3340, 1500)):
        found = table.play("M29", 6.5, audits)["queries_to_within_a_point_of_best_single"]
        case = f"queries to within a point of the best single, M29, audits {audits:.0%}"
        table.row(case, reference, goal, found or "never", found is not None and found <= goal)

    for pool, calls in (("M29", 6.5), ("P8", 5)):
        honest = table.play(pool, calls, 0.05)
        for kind in ("random", "collude", "camouflage"):
            found = table.play(pool, calls, 0.05, f"{kind}=0.3")
            lost = honest["accuracy"] - found["accuracy"]
            text = f"{lost:+.2f}; {found['captured_runs']}"
            met = lost <= 0.3 and found["captured_runs"] == 0
            table.row(f"30% {kind}, {pool}, audits 5%: accuracy lost; runs captured", "0.4; 0", "0.3; 0", text, met)
        for kind, reference, goal in (("collude", "0.0%", 0.1), ("camouflage", "up to 8% at 2%", 0.5)):
            found = table.play(pool, calls, 0.03, f"{kind}=0.3")
            text = f"{shown(found, 'adversary_seats_last_quarter')} of the last quarter"
            met = found["adversary_seats_last_quarter"] <= goal
            table.row(f"share of seats, {kind}, {pool}, audits 3%", reference, f"{goal}%", text, met)
    for pool, calls, reference, goal in (("M29", 6.5, "145..191", 100), ("P8", 5, "94..167", 60)):
        found = table.play(pool, calls, 0.05, "sleeper=0.3")["queries_to_demote_adversaries"]
        case = f"sleepers, {pool}, audits 5%: queries from turning to under 5% of seats"
        table.row(case, reference, goal, "never" if found is None else found, found is not None and found <= goal)

    honest, found = table.play("P8", 5), table.play("P8", 5, 0.0, "collude=0.3")
    lost = honest["accuracy"] - found["accuracy"]
    seats = found["adversary_seats_last_quarter"]
    text = f"{seats:.2f}%, {lost:+.2f}"
    table.row("no audits, P8, 30% colluders: seats; accuracy lost", "0.2%", "0.5%, within 1", text, seats <= 0.5 and lost <= 1)

    quorum(table)

    compared = [("P8", 5, 0.0), ("P8", 5, 0.05), ("P8", 7, 0.05), ("Z39", 5, 0.0), ("Z39", 7, 0.02), ("M29", 6.5, 0.05), ("M13+", 5, 0.05)]
    adverse = [("P8", 7, 0.05, f"{kind}=0.3") for kind in ("collude", "camouflage", "sleeper")]
    for policy in ("production", "at-once", "peers"):
        for pool, calls, audits, *adversaries in compared + (adverse if policy != "peers" else []):
            found = table.play(pool, calls, audits, *adversaries, policy=policy)
            text = f"{shown(found, 'gain_over_best_single')} at {found['calls']:.2f} calls"
            case = f"`{policy}`, {pool}, seats for up to {calls} calls, audits {audits:.0%}"
            for kind in adversaries:
                case += f", 30% {kind.partition('=')[0]}"
                text += f"; {found['adversary_seats_last_quarter']:.1f}% of the last quarter's seats"
            table.row(case, "-", "for comparison", text, None)


def quorum(table):
    """Measured elsewhere, as it needs a network and minutes of waiting: taken as it stands in the results."""
    file = HERE / "results" / "quorum.json"
    case, reference = "latency, 3-of-5 quorum on recorded latencies: added at p95", "p95 2.10 s"
    found = json.loads(file.read_text()) if file.exists() else {"recorded": False}
    if not found["recorded"]:
        table.row(case, reference, "at most 5%", "`just evaluate-quorum` was not run", False)
        return
    prompt, patient = (found["runs"][name] for name in ("prompt", "patient"))
    low, high = prompt["added"]["p95"]["ci95"]
    seconds = {name: values["p95"] for name, values in prompt["quantiles"].items()}
    text = (
        f"{prompt['added']['p95']['share']:+.1%} ({low:+.1%} to {high:+.1%}) with `grace_ms` of 0: {seconds['wall']:.2f} s where the "
        f"third answer is there after {seconds['third']:.2f} s; {patient['added']['p95']['share']:+.0%} with the patience that terms "
        f"have by default; one at random {seconds['one']:.2f} s"
    )
    table.row(case, reference, f"at most {found['goal']:.0%}", text, found["met"])


ELSEWHERE = """
Elsewhere: how soon knowledge arrives ([results/updates.md](results/updates.md)); success through faults
([benches/README.md](../benches/README.md)); how many requests conclude ([results/reliability.md](results/reliability.md));
what the protocol adds to a 3-of-5 quorum's latency, and by what ([results/quorum.md](results/quorum.md)).
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traces", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--keep", action="store_true", help="what was played before is not played again")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "out")
    arguments = parser.parse_args()
    table = Table(arguments.traces, arguments.seeds, arguments.out, arguments.keep)
    began = time.monotonic()
    fill(table)
    print(f"{time.monotonic() - began:.0f} s")
    missed = sum(1 for row in table.rows if "missed" in row[4])
    lines = [
        "# Evaluation",
        "",
        "Written by `just evaluate`; do not edit. Answers are recordings of real models. Adversaries, arrival of questions and",
        "everything on-line are played, by the default policy of `llmnet evaluate` ([docs/POLICIES.md](../docs/POLICIES.md)),",
        f"which the network does not run yet. {arguments.seeds} seeds a case; gains are paired on the same questions. Intervals are 95%",
        "over seeds: over the order of questions and luck, not over other questions (add about ±0.8 on M29, ±2.1 on P8, Z39).",
        "",
        f"Goals missed: {missed}.",
        "",
        "| case | simple reference | goal | found | |",
        "|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in table.rows]
    lines += ["", ELSEWHERE.strip(), ""]
    figures = HERE / "figures"
    figures.mkdir(exist_ok=True)
    for case, figure, title in FIGURES:
        source = arguments.out / case / f"{figure}.svg"
        if source.exists():
            name = f"{case}-{figure}.svg".replace("=", "-")
            shutil.copyfile(source, figures / name)
            lines += [f"![{title}](figures/{name})", ""]
    (HERE / "REPORT.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
