from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import DaemonFactory, PhoneFactory, room_uri
from tests.e2e.talking import BY_BOOTH, HIMSELF, heard, mic
from tests.tonewords.code import translate, words
from tests.tonewords.verdict import judge

from dragoman.telephony.pbx import Pbx


async def test_two_languages_each_hears_the_other_once_and_in_order(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    daemon = await daemon_factory()
    said = {"a": words("a", "en", 5), "b": words("b", "es", 5, first=20)}
    alice = await phone_factory("Alice", mic(tmp_path / "a.wav", (3, said["a"]), (10, words("a", "en", 4, first=50))))
    berta = await phone_factory("Berta", mic(tmp_path / "b.wav", (6, said["b"])))
    await alice.dial(room_uri(pbx, "1000*44"))
    await berta.dial(room_uri(pbx, "1000*34"))
    await daemon.legs("1000", 2)
    async with daemon.captions("1000", "es") as captions:
        await captions.until(lambda seen: len(seen.of("spoken")) == 2)
        await daemon.quiet("1000")
    for phone in (alice, berta):
        await phone.stop()
    expected = said["a"] + words("a", "en", 4, first=50)
    spanish = translate(" ".join(expected), "es").split()
    english = translate(" ".join(said["b"]), "en").split()
    judge(heard(berta.heard), {BY_BOOTH["a"]: spanish}, ignore=[HIMSELF["a"]]).check()
    judge(heard(alice.heard), {BY_BOOTH["b"]: english}, ignore=[HIMSELF["b"]]).check()
