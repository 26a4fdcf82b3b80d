from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dragoman.errors import PbxError
from dragoman.telephony.pbx import bootstrap
from dragoman.telephony.pbx.bootstrap import Asterisk, ensure_asterisk, major


def script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no programs but the shell's own, and root's rights; returns the folder on its PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("mkdir", "rm", "sh"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return programs


def test_paths_and_commands_of_a_private_root() -> None:
    private = Asterisk(Path("/cache/sid"), "Asterisk 22.10.1")
    assert private.command("-V") == ["chroot", "/cache/sid", "asterisk", "-V"]
    assert private.inside(Path("/cache/sid/tmp/x")) == "/tmp/x"
    installed = Asterisk(None, "Asterisk 20.6.0")
    assert installed.command("-V") == ["asterisk", "-V"]
    assert installed.inside(Path("/tmp/x")) == "/tmp/x"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", 22),
        ("Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5", 20),
        ("Asterisk certified-20.7-cert2", 20),
        ("Asterisk certified/18.9-cert5", 18),
        ("Asterisk GIT-master-abc", 0),
        ("", 0),
    ],
)
def test_the_major_release_is_read(version: str, expected: int) -> None:
    assert major(version) == expected


def test_an_installed_asterisk_is_used(machine: Path) -> None:
    script(machine / "asterisk", "echo Asterisk 20.6.0")
    assert ensure_asterisk() == Asterisk(None, "Asterisk 20.6.0")


def test_one_that_is_too_old_is_told_of_and_a_root_is_made(machine: Path, tmp_path: Path) -> None:
    script(machine / "asterisk", "echo Asterisk 16.28.0")
    script(machine / "mmdebstrap", 'for root; do :; done; mkdir -p "$root/usr"')
    script(machine / "chroot", "echo Asterisk 22.10.1")
    said: list[str] = []
    made = ensure_asterisk(said.append)
    assert made == Asterisk(tmp_path / "cache" / "asterisk-sid", "Asterisk 22.10.1")
    assert (tmp_path / "cache" / "asterisk-sid" / "usr").is_dir()
    assert "older than 20" in said[0] and len(said) == 3
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["asterisk-sid"]


def test_an_attempt_that_breaks_off_leaves_nothing_and_says_why(machine: Path, tmp_path: Path) -> None:
    script(machine / "mmdebstrap", 'for root; do :; done; mkdir -p "$root/usr"; echo E: no mirror >&2; exit 25')
    with pytest.raises(PbxError, match=r"exit 25[\s\S]*E: no mirror"):
        ensure_asterisk()
    assert list((tmp_path / "cache").iterdir()) == []


def test_who_may_not_make_one_is_told_what_to_do(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PbxError, match="install Asterisk"):
        ensure_asterisk()


def test_without_apt_one_is_told_what_to_do(machine: Path) -> None:
    with pytest.raises(PbxError, match="install Asterisk"):
        ensure_asterisk()


def test_a_root_that_does_not_run_is_named(machine: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "asterisk-sid").mkdir(parents=True)
    script(machine / "chroot", "exit 127")
    with pytest.raises(PbxError, match=r"asterisk-sid does not run: remove"):
        ensure_asterisk()


def test_a_version_that_is_not_answered_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("asterisk", 30)

    monkeypatch.setattr(subprocess, "run", hang)
    assert bootstrap._version(["asterisk", "-V"]) is None
