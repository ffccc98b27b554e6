"""Runs a command beside PostgreSQL with pgvector, as PyPI's pgserver brings it, on a scratch directory.

    python3 -m venv VENV && VENV/bin/pip install pgserver
    VENV/bin/python .ci/postgres.py COMMAND...

The command finds the server's address in LLMNET_TEST_POSTGRES and its password in LLMNET_TEST_POSTGRES_PASSWORD. The server
listens on loopback, at a port that was free, and is stopped when the command ends.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

# PostgreSQL refuses to run as root: root starts it as this user, who owns nothing else.
NOBODY = "nobody"
# How long a start may take, in seconds.
START_TIME_MAX = 60


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    found = importlib.util.find_spec("pgserver")
    if found is None:
        sys.exit("pgserver is not installed: " + sys.executable + " -m pip install pgserver")
    programs = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    scratch = Path(tempfile.mkdtemp(prefix="llmnet-postgres-"))
    password = secrets.token_hex(16)
    (scratch / "password").write_text(password)
    user = None
    if os.geteuid() == 0:
        user = NOBODY
        entry = pwd.getpwnam(user)
        for path in (scratch, scratch / "password"):
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def run(name, *arguments):
        done = subprocess.run(
            [programs / name, "-D", scratch / "data", *arguments],
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            log = scratch / "log"
            sys.exit(f"{name} failed: {done.stderr}{log.read_text() if log.exists() else ''}")

    try:
        run("initdb", "-U", "llmnet", "-A", "scram-sha-256", "--pwfile", scratch / "password", "-E", "UTF8", "-N")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # Nothing here outlives the command: what a crash would lose need not reach the disk.
        settings = f"-p {port} -h 127.0.0.1 -k {scratch} -c fsync=off"
        run("pg_ctl", "-w", "-t", str(START_TIME_MAX), "-l", scratch / "log", "-o", settings, "start")
        try:
            environment = os.environ | {
                "LLMNET_TEST_POSTGRES": f"postgres://llmnet@127.0.0.1:{port}/postgres",
                "LLMNET_TEST_POSTGRES_PASSWORD": password,
            }
            code = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
