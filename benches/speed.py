#!/usr/bin/env python3
"""Measures what a gateway adds to a request: LLM-Net beside nginx, TensorZero and LiteLLM.

All of them stand before the same mock provider on loopback and are asked in alternating blocks by the same
client (crates/node/benches/speed), in one run. Writes every figure to speed.json beside this file; speed.md is the
table. Installs the peers by itself, from Debian and PyPI into target/speed: a peer that cannot be had is left out,
and the table says so. Python's standard library only.

    python3 benches/speed.py                # some half an hour, on a machine that does nothing else
    python3 benches/speed.py --quick        # a few seconds of each, to see that all of it works
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ROOT / "target" / "speed"
PACKAGES = {
    "tensorzero": ["tensorzero==2026.6.0", "openai==2.54.0"],
    # Its proxy brings uvicorn and httpx, of which the mixture in Python is made.
    "litellm": ["litellm[proxy]==1.106.2"],
}
QUESTION = "question #@@ Two trains leave at noon from towns 300 km apart and meet at two. How fast were they together?"
PROPOSERS = ["proposer-1", "proposer-2", "proposer-3"]
CONNECTIONS = 32
# Requests of a turn of the soak.
SOAK_TURN = 2_000


class Missing(Exception):
    """A peer that cannot be had here, and why."""


# ---- what is started


class Started:
    """Processes that are stopped when the run ends, however it ends."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def start(self, name, command, **options):
        log = open(self.folder / f"{name}.log", "w")
        options.setdefault("stdout", log)
        process = subprocess.Popen(command, stderr=log, text=True, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self.processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


def family(pid):
    """A process and all that it started."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            pids += family(int(child))
    return pids


def resident(pid, field="VmRSS"):
    """MiB that a process has, or had at most."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(url, body=None, headers=None, timeout=60):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=timeout) as reply:
        return json.load(reply)


def venv(name):
    """A virtual environment with a peer in it, made once."""
    directory = PEERS / name
    python = directory / "bin" / "python"
    stamp = directory / "packages"
    wanted = "\n".join(PACKAGES[name])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing {wanted} from PyPI", file=sys.stderr)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", directory], check=True)
        # Of many packages, pip finds versions that fit each other by trying for half an hour.
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-input", "uv"], check=True)
        command = [directory / "bin" / "uv", "pip", "install", "--quiet", "--python", python]
        subprocess.run(command + PACKAGES[name], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"cannot be installed: {error}") from error
    stamp.write_text(wanted)
    return python


def answering(name, url, body, headers=None, patience=120, process=None):
    """Waits until a target answers, and says so if it never does."""
    deadline = time.monotonic() + patience
    while True:
        try:
            call(url, json.loads(json.dumps(body).replace("@@", "1")), headers)
            return
        except (OSError, ValueError) as error:
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > deadline:
                more = error.read().decode(errors="replace") if isinstance(error, urllib.error.HTTPError) else ""
                raise Missing(f"{name} does not answer: {error} {more}") from error
            time.sleep(0.05)


def question(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}], **more}


def target(name, url, body, process, expected="mock answers question @@:", headers=None, calls=1):
    lines = "".join(f"{key}: {value}\r\n" for key, value in (headers or {}).items())
    return {
        "name": name,
        "url": url,
        "body": body,
        "headers": lines,
        "expected": expected,
        "pids": family(process.pid),
        "calls": calls,
    }


# ---- the targets


def start_mock(started, speed, tokens):
    process = started.start("mock", [speed, "mock", "--tokens", str(tokens)], stdout=subprocess.PIPE)
    return process, process.stdout.readline().strip()


def start_ours(started, binary, mock, name, directory):
    """A network in one process: four validators, a coordinator, and respondents behind the mock.

    The domains are nobody else's, so that nobody else is selected.
    """
    directory.mkdir(parents=True)
    models = [("mock", "speed")] + [(proposer, "mixture") for proposer in PROPOSERS]
    tables = [
        f'[[model]]\nname = "{model}"\nbase_url = "{mock}/v1"\ndomains = ["{domain}"]\nlimits = {{ calls = 256 }}\n'
        for model, domain in models
    ]
    (directory / "llmnet.toml").write_text("\n".join(tables))
    names = ("OPENAI_", "ANTHROPIC_", "GEMINI_", "XAI_", "LLMNET_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    command = [binary, "up", "--dir", directory, "--port", "0", "--json"]
    process = started.start(name, command, stdout=subprocess.PIPE, env=environment)
    text = ""
    while not text.rstrip().endswith("}"):
        line = process.stdout.readline()
        if not line:
            sys.exit(f"the network did not start: {(started.folder / f'{name}.log').read_text()}")
        text += line
    url = json.loads(text)["url"]
    endpoint = f"{url}/v1/chat/completions"
    single = question("llmnet/single", llmnet={"domain": "speed", "progress": False})
    mixture = question("llmnet/mixture", llmnet={"domain": "mixture", "progress": False})
    answering(name, endpoint, single)
    return {
        "url": url,
        "single": target(name, endpoint, single, process),
        # Its three seats judge each other's answers as well, each pair in both orders: six calls more than a mixture needs.
        "mixture": target(name, endpoint, mixture, process, expected=" answers question @@:", calls=10),
    }


def start_apart(started, binary, mock, directory):
    """The same with every role in a process of its own, linked by TLS. Of these, coordinator and respondent are counted."""
    plan = [binary, "testnet", directory, "--respondents", "1", "--json"]
    made = json.loads(subprocess.run(plan, stdout=subprocess.PIPE, text=True, check=True).stdout)
    settings = directory / "respondent-1" / "respondent.toml"
    model = f'[model]\nname = "mock"\nbase_url = "{mock}/v1"\ndomains = ["speed"]\nlimits = {{ calls = 256 }}\n'
    # A table takes what follows it: it comes last.
    text = settings.read_text().replace('expert = "llm-net"\n', "")
    settings.write_text(f"{text}\n{model}")
    keys = ["--passphrase-file", made["passphrase_file"]]
    processes = {}
    for process in made["processes"]:
        role = process["role"]
        verb = "join" if role == "respondent" else "run"
        command = [binary, role, verb, "--dir", process["dir"], *keys]
        processes[role] = started.start(pathlib.Path(process["dir"]).name, command)
    endpoint = f"{made['api']}/v1/chat/completions"
    single = question("llmnet/single", llmnet={"domain": "speed", "progress": False})
    answering("llmnet-apart", endpoint, single, process=processes["coordinator"])
    apart = target("llmnet-apart", endpoint, single, processes["coordinator"])
    apart["pids"] += family(processes["respondent"].pid)
    return {"url": made["api"], "single": apart, "coordinator": processes["coordinator"].pid}


NGINX = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    upstream mock {{ server {mock}; keepalive 128; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def start_nginx(started, mock):
    if not shutil.which("nginx") and shutil.which("apt-get") and os.geteuid() == 0:
        print("installing nginx from Debian", file=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "-qq", "nginx"], stdout=subprocess.DEVNULL, check=False)
    nginx = shutil.which("nginx")
    if not nginx:
        raise Missing("nginx is not installed (apt-get install nginx)")
    port = free_port()
    config = started.folder / "nginx.conf"
    text = NGINX.format(folder=started.folder, mock=mock.removeprefix("http://"), port=port)
    config.write_text(text if os.geteuid() == 0 else text.replace("user root;", ""))
    process = started.start("nginx", [nginx, "-c", config])
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    answering("nginx", url, question("mock"), process=process)
    return {"single": target("nginx", url, question("mock"), process)}


TENSORZERO = """
[gateway]
observability.enabled = false
{models}
[functions.mixture]
type = "chat"
[functions.mixture.variants.mixture]
type = "experimental_mixture_of_n"
weight = 1
candidates = [{candidates}]
[functions.mixture.variants.mixture.fuser]
model = "fuser"
{variants}
"""
TENSORZERO_MODEL = """
[models.{name}]
routing = ["mock"]
[models.{name}.providers.mock]
type = "openai"
model_name = "{name}"
api_base = "{mock}/v1/"
api_key_location = "none"
"""


def be_tensorzero(config):
    """Run by the peer's own Python: its gateway is inside of its client. Prints where it listens."""
    import openai
    import tensorzero

    client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:1")
    client = tensorzero.patch_openai_client(client, config_file=config, clickhouse_url=None, async_setup=False)
    print(client.base_url, flush=True)
    signal.pause()


def start_tensorzero(started, mock):
    python = venv("tensorzero")
    names = ["mock", *PROPOSERS, "fuser"]
    variants = [
        f'[functions.mixture.variants.{name}]\ntype = "chat_completion"\nmodel = "{name}"\n' for name in PROPOSERS
    ]
    config = started.folder / "tensorzero.toml"
    text = TENSORZERO.format(
        models="".join(TENSORZERO_MODEL.format(name=name, mock=mock) for name in names),
        candidates=", ".join(f'"{name}"' for name in PROPOSERS),
        variants="".join(variants),
    )
    config.write_text(text)
    command = [python, __file__, "--be-tensorzero", config]
    process = started.start("tensorzero", command, stdout=subprocess.PIPE)
    # Its gateway logs to the same place.
    lines = iter(process.stdout.readline, "")
    url = next((line.strip().rstrip("/") for line in lines if line.startswith("http")), None)
    if not url:
        log = (started.folder / "tensorzero.log").read_text()
        raise Missing(f"TensorZero does not start: {log[-2000:]}")
    url += "/chat/completions"
    single = question("tensorzero::model_name::mock")
    mixture = question("tensorzero::function_name::mixture")
    answering("tensorzero", url, single, process=process)
    return {
        "single": target("tensorzero", url, single, process),
        "mixture": target(
            "tensorzero", url, mixture, process, expected=" answers question @@:", calls=len(PROPOSERS) + 1
        ),
    }


LITELLM = """
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_base: {mock}/v1
      api_key: none
litellm_settings:
  telemetry: false
"""


def start_litellm(started, mock):
    python = venv("litellm")
    config = started.folder / "litellm.yaml"
    config.write_text(LITELLM.format(mock=mock))
    port = free_port()
    command = [python.parent / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    environment = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
    # It starts without a key of its own on loopback only if it is told to.
    environment["LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"] = "true"
    process = started.start("litellm", command, env=environment)
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    answering("litellm", url, question("mock"), process=process, patience=300)
    return {"single": target("litellm", url, question("mock"), process)}


def be_mixture(mock, port):
    """Run by LiteLLM's Python, for its libraries: what most people would write. Three answers, then one of them."""
    import asyncio

    import httpx
    import uvicorn

    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=256, max_keepalive_connections=256))

    async def ask(model, messages):
        reply = await client.post(f"{mock}/v1/chat/completions", json={"model": model, "messages": messages})
        reply.raise_for_status()
        return reply.json()

    async def application(scope, receive, send):
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        messages = json.loads(body)["messages"]
        proposed = await asyncio.gather(*(ask(model, messages) for model in PROPOSERS))
        texts = "\n\n".join(answer["choices"][0]["message"]["content"] for answer in proposed)
        system = {"role": "system", "content": f"Write one answer from these:\n\n{texts}"}
        answer = json.dumps(await ask("fuser", [system, *messages])).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.run(application, host="127.0.0.1", port=int(port), log_level="error", lifespan="off")


def start_python(started, mock):
    python = venv("litellm")
    port = free_port()
    process = started.start("python", [python, __file__, "--be-mixture", mock, str(port)])
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    answering("python", url, question("any"), process=process)
    expected = "fuser answers question @@:"
    return {"mixture": target("python", url, question("any"), process, expected=expected, calls=len(PROPOSERS) + 1)}


# ---- the measuring


def build():
    """The program and the measuring program, as they are released."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    command = ["cargo", "bench", "--profile", "release", "--locked", "--package", "llmnet", "--bench", "speed"]
    command += ["--no-run", "--message-format", "json", "--quiet"]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    artifacts = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    found = [it["executable"] for it in artifacts if it.get("executable") and it["target"]["name"] == "speed"]
    return ROOT / "target" / "release" / "llmnet", found[-1]


class Client:
    """The measuring program, with questions that never come twice and receipts that are all kept."""

    def __init__(self, speed, folder):
        self.speed, self.folder = speed, folder
        self.next = 1_000
        self.receipts = []

    def measure(self, kind, targets, blocks, requests):
        """`requests` of a block: a number, or one for each target by name."""
        plan = {"kind": kind, "blocks": blocks, "connections": CONNECTIONS, "first": self.next, "targets": []}
        for each in targets:
            body = dict(each["body"], stream=kind == "stream")
            count = requests if isinstance(requests, int) else requests[each["name"]]
            plan["targets"].append({**each, "body": json.dumps(body), "requests": count})
        receipts = self.folder / f"receipts-{len(self.receipts)}"
        plan["receipts"] = str(receipts)
        path = self.folder / "plan.json"
        path.write_text(json.dumps(plan))
        print(f"{kind}: {', '.join(each['name'] for each in targets)}", file=sys.stderr)
        run = subprocess.run([self.speed, "load", path], stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode:
            sys.exit(f"{kind}: the measurement ended; nothing was written")
        measured = json.loads(run.stdout)
        self.next = measured["next"]
        self.receipts.append(receipts)
        return measured

    def settled(self, networks):
        """Whether every receipt of the run is proven to be on the ledger of its network."""
        lines = [line.split() for file in self.receipts for line in file.read_text().splitlines()]
        found = {"receipts": len(lines), "settled": 0}
        for name, url in networks.items():
            file = self.folder / f"receipts-of-{name}"
            file.write_text("\n".join(receipt for whose, receipt in lines if whose == name))
            run = subprocess.run([self.speed, "settled", url, file], stdout=subprocess.PIPE, text=True, check=False)
            print(f"{name}: {run.stdout.strip()}", file=sys.stderr)
            found["settled"] += json.loads(run.stdout)["settled"] if run.stdout else 0
        if found["settled"] != found["receipts"]:
            sys.exit(f"not all receipts are settled: {found}; nothing was written")
        return found


def calls_made(mock, each):
    """How often the mock is asked for one question: a gateway that answers by itself would be fast."""
    before = call(mock)["answered"]
    headers = dict(line.split(": ") for line in each["headers"].split("\r\n") if line)
    call(each["url"], json.loads(json.dumps(each["body"]).replace("@@", "2")), headers)
    made = call(mock)["answered"] - before
    if made != each["calls"]:
        sys.exit(f"{each['name']} asked {made} times where {each['calls']} were meant")
    return made


def rate(client, each):
    """About how many requests a second it answers, so that its blocks last as long as the others'."""
    found = client.measure("crowd", [each], 1, 4 * CONNECTIONS)
    return max(found["targets"][each["name"]]["requests_a_second"], 1.0)


def counts(client, kind, targets, most):
    """Requests of a block for each: fewer where one takes so long that its block would take more than a second."""
    probed = client.measure(kind, targets, 1, 5)["targets"]
    measure = "first_ms" if kind == "stream" else "whole_ms"
    return {name: max(min(most, 10), min(most, int(1_000 / max(found[measure]["p50"], 0.1)))) for name, found in probed.items()}


# ---- the table


def table(raw):
    lines = [
        "# What a gateway adds, measured",
        "",
        f"By `just speed` on {raw['machine']['cores']} cores, load {raw['load_before'][0]:.1f} before the run; every figure is in",
        "`speed.json`. Client, mock and gateway share these cores. Milliseconds are *through the gateway minus direct*,",
        "in alternating blocks over a provider that answers at once; `llmnet` writes its journal to disk,",
        "`llmnet-memory` to memory. Both are whole networks in one process: their CPU and memory are also four validators'.",
        "`llmnet-apart` is a coordinator and a respondent, each in its process, linked by TLS; its validators are not counted.",
        "",
        "| target | added p50 | added p99 | first token, added p50 | requests a second | CPU s / 1,000 | peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    plain, stream, crowd = raw["plain"]["targets"], raw["stream"]["targets"], raw["crowd"]["targets"]
    for name in plain:
        whole, first = plain[name]["whole_ms"], stream[name]["first_ms"]
        crowded = crowd[name]
        lines.append(
            f"| {name} | {whole['added_p50']:.3f} | {whole['added_p99']:.3f} | {first['added_p50']:.3f} "
            f"| {crowded['requests_a_second']:,.0f} | {crowded['cpu_seconds_per_1000']:.3f} "
            f"| {crowded['memory_peak_mib']:.0f} |"
        )
    lines += [
        "| goal | 0.45 | 0.9 | 0.4 | 12,000 | 0.1 | 40 |",
        "",
        "Three proposers and an aggregator, beside one call of the provider:",
        "",
        "| target | added p50 | added p99 |",
        "|---|---|---|",
    ]
    for name, found in raw["mixture"]["targets"].items():
        lines.append(f"| {name} | {found['whole_ms']['added_p50']:.3f} | {found['whole_ms']['added_p99']:.3f} |")
    lines.append("| goal | 1.2 | 2.5 |")
    lines += ["", f"A coordinator alone in its process had {raw['coordinator_peak_mib']:.0f} MiB at most (goal: 40)."]
    if "soak" in raw:
        lines += ["", *soaked(raw["soak"])]
    lines += ["", receipts(raw)]
    lines += [f"Left out: {name}: {why}" for name, why in raw["missing"].items()]
    if raw["quick"]:
        lines += ["", "A quick run: its figures say that all of it works, and nothing else."]
    return "\n".join(lines) + "\n"


def receipts(raw):
    made, settled = raw["settled"]["receipts"], raw["settled"]["settled"]
    return f"Receipts of the run: {made:,}, all signed; settled on the ledger, with proof: {settled:,}."


def soak(client, apart, seconds):
    """Requests for so long, as fast as can be, and how the coordinator's memory goes meanwhile."""
    samples, over = [], threading.Event()

    def sample():
        began = time.monotonic()
        while not over.wait(min(5.0, seconds / 20)):
            samples.append([round(time.monotonic() - began, 1), round(resident(apart["coordinator"]), 1)])

    watcher = threading.Thread(target=sample)
    watcher.start()
    each = apart["single"]
    began, answered = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        client.measure("crowd", [each], 1, SOAK_TURN)
        # Its first turn is not counted, and each connection has a question before it.
        answered += 2 * (SOAK_TURN + CONNECTIONS)
    over.set()
    watcher.join()
    return {"seconds": time.monotonic() - began, "answered": answered, "resident_mib": samples}


def soaked(found):
    values = [mib for _, mib in found["resident_mib"]]
    fifth = max(len(values) // 5, 1)
    first, last = (statistics.median(part) for part in (values[:fifth], values[-fifth:]))
    return [
        f"Soak: {found['answered']:,} requests in {found['seconds']:,.0f} s; the coordinator's memory was {first:.0f} MiB in the "
        f"first fifth, {last:.0f} MiB in the last (medians), {max(values):.0f} MiB at most."
    ]


def write(folder, raw):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.json").write_text(json.dumps(raw, indent=1) + "\n")
    text = table(raw)
    (folder / "speed.md").write_text(text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds of each")
    parser.add_argument("--soak", type=float, default=600, help="seconds of requests without a pause; 0 for none")
    parser.add_argument("--soak-only", action="store_true", help="the soak alone, into soak.json and soak.md")
    parser.add_argument("--tokens", type=int, default=64, help="of an answer")
    parser.add_argument("--only", nargs="*", help="of nginx, tensorzero, litellm, python: these peers alone")
    parser.add_argument("--binary", help="an llmnet that is built already")
    parser.add_argument("--speed", help="a measuring program that is built already")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="where speed.json and speed.md go")
    parser.add_argument("--be-tensorzero", help=argparse.SUPPRESS)
    parser.add_argument("--be-mixture", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be_tensorzero:
        return be_tensorzero(arguments.be_tensorzero)
    if arguments.be_mixture:
        return be_mixture(*arguments.be_mixture)

    binary, speed = arguments.binary, arguments.speed
    if not (binary and speed):
        binary, speed = build()
    blocks, requests, seconds = (3, 20, 0.2) if arguments.quick else (40, 200, 1.0)
    raw = {
        "machine": {"cores": os.cpu_count(), "system": platform.platform()},
        "quick": arguments.quick,
        "tokens": arguments.tokens,
        "packages": PACKAGES,
        "load_before": os.getloadavg(),
        "missing": {},
    }
    folder = pathlib.Path(tempfile.mkdtemp(dir=PEERS.parent if PEERS.parent.exists() else None))
    memory = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    started = Started(folder)
    try:
        process, mock = start_mock(started, speed, arguments.tokens)
        if arguments.soak_only:
            raw["missing"] = {}
            apart = start_apart(started, binary, mock, folder / "apart")
            client = Client(speed, folder)
            raw["soak"] = soak(client, apart, 5 if arguments.quick else arguments.soak)
            raw["settled"] = client.settled({"llmnet-apart": apart["url"]})
            text = "\n".join(["# Soak", "", *soaked(raw["soak"]), "", receipts(raw)]) + "\n"
            arguments.out.mkdir(parents=True, exist_ok=True)
            (arguments.out / "soak.json").write_text(json.dumps(raw, indent=1) + "\n")
            (arguments.out / "soak.md").write_text(text)
            return print(text)
        direct = target("direct", f"{mock}/v1/chat/completions", question("mock"), process)
        found = {
            "llmnet": start_ours(started, binary, mock, "llmnet", folder / "network"),
            "llmnet-memory": start_ours(started, binary, mock, "llmnet-memory", memory / "network"),
            "llmnet-apart": start_apart(started, binary, mock, folder / "apart"),
        }
        networks = {name: ours["url"] for name, ours in found.items()}
        peers = {
            "nginx": start_nginx,
            "tensorzero": start_tensorzero,
            "litellm": start_litellm,
            "python": start_python,
        }
        for name, start in peers.items():
            if arguments.only is not None and name not in arguments.only:
                raw["missing"][name] = "not asked for"
                continue
            try:
                found[name] = start(started, mock)
            except Missing as why:
                raw["missing"][name] = str(why)
                print(f"without {name}: {why}", file=sys.stderr)
        singles = [direct] + [each["single"] for each in found.values() if "single" in each]
        mixtures = [direct] + [each["mixture"] for each in found.values() if "mixture" in each]
        raw["calls"] = {
            kind: {each["name"]: calls_made(mock, each) for each in targets}
            for kind, targets in (("single", singles), ("mixture", mixtures))
        }
        client = Client(speed, folder)
        raw["plain"] = client.measure("plain", singles, blocks, counts(client, "plain", singles, requests))
        raw["stream"] = client.measure("stream", singles, blocks, counts(client, "stream", singles, requests))
        crowds = {each["name"]: max(CONNECTIONS, int(seconds * rate(client, each))) for each in singles}
        raw["crowd"] = client.measure("crowd", singles, max(blocks // 4, 2), crowds)
        raw["mixture"] = client.measure("plain", mixtures, blocks, counts(client, "plain", mixtures, requests // 2))
        raw["coordinator_peak_mib"] = resident(found["llmnet-apart"]["coordinator"], "VmHWM")
        raw["settled"] = client.settled(networks)
        write(arguments.out, raw)
        if arguments.soak:
            raw["soak"] = soak(client, found["llmnet-apart"], 5 if arguments.quick else arguments.soak)
            raw["settled"] = client.settled(networks)
    finally:
        started.stop()
        if sys.exc_info()[0] is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are in {folder}", file=sys.stderr)
        shutil.rmtree(memory, ignore_errors=True)
    raw["load_after"] = os.getloadavg()
    print(write(arguments.out, raw))


if __name__ == "__main__":
    main()
