"""Helpers: what runs in processes of its own, and is killed there."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pruning.data import DataSet

ROOT = Path(__file__).parents[2]


def run(
    script: str, variables: Mapping[str, str] | None = None, stdout: int | None = None
) -> subprocess.Popen:
    """Start a script in the root of the project, with some variables in its environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= variables or {}
    command = [sys.executable, "-u", "-W", "error::FutureWarning", "-c", script]
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=stdout)


def run_together(script: str, count: int) -> list[int]:
    """Run a script in several processes, as torchrun starts them; return their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    own = [{"RANK": str(at), "LOCAL_RANK": str(at)} for at in range(count)]
    running = [run(script, {**common, **each}) for each in own]
    try:
        return [process.wait(timeout=120) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


def kill_at(script: str, line: str) -> list[str]:
    """Run a script and kill it, without warning, once it prints a line; return what it printed."""
    process = run(script, stdout=subprocess.PIPE)
    assert process.stdout is not None
    printed: list[str] = []
    with process:
        for text in process.stdout:
            printed.append(text.strip())
            if printed[-1] == line:
                process.kill()
    assert process.returncode == -9, printed
    return printed


def part_of(data: DataSet, train: int = 160, validation: int = 60) -> DataSet:
    """Take the first pictures of a data set."""
    return DataSet(
        data.name,
        data.pixels,
        data.classes,
        data.train[:train],
        data.validation[:validation],
        data.test,
    )
