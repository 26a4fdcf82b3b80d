"""Decodes a clip in a process of its own: no file can take the daemon down, and cancelling ends the work at once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dragoman.enrolment.model import Clip

CLIP_S = 60.0
"""Seconds read of one clip; XTTS takes in 30 s of them together (gpt_cond_len), so that what comes after is no use."""

DEADLINE_S = 60.0
"""Seconds for one clip, the start of the process (0.3 s) included; it ends by its own CPU limit before."""

KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "PYTHONPATH")
"""What the worker gets of our environment, which may hold keys and tokens: whoever breaks it finds none."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

WORKER = "dragoman.enrolment.decode_worker"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is no clip; ``why`` is for its sender."""

    name: str
    why: str


async def decode(name: str, path: Path, scratch: Path) -> Clip | Unreadable:
    """Read a clip's first CLIP_S seconds; ``scratch`` is a file of ours to write to, gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the daemon's working directory is no place to import from
        "-m",
        WORKER,
        str(path),
        str(scratch),
        str(CLIP_S),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={key: os.environ[key] for key in KEPT if key in os.environ} | ONE_THREAD,
    )
    try:
        try:
            async with asyncio.timeout(DEADLINE_S):
                said, _ = await process.communicate()
        except TimeoutError:
            return Unreadable(name, "it takes too long to read")
        try:
            facts = json.loads(said)
        except ValueError:
            return Unreadable(name, "it is broken: reading it failed")
        if "unreadable" in facts:
            return Unreadable(name, facts["unreadable"])
        samples = await asyncio.to_thread(np.fromfile, scratch, np.int16)
        return Clip(name, samples, facts["rate"], facts["seconds"], facts["clipped"])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
