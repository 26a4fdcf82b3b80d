"""The daemon's voices never stop it: no store, no package, a wrong key, a dead database, encoders that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from tests.engines.missing import without
from tests.voices.store.conftest import KEY
from tests.voices.store.test_store import with_audio
from tests.voices.test_source import Somebody
from tests.voices.vectors import PitchIdentity

from dragoman import config
from dragoman.config.voices import VoicesSettings
from dragoman.errors import ConfigError
from dragoman.observe.voices import VoiceMetrics
from dragoman.voices.store.store import VoiceStore
from dragoman.voices.voicing import Voicing
from dragoman.voices.watch import VoiceWatch


def settings(path: Path | str, **more: object) -> VoicesSettings:
    return VoicesSettings(store=SecretStr(str(path)), small_identity=False, **more)  # type: ignore[arg-type]  # by test


async def test_without_a_store_there_is_nothing_to_do() -> None:
    voices = Voicing(VoicesSettings())
    await voices.start()
    await voices.run(dict, lambda: 0.0)
    await voices.close()
    assert (voices.store, voices.live, voices.trouble, voices.counts()) == (None, None, "", {})


async def test_without_the_package_everybody_has_the_neutral_voice(tmp_path: Path) -> None:
    with without("sqlalchemy", forget="dragoman.voices.store"):
        voices = Voicing(settings(tmp_path / "v.sqlite"))
        await voices.start()
    assert voices.live is None and 'pip install "dragoman[voices]"' in voices.trouble
    await voices.run(dict, lambda: 0.0)


async def test_a_wrong_key_is_said_and_the_daemon_goes_on(tmp_path: Path) -> None:
    store = VoiceStore(SecretStr(str(tmp_path / "v.sqlite")), key=KEY)
    await store.start()
    await store.close()
    voices = Voicing(settings(tmp_path / "v.sqlite"))
    await voices.start()
    assert voices.live is None and "voices.key is not set" in voices.trouble
    await voices.close()


async def test_what_is_no_key_stops_it_before_any_call(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="openssl"):
        Voicing(settings(tmp_path / "v.sqlite", key=SecretStr("hunter2")))


async def test_a_database_that_comes_late_is_used_when_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.voices.voicing.RETRY_S", 0.01)
    blocked = tmp_path / "folder"
    blocked.write_text("a file where a folder should be")
    voices = Voicing(settings(blocked / "v.sqlite"))
    assert voices.store is not None
    tried, start = asyncio.Semaphore(0), voices.store.start

    async def noted() -> None:
        try:
            await start()
        finally:
            tried.release()

    monkeypatch.setattr(voices.store, "start", noted)
    await voices.start()
    assert voices.live is None and "folder" in voices.trouble
    running = asyncio.ensure_future(voices.run(dict, lambda: 0.0))
    async with asyncio.timeout(60):
        for _ in range(3):  # at the start, and twice in vain while it runs
            await tried.acquire()
    assert voices.live is None and not running.done()
    blocked.unlink()
    async with asyncio.timeout(60):
        while voices.live is None:
            await asyncio.sleep(0.01)
    assert voices.trouble == ""
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await voices.close()


async def test_a_profile_deleted_in_the_store_speaks_no_further_clause(tmp_path: Path) -> None:
    events: list[str] = []
    voices = Voicing(settings(tmp_path / "v.sqlite"), lambda event: events.append(event.kind.value))
    await voices.start()
    assert voices.live is not None and voices.store is not None
    profile, audio = with_audio()
    await voices.store.put(profile, audio)
    await voices.store.assign("2001", profile.id)
    assert await voices.live.enter("ch1", "2001")
    assert voices.live.conditioning("ch1") is not None
    await voices.store.patch(profile.id, name="Augusta")
    await voices.live.refresh()
    assert voices.live.conditioning("ch1") is not None
    await voices.store.delete(profile.id)
    assert voices.live.conditioning("ch1") is None
    assert events == ["assigned", "gone"]
    registry = CollectorRegistry()
    VoiceMetrics(registry).watch(voices.counts)
    told = {what: registry.get_sample_value("dragoman_voices_total", {"what": what}) for what in voices.counts()}
    assert told["cloned"] == 2 and told["neutral"] == 1 and told["gone"] == 1 and told["cache_misses"] == 2
    await voices.close()


async def test_an_encoder_that_fails_costs_no_call(tmp_path: Path) -> None:
    class Failing(PitchIdentity):
        def embed(self, samples: object) -> object:  # type: ignore[override]  # it makes nothing
            raise RuntimeError("CUDA out of memory")

    voices = Voicing(settings(tmp_path / "v.sqlite"))
    await voices.start()
    assert voices.live is not None and voices.store is not None
    voices.live.encoders = replace(voices.encoders, identity=Failing())  # type: ignore[arg-type]  # it fails
    profile, audio = with_audio()
    profile = replace(profile, models=replace(profile.models, identity="pitch-1"))
    await voices.store.put(profile, audio)
    await voices.store.assign("2001", profile.id)
    ada = Somebody(caller="2001")
    ada.audio.say(110, 4)
    watch = VoiceWatch(voices.live, lambda: {ada.leg.id: ada}, lambda: 0.0)
    await watch.look()
    await watch.look()
    assert voices.live.conditioning("ch1") is not None
    await voices.close()


def test_settings_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "voices.key").write_text("5b" * 32)
    file = tmp_path / "dragoman.toml"
    file.write_text('[voices]\nstore = "kept/v.sqlite"\nkey_file = "voices.key"\necapa = "models/ecapa"\n')
    found = config.load(file, {}).voices
    assert found.store is not None and found.store.get_secret_value() == str(tmp_path / "kept/v.sqlite")
    assert found.key is not None and found.key.get_secret_value() == "5b" * 32
    assert found.ecapa == tmp_path / "models/ecapa"
    assert "5b5b" not in repr(found)
    file.write_text('[voices]\nstore = "postgresql://u:p@h/d"\n')
    url = config.load(file, {}).voices.store
    assert url is not None and url.get_secret_value() == "postgresql://u:p@h/d"
    with pytest.raises(ConfigError, match="both set"):
        config.load(file, {"DRAGOMAN_VOICES__STORE_FILE": str(file)})
