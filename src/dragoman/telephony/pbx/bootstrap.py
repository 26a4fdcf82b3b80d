"""Find an Asterisk to run, or make one: a root of its own with the package of Debian sid (Debian stable has none)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dragoman.errors import PbxError
from dragoman.telephony.prompts import cache_dir

MINIMUM_MAJOR = 20
"""The oldest major release with all that we use: ARI's externalMedia, snoop and bridge events of ConfBridge rooms."""

Progress = Callable[[str], None]
"""Told a line about what is going on, for a person to read."""

_SUITE = "sid"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_VERSION = re.compile(r"Asterisk (?:certified[-/])?(\d+)\.")


@dataclass(frozen=True, slots=True)
class Asterisk:
    """An Asterisk that can be run: the one on PATH (``root`` None), or one in a root folder of its own."""

    root: Path | None
    version: str

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs it with ``arguments``."""
        return ["asterisk", *arguments] if self.root is None else ["chroot", str(self.root), "asterisk", *arguments]

    def inside(self, path: Path) -> str:
        """``path`` of this machine as Asterisk sees it."""
        return str(path) if self.root is None else "/" + str(path.relative_to(self.root))

    def make_run_dir(self) -> Path:
        """A new private folder that Asterisk can reach; its path of this machine."""
        parent = None if self.root is None else self.root / "tmp"
        return Path(tempfile.mkdtemp(prefix="dragoman-pbx-", dir=parent))


def ensure_asterisk(progress: Progress = lambda _line: None) -> Asterisk:
    """The Asterisk of this machine if it is recent enough, else one in a root of its own, made at the first call.

    Making it takes half a minute on a quick line, 350 MB in the cache folder, root and a Debian mirror. Blocks.

    Raises:
        PbxError: there is none and none can be made; the message says what to do.
    """
    version = installed_version()
    if version is not None and major(version) >= MINIMUM_MAJOR:
        return Asterisk(None, version)
    if shutil.which("asterisk") is not None:
        progress(f"the installed Asterisk ({version or 'version unknown'}) is older than {MINIMUM_MAJOR}: not used")
    root = cache_dir() / f"asterisk-{_SUITE}"
    if os.geteuid() != 0:
        raise PbxError(
            f"no Asterisk >= {MINIMUM_MAJOR} on PATH, and making one needs root: install Asterisk, or run this as root"
        )
    if not root.exists():
        _make_root(root, progress)
    version = _version(["chroot", str(root), "asterisk", "-V"])
    if version is None:
        raise PbxError(f"the Asterisk in {root} does not run: remove that folder, it is made anew at the next start")
    return Asterisk(root, version)


def installed_version() -> str | None:
    """What the Asterisk on PATH says of itself; None: there is none, or it does not run."""
    return None if shutil.which("asterisk") is None else _version(["asterisk", "-V"])


def major(version: str) -> int:
    """The major number in what ``asterisk -V`` prints (``Asterisk 22.10.1+dfsg``); 0 if it has none."""
    found = _VERSION.match(version)
    return int(found[1]) if found else 0


def _version(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _make_root(root: Path, progress: Progress) -> None:
    """Make the root beside its place and rename it there when it is whole: a broken attempt leaves nothing behind."""
    _ensure_mmdebstrap(progress)
    root.parent.mkdir(parents=True, exist_ok=True)
    progress(f"making a private Asterisk in {root}: 350 MB, once; half a minute on a quick line")
    with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as scratch:
        new = Path(scratch) / "root"
        _run(
            [
                "mmdebstrap",
                "--variant=apt",
                # sid's own Release file expires within a week; an image's clock or mirror may be behind.
                '--aptopt=Acquire::Check-Valid-Until "false"',
                "--include=asterisk,ca-certificates",
                _SUITE,
                str(new),
            ],
            "mmdebstrap could not make the root",
        )
        try:
            new.rename(root)
        except OSError as error:
            if not root.is_dir():  # else: another process was quicker, and its root is as good
                raise PbxError(f"cannot move the new Asterisk to {root}: {error}") from error
    progress("Asterisk is ready")


def _ensure_mmdebstrap(progress: Progress) -> None:
    """Install what makes the root; the keyring is what Ubuntu lacks to trust Debian's archive."""
    missing = [
        package
        for package, there in (
            ("mmdebstrap", shutil.which("mmdebstrap") is not None),
            ("debian-archive-keyring", _KEYRING.exists()),
        )
        if not there
    ]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise PbxError(f"no Asterisk >= {MINIMUM_MAJOR} on PATH and no apt-get to make one with: install Asterisk")
    progress(f"installing {' and '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q"], "apt-get update failed", environment)
    _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing], "apt-get install failed", environment)


def _run(command: list[str], problem: str, environment: dict[str, str] | None = None) -> None:
    """Run to the end; its last lines are the error message when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PbxError(f"{problem}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise PbxError(f"{problem} (exit {done.returncode}):\n{tail}")
