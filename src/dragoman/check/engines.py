"""Do the engines load, and do they cover the languages offered?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from dragoman.check.finding import Finding, fail, ok, warn
from dragoman.config import Settings
from dragoman.engines import registry
from dragoman.engines.base import Stage, Unsure
from dragoman.engines.circuits import PROBE_DEADLINE
from dragoman.engines.faults import crashes_of
from dragoman.engines.probes import probe
from dragoman.engines.selection import EngineSet, Loaded
from dragoman.errors import ConfigError, EngineCrashed, EngineError, EngineTimeout


async def check_engines(settings: Settings) -> list[Finding]:
    """Load every configured engine, as the daemon would, and free it again."""
    try:
        engines = EngineSet.build(settings.engines)
    except ConfigError as error:
        return [fail("engines", str(error), "see [engines] in the settings, and dragoman engines")]
    found = judge_unlisted(settings.engines.unlisted_options)
    try:
        for stage in Stage:
            loaded = await engines.load(stage, settings.rooms.languages)
            if stage is Stage.ASR:
                loaded = await try_recognizers(engines, settings.rooms.languages, loaded)
            found += judge_stage(stage, loaded, unsure(engines, stage))
        found += judge_languages(engines, settings.rooms.languages)
    finally:
        await engines.close()
    return found


async def try_recognizers(engines: EngineSet, languages: Sequence[str], loaded: Sequence[Loaded]) -> list[Loaded]:
    """What was loaded, with the troubles that show when a stream is opened: a provider looks at the key then.

    Nothing is sent on the stream, so that it costs nothing. Translators and synthesizers ask when they load.
    """
    hearing = {engine.info.name: engine for language in languages for engine in engines.recognizers(language)}
    tried = []
    for each in loaded:
        problem = each.problem
        if problem is None and each.engine in hearing:
            try:
                async with asyncio.timeout(PROBE_DEADLINE):
                    with crashes_of(each.engine):
                        await probe(hearing[each.engine], languages)
            except TimeoutError:
                problem = EngineTimeout(each.engine, f"no stream within {PROBE_DEADLINE:g} s")
            except EngineError as error:
                problem = error
        tried.append(Loaded(each.engine, problem))
    return tried


def judge_unlisted(tables: Mapping[str, Mapping[str, object]]) -> list[Finding]:
    """Option tables of engines that no list names; they are built as ``dragoman engines`` does, not loaded."""
    found = []
    for name, table in tables.items():
        try:
            registry.build_one(name, table)
        except ConfigError as error:
            remedy = f"mend it, or take out [engines.options.{name}]: no list of [engines] names this engine"
            found.append(warn("engine options", str(error), remedy))
        else:
            found.append(ok("engine options", f"{name}: right, but not used: no list of [engines] names this engine"))
    return found


def unsure(engines: EngineSet, stage: Stage) -> dict[str, str]:
    """Of the engines that were started, what they could not find out, by name."""
    return {each.info.name: each.unchecked for each in engines.of(stage) if isinstance(each, Unsure) and each.unchecked}


def judge_stage(stage: Stage, loaded: Sequence[Loaded], unsure: Mapping[str, str] | None = None) -> list[Finding]:
    """Each engine of a stage: a broken one keeps the daemon from starting only where there is no other.

    ``unsure``: of some that were started, what is not known of them.
    """
    spare = any(each.problem is None for each in loaded)
    found = []
    for each in loaded:
        what = f"engines, {stage}"
        if each.problem is None:
            if doubt := (unsure or {}).get(each.engine):
                remedy = "see whether its service can be reached from here; it is asked all the same, clause by clause"
                found.append(warn(what, f"{each.engine}: {doubt}", remedy))
            else:
                found.append(ok(what, each.engine))
            continue
        remedy = _remedy(each.problem)
        if spare:
            remedy += ", or take it out of [engines]: until then it is not used"
            found.append(warn(what, str(each.problem), remedy))
        else:
            found.append(fail(what, str(each.problem), f"{remedy}, or choose another"))
    return found


def _remedy(problem: EngineError) -> str:
    if isinstance(problem, EngineCrashed):
        return "see whether its service, if it has one, can be reached from here; else this is the engine's bug"
    return "see whether it can be reached from here" if problem.retryable else "install or set what it says"


def judge_languages(engines: EngineSet, languages: Iterable[str]) -> list[Finding]:
    """Whether each language offered can be heard, spoken, and translated from and to the others."""
    languages = tuple(languages)
    found = []
    for language in languages:
        lacks = []
        if not engines.recognizers(language):
            lacks.append("nobody's speech in it is recognised")
        if not engines.synthesizers(language):
            lacks.append("no voice speaks it")
        missing = [other for other in languages if other != language and not engines.translates(language, other)]
        if missing:
            lacks.append(f"no translation to {', '.join(missing)}")
        what = f"language {language}"
        if lacks:
            found.append(warn(what, "; ".join(lacks), "add an engine that can, or take it out of rooms.languages"))
        else:
            found.append(ok(what, "heard, spoken, translated to all others"))
    return found
