"""A bug that ends a command is told by the log, or as Python tells it: no secret, nothing of what variables held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SECRET = "ari-Passw0rd-in-the-settings"

BROKEN = """\
import threading
from dragoman import service
from dragoman.cli import app

class Broken:
    def __init__(self, settings):
        mine = settings.asterisk.require_password()
        thread = threading.Thread(target=self.fail, args=(mine, "in a thread"))
        thread.start()
        thread.join()
        self.fail(mine, "in the program")

    def fail(self, held_in_a_variable, where):
        raise RuntimeError(f"cannot go on {where} with {held_in_a_variable}")

service.Service = Broken
app(prog_name="dragoman")
"""
"""The daemon with a bug at its start, and one in a thread before that; both tell a secret."""


def run(program: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "DRAGOMAN_ASTERISK__PASSWORD": SECRET, **environ},
    )


def test_a_bug_that_ends_the_daemon_is_a_line_of_its_log_without_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('[log]\nformat = "json"\n')
    ended = run(BROKEN, "serve", "--config", str(file))
    assert ended.returncode == 1 and ended.stdout == ""
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    for where in ("in a thread", "in the program"):
        (line,) = [line for line in lines if f"cannot go on {where} with [redacted]" in line.get("exception", "")]
        assert line["level"] == "critical" and "in fail" in line["exception"]
    assert SECRET not in ended.stderr


@pytest.mark.parametrize("command", [["drain"], ["probe", "sip:1000@127.0.0.1"], ["token", "list"]])
def test_a_bug_that_ends_a_command_shows_no_variables(command: list[str]) -> None:
    """Older releases of typer show all of them unless told not to: keys, PINs, addresses with passwords."""
    program = (
        "import dragoman.config, dragoman.probe.call\n"
        "def fail(*_):\n"
        f"    held = {SECRET!r}\n"
        "    raise RuntimeError('a bug')\n"
        "dragoman.config.load = dragoman.probe.call.room_uris = fail\n"
        "from dragoman.cli import app\n"
        "app(prog_name='dragoman')\n"
    )
    ended = run(program, *command)
    assert ended.returncode == 1
    assert "RuntimeError: a bug" in ended.stderr and "Traceback (most recent call last)" in ended.stderr
    assert SECRET not in ended.stderr and "╭" not in ended.stderr
