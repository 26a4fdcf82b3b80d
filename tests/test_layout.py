"""How the code is laid out, held by tests: a pure core, thin shells, owned tasks, small modules.

Rules, not lists: every module of the core packages is pure unless SHELLS names it, and SHELLS may name no module that
could do without.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parent.parent / "src"

CORE = (
    "dragoman.enrolment",
    "dragoman.glossary",
    "dragoman.guard",
    "dragoman.media",
    "dragoman.pipeline",
    "dragoman.recovery",
    "dragoman.telephony",
    "dragoman.voices",
)
"""Packages whose modules decide things: plain objects, told the time."""

CORE_MODULES = ("dragoman.errors", "dragoman.languages", "dragoman.writing", "dragoman.engines.base")

SHELLS = {
    "dragoman.enrolment.decode": "runs a process per clip",
    "dragoman.enrolment.desk": "works on enrolments one by one",
    "dragoman.enrolment.incall": "learns voices beside the conference",
    "dragoman.enrolment.keeping": "stores later what callers asked to keep",
    "dragoman.enrolment.later": "tries again",
    "dragoman.enrolment.leftovers": "deletes later what nobody wants",
    "dragoman.enrolment.serving": "builds what serves",
    "dragoman.enrolment.stored": "asks the store and the engines",
    "dragoman.glossary.store": "watches files",
    "dragoman.media.alarm": "wakes the loop by a timerfd",
    "dragoman.media.intake": "reads the socket",
    "dragoman.media.plane": "owns the tick",
    "dragoman.media.senders": "writes into the socket's rows",
    "dragoman.media.socket": "owns the UDP socket",
    "dragoman.pipeline.captions": "readers wait for captions",
    "dragoman.pipeline.chain": "runs a speaker's stages",
    "dragoman.pipeline.conference": "runs the legs",
    "dragoman.pipeline.delivery": "speaks what a chain translated",
    "dragoman.pipeline.engines": "names the engines' circuits",
    "dragoman.pipeline.leg": "runs one leg",
    "dragoman.pipeline.probe": "opens a recogniser's stream",
    "dragoman.pipeline.queues": "stages wait for each other",
    "dragoman.pipeline.recognition": "runs a recogniser's stream",
    "dragoman.pipeline.reports": "publishes captions",
    "dragoman.pipeline.speculation": "asks engines ahead",
    "dragoman.pipeline.wake": "wakes tasks, and cancels those that wait too long",
    "dragoman.recovery.__main__": "prints the table",
    "dragoman.recovery.table": "takes its figures from shells",
    "dragoman.recovery.events": "watchers wait for events",
    "dragoman.telephony.absence": "asks Asterisk",
    "dragoman.telephony.ari.client": "speaks HTTP",
    "dragoman.telephony.ari.connection": "speaks WebSocket",
    "dragoman.telephony.ari.queue": "its reader waits for events",
    "dragoman.telephony.attacher": "carries out what attach.py plans",
    "dragoman.telephony.errands": "runs errands in the dialplan",
    "dragoman.telephony.lanes": "carries out what attach.py plans",
    "dragoman.telephony.booth_prompts": "has espeak-ng run",
    "dragoman.telephony.pbx": "installs and runs a PBX",
    "dragoman.telephony.pbx.bootstrap": "installs a PBX",
    "dragoman.telephony.pbx.folder": "writes a PBX's files",
    "dragoman.telephony.pbx.instance": "runs a PBX",
    "dragoman.telephony.pbx.ports": "asks the kernel for free ports",
    "dragoman.telephony.pbx.templates": "takes the menu keys from where prompts are made",
    "dragoman.telephony.prompts": "runs espeak-ng",
    "dragoman.telephony.ari.talking": "speaks HTTP",
    "dragoman.telephony.reception": "talks with callers",
    "dragoman.telephony.recipes": "makes and deletes channels",
    "dragoman.voices.ecapa": "runs torch",
    "dragoman.voices.likeness": "listens now and then",
    "dragoman.voices.load": "loads ECAPA",
    "dragoman.voices.source": "listens in a thread",
    "dragoman.voices.store.callers": "asks the database",
    "dragoman.voices.store.database": "asks the database with a deadline",
    "dragoman.voices.store.notes": "asks the database",
    "dragoman.voices.store.store": "asks the database",
    "dragoman.voices.voicing": "runs the voices beside the conference",
    "dragoman.voices.watch": "listens to callers now and then",
    "dragoman.voices.training.ecapa": "a network of torch",
    "dragoman.voices.training.export": "takes networks of torch",
    "dragoman.voices.training.gst": "a network of torch",
    "dragoman.voices.training.job": "runs a training",
    "dragoman.voices.training.speech": "runs espeak-ng and flite",
    "dragoman.voices.training.train": "fits networks of torch",
}
"""Modules of the core packages that do I/O or wait; the reason beside each."""

IMPURE = {"asyncio", "aiohttp", "torch", "socket", "select", "subprocess", "multiprocessing", "threading", "time"}
"""What a pure module may not import, directly or through a module of ours: I/O, waiting, clocks, torch."""

OWNED_TASKS = {
    "dragoman.demo.baresip": "its close awaits the reader",
    "dragoman.enrolment.desk": "a write that must end before it is undone; awaited in the same method",
    "dragoman.engines.asr.deepgram_stream": "its aclose ends and awaits it",
    "dragoman.engines.selection": "its close awaits them by a deadline, past which no group would let go of one",
    "dragoman.engines.asr.faster_whisper": "its stop awaits the reader; close, and all who open, await the loading",
    "dragoman.engines.asr.spares": "take, filled and close await the loading workers",
    "dragoman.engines.mt.cache_redis": "its close awaits the worker",
    "dragoman.engines.mt.deepl_glossaries": "its close awaits the worker",
    "dragoman.engines.mt.batching": "its close awaits the runner, which ends when nobody waits",
    "dragoman.engines.tts.espeak": "its stop awaits the reader, after killing the worker it reads",
    "dragoman.engines.conformance.running": "the test awaits it by done_within; nothing of the daemon",
    "dragoman.telephony.ari.client": "a request that must end before it is undone; awaited in the same method",
}
"""Modules that start a task outside of a TaskGroup: where it is awaited."""

MAX_LINES = 400


@cache
def modules() -> dict[str, Path]:
    """Every module of src/ by its dotted name."""
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below ``if TYPE_CHECKING``, which never run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from (other, *statements(other))
            continue
        yield child
        yield from statements(child)


@cache
def imports(module: str) -> frozenset[str]:
    """Names of the modules that ``module`` imports itself, wherever in it; our own ones with their packages."""
    found: set[str] = set()
    for node in statements(tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports are not used here"
            base = node.module or ""
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in modules())
    for name in list(found):
        parts = name.split(".")
        found.update(parent for i in range(1, len(parts)) if (parent := ".".join(parts[:i])) in modules())
    return frozenset(found)


def impure_chain(module: str) -> list[str] | None:
    """The shortest way from ``module`` over our modules to something impure, or None."""
    chains, seen = [[module]], {module}
    while chains:
        chain = chains.pop(0)
        for name in sorted(imports(chain[-1])):
            if name.split(".")[0] in IMPURE:
                return [*chain, name]
            if name in modules() and name not in seen:
                seen.add(name)
                chains.append([*chain, name])
    return None


def in_core(module: str) -> bool:
    return module in CORE_MODULES or any(module == package or module.startswith(f"{package}.") for package in CORE)


PURE = [module for module in modules() if in_core(module) and module not in SHELLS]


@pytest.mark.parametrize("module", PURE)
def test_the_core_is_pure(module: str) -> None:
    chain = impure_chain(module)
    assert chain is None, f"{' -> '.join(chain)}: make it pure, or name it in SHELLS"


@pytest.mark.parametrize("module", SHELLS)
def test_shells_are_shells(module: str) -> None:
    assert module in modules(), "gone: take it out of SHELLS"
    assert impure_chain(module), "pure by now: take it out of SHELLS"


@pytest.mark.parametrize("module", modules())
def test_every_module_has_a_docstring(module: str) -> None:
    assert ast.get_docstring(tree(module)), f"{modules()[module]} does not say what it is for"


@pytest.mark.parametrize("module", modules())
def test_no_module_is_long(module: str) -> None:
    lines = len(modules()[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{modules()[module]}: {lines} lines hold more than one thing"


def calls(module: str) -> Iterator[tuple[ast.Call, str]]:
    """Every call, with the source text of what is called."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def starts_task(called: str) -> bool:
    """Whether it starts a task that no TaskGroup owns (groups are called so, here)."""
    owner, _, name = called.rpartition(".")
    return name in ("ensure_future", "run_coroutine_threadsafe") or (
        name == "create_task" and not owner.endswith("group")
    )


@pytest.mark.parametrize("module", modules())
def test_tasks_have_an_owner(module: str) -> None:
    bare = [f"line {node.lineno}: {called}" for node, called in calls(module) if starts_task(called)]
    if module in OWNED_TASKS:
        assert bare, "starts none any more: take it out of OWNED_TASKS"
    else:
        assert not bare, f"{module} starts tasks outside of a TaskGroup: {bare}"


@pytest.mark.parametrize("module", modules())
def test_nothing_sleeps_in_the_loops_thread(module: str) -> None:
    assert not [node.lineno for node, called in calls(module) if called == "time.sleep"]
    imported = [n.lineno for n in ast.walk(tree(module)) if isinstance(n, ast.ImportFrom) and n.module == "time"]
    assert not imported, "write time.monotonic(), so that one sees which clock it is"


def test_the_rules_can_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The scanner sees what it must see: a lazy import, one behind another module, and no type-only one."""
    sources = {
        "a": "import b",
        "b": "def f():\n    import asyncio.events",
        "c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import asyncio",
    }
    found = {}
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
        found[name] = tmp_path / f"{name}.py"
    monkeypatch.setitem(globals(), "modules", lambda: found)
    for cached in (tree, imports):
        cached.cache_clear()
    assert impure_chain("a") == ["a", "b", "asyncio.events"]
    assert impure_chain("c") is None
    assert [starts_task(x) for x in ("asyncio.create_task", "loop.create_task", "self._group.create_task")] == [1, 1, 0]
    for cached in (tree, imports):
        cached.cache_clear()
