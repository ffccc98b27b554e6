#!/usr/bin/env python3
"""How many requests conclude where respondents fail; writes results/reliability.{json,md}.

    python3 evaluation/reliability.py target/release/llmnet
    python3 evaluation/reliability.py target/release/llmnet --requests 10000    # a quick look

Seven respondents, panels of seven, a quorum of three, by `llmnet simulate`: production's contracts, message by message, and the
real ledger, under a simulated clock. Who fails accepts and then says nothing. A seat asks its model once more where a call
failed: with calls that fail by a chance p, a seat fails by p squared.
"""

import argparse
import json
import math
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
QUESTIONS = 2_000
GOALS = {0: 99.99, 15: 99.9, 30: 99.9, 45: 99.0}


def scenario(name, faulty, chance, epochs):
    people = [("well", 7 - faulty, chance * chance), ("faulty", faulty, 1.0)]
    groups = "".join(
        f'\n[[people]]\nname = "{group}"\nbehaviour = "honest"\ncount = {count}\nskill = [0.8, 0.8]\nfailures = {failures}\n'
        for group, count, failures in people
        if count
    )
    return (
        f'name = "{name}"\nabout = "How many requests conclude."\nepochs = {epochs}\n\n'
        f'[market]\ndomains = ["medicine"]\nquestions = {QUESTIONS}\nseats = 7\nquorum = 3\n{groups}'
    )


def interval(good, of):
    """Wilson's, 95%, in percent."""
    z, share = 1.96, good / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return 100 * (middle - half), 100 * (middle + half)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "reliability")
    arguments = parser.parse_args()
    epochs = max(4, -(-arguments.requests // QUESTIONS))
    requests = epochs * QUESTIONS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for share, goal in GOALS.items():
            cases = [("throughout", round(share / 15), 0.0)]
            if share:
                cases.append(("by chance", 0, share / 100))
            for kind, faulty, chance in cases:
                name = f"{kind.replace(' ', '-')}-{share}"
                file = folder / f"{name}.toml"
                file.write_text(scenario(name, faulty, chance, epochs))
                out = folder / name
                subprocess.run([arguments.binary, "simulate", file, "--out", out], check=True, stdout=subprocess.DEVNULL)
                concluded = json.loads((out / "results.json").read_text())["measures"]["concluded"]
                low, high = interval(round(concluded / 100 * requests), requests)
                rows.append({"share": share, "kind": kind, "faulty": faulty, "concluded": concluded, "ci95": [low, high], "goal": goal})
                print(f"· {name}: {concluded:.3f}%", flush=True)
    arguments.out.with_suffix(".json").write_text(json.dumps({"requests": requests, "rows": rows}, indent=1) + "\n")
    lines = [
        "# How many requests conclude",
        "",
        f"Written by `just evaluate-reliability`: {requests:,} requests a row, simulated, on production's contracts and ledger. Seven",
        "respondents, panels of seven, a quorum of three, one retry a seat.",
        "",
        "| calls that fail | | concluded (95% interval) | goal | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        which = f"{row['faulty']} of 7 respondents, throughout" if row["kind"] == "throughout" else "every call, by chance"
        low, high = row["ci95"]
        met = "met" if row["concluded"] >= row["goal"] else "**missed**"
        lines.append(f"| {row['share']}% | {which} | {row['concluded']:.3f}% ({low:.3f} to {high:.3f}) | {row['goal']}% | {met} |")
    arguments.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(arguments.out.with_suffix(".md").read_text())


if __name__ == "__main__":
    main()
