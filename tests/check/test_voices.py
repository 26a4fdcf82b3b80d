"""What the doctor says of voices: never a failure, and always what to do."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from tests.voices.store.conftest import KEY

from dragoman.check.finding import Finding, Verdict
from dragoman.check.voices import check_voices
from dragoman.config.voices import VoicesSettings
from dragoman.voices.store.store import VoiceStore


def settings(store: Path | str, **more: object) -> VoicesSettings:
    return VoicesSettings(store=SecretStr(str(store)), **more)  # type: ignore[arg-type]  # by test


def verdicts(found: list[Finding]) -> list[Verdict]:
    assert all(each.remedy for each in found if each.verdict is not Verdict.OK)
    return [each.verdict for each in found]


async def test_without_a_store_it_says_so_and_all_is_well() -> None:
    found = await check_voices(VoicesSettings(), ("espeak",))
    assert verdicts(found) == [Verdict.OK] and "neutral voice" in found[0].found


async def test_a_store_that_opens_is_well_and_what_lacks_is_said(tmp_path: Path) -> None:
    found = await check_voices(settings(tmp_path / "v.sqlite"), ("espeak",))
    assert verdicts(found) == [Verdict.OK, Verdict.WARN, Verdict.WARN]
    assert "0 profiles" in found[0].found and "not encrypted" in found[0].found
    assert "synthetic voices" in found[1].found and "own voices" in found[2].found
    found = await check_voices(settings(tmp_path / "w.sqlite", key=KEY, small_identity=False), ("xtts", "espeak"))
    assert verdicts(found) == [Verdict.OK, Verdict.WARN]
    assert ", encrypted" in found[0].found and "stranger" in found[1].found


async def test_what_does_not_open_is_a_warning_that_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert verdicts(await check_voices(settings(blocked / "v.sqlite"), ())) == [Verdict.WARN]
    store = VoiceStore(SecretStr(str(tmp_path / "v.sqlite")), key=KEY)
    await store.start()
    await store.close()
    (found,) = await check_voices(settings(tmp_path / "v.sqlite"), ())
    assert found.verdict is Verdict.WARN and "voices.key is not set" in found.found
    (found,) = await check_voices(settings(tmp_path / "v.sqlite", key=SecretStr("hunter2")), ())
    assert "openssl" in found.found and "hunter2" not in found.found
