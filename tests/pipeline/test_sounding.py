"""Phones on loudspeaker in a conference: without the second line the room translates itself, with it it does not."""

from __future__ import annotations

import pytest
from tests.pipeline.fakes import FakeEngines, FakeSynthesizer
from tests.pipeline.hall import Hall, hall, translated, words
from tests.virtual_time import virtual_time

from dragoman.engines.base import Hypothesis, Translation, TranslationRequest, Word
from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.captions import CaptionKind, GapCause
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.echoed import FEW, FOLLOWS, FOLLOWS_LONG, FOLLOWS_PLAYED, Source
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.options import PipelineOptions
from dragoman.pipeline.pending import Pending
from dragoman.pipeline.sounding import CLAUSES, UTTERANCES, OwnWords, Sounding, end_of

pytestmark = virtual_time

OFF = PipelineOptions(drop_echoes=False)

ENGLISH = "we meet again on thursday at four"
SPANISH = "muy bien pues hasta el jueves"


class ThereAndBack:
    """FakeTranslator that gives ``es:hello`` back as ``hello``: what goes round and round stays the same words."""

    def __init__(self) -> None:
        self.requests: list[TranslationRequest] = []

    async def translate(self, request: TranslationRequest) -> Translation:
        self.requests.append(request)
        return Translation(" ".join(into(request.target, word) for word in request.text.split()), "brain")


def into(language: str, word: str) -> str:
    return word.removeprefix("es:").removeprefix("en:") if ":" in word else f"{language}:{word}"


def loudspeakers(place: Hall, *legs: tuple[str, str], frames: int = 10) -> None:
    """These phones (by tap, with their languages) send back what they hear, so many frames later."""
    for tap, language in legs:
        place.media.speakerphones[tap] = (place.booth_id(language), frames)


def engines() -> FakeEngines:
    found = FakeEngines(mouth=FakeSynthesizer(word=ms_to_samples(250)))
    found.translator = ThereAndBack()  # type: ignore[assignment]  # all that is used of it
    return found


async def test_without_it_two_loudspeakers_translate_each_other_for_ever() -> None:
    async with hall(engines(), OFF) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        loudspeakers(place, (ann.channel_id, "en"), (bea.channel_id, "es"))
        place.say(ann, ENGLISH)
        await place.passes(60)
        assert place.reporter.clauses["translated"] > 10


@pytest.mark.parametrize("frames", [4, 10, 18])
async def test_with_it_nothing_is_said_twice_and_everything_once(frames: int) -> None:
    async with hall(engines()) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        loudspeakers(place, (ann.channel_id, "en"), (bea.channel_id, "es"), frames=frames)
        place.say(ann, ENGLISH)
        await place.passes(10)
        place.say(bea, SPANISH)
        await place.passes(10)
        assert place.heard("es") == translated("es", ENGLISH)
        assert place.heard("en") == translated("en", SPANISH)
        totals = place.conference.totals()
        assert totals["echoes"] == 2
        assert totals["echoed_words"] == len(f"{ENGLISH} {SPANISH}".split())
        assert [state.speaking.echoed_words for state in place.conference.legs.values()] == [6, 7]


async def test_short_clauses_go_round_once_and_then_no_more() -> None:
    """Nothing is known of the phones when the first comes back."""
    async with hall(engines()) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        loudspeakers(place, (ann.channel_id, "en"), (bea.channel_id, "es"))
        for text in ("how are you", "fine and you", "see you soon", "thanks", "good bye"):
            place.say(ann, text)
            await place.passes(15)
        said = [clause for request in place.engines.translator.requests for clause in request.text.split()]
        assert said.count("es:how") == 1, "the first came back, once"
        assert place.heard("es")[-3:] == translated("es", "thanks good bye")
        assert place.heard("es").count("es:thanks") == place.heard("es").count("es:fine") == 1
        assert "es:thanks" not in said


async def test_a_leg_that_the_guard_knows_to_be_on_a_loudspeaker_needs_no_first_time() -> None:
    async with hall(engines()) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        loudspeakers(place, (bea.channel_id, "es"))
        place.media.legs[bea.channel_id].loudspeaker = True
        place.say(ann, "how are you")
        await place.passes(10)
        assert place.heard("en") == []
        assert place.reporter.clauses["translated"] == 1


async def test_who_repeats_what_the_booth_said_is_translated() -> None:
    async with hall(engines()) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "six five four one two three")
        spoken = translated("es", "six five four one two three")
        while place.heard("es") != spoken:
            await place.passes(0.02)
        await place.passes(0.1)  # as fast as anybody could
        place.say(bea, " ".join(spoken))
        await place.passes(6)
        assert place.heard("en") == "six five four one two three".split()
        assert place.conference.totals()["echoes"] == 0


async def test_what_one_says_over_the_echo_is_his_and_is_translated() -> None:
    async with hall(engines()) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        loudspeakers(place, (bea.channel_id, "es"))
        place.say(ann, ENGLISH)
        while len(place.heard("es")) < 7:
            await place.passes(0.02)
        place.say(bea, "perdone que jueves")  # before it has ended, in one utterance with it
        await place.passes(6)
        assert place.heard("en") == translated("en", "perdone que jueves")
        assert place.conference.totals()["echoes"] == 1


async def test_two_of_one_language_on_loudspeakers_are_not_translated_twice() -> None:
    """What Ann says is heard, and sent back, by Amy's phone."""
    async with hall(engines()) as place:
        ann, amy = place.join("ann", "en"), place.join("amy", "en")
        place.join("bea", "es")
        place.media.speakerphones[amy.channel_id] = (ann.channel_id, 8)
        place.say(ann, ENGLISH)
        await place.passes(8)
        requests = place.engines.translator.requests
        assert [request.text for request in requests] == [ENGLISH] * 2, "it may be that both say it"
        place.say(ann, "is that a good day")
        await place.passes(8)
        assert [request.text for request in requests[2:]] == ["is that a good day"]


async def test_readers_are_told_that_something_was_left_out_and_never_read_it() -> None:
    async with hall(engines()) as place:
        readers = [place.read("es"), place.read("en")]
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        loudspeakers(place, (bea.channel_id, "es"))
        place.say(ann, ENGLISH)
        await place.passes(10)
        for reader in readers:
            (gap,) = reader.of(CaptionKind.GAP)
            assert (gap.cause, gap.speaker) == (GapCause.ECHO, "Bea")
            assert gap.note == "an echo is left out: 7 of the words that Bea's phone was played"
            assert gap.start_unix < gap.end_unix
        known = len(readers[0].captions)
        place.say(ann, "is that a good day for you")
        await place.passes(10)
        assert words(readers[0].texts()) == translated("es", ENGLISH, "is that a good day for you")
        partials = [caption.text for caption in readers[0].captions[known:] if caption.kind is CaptionKind.PARTIAL]
        assert partials
        assert max(len(text.split()) for text in partials) <= 2, "until it is known what it is"


async def test_a_room_that_ends_leaves_nothing_behind() -> None:
    async with hall(engines()) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, ENGLISH)
        await place.passes(10)
        sounding = place.conference._sounding
        assert sounding._booths and sounding._voices
        place.leave(ann)
        place.leave(bea)
        await place.passes(30)
        assert not sounding._booths and not sounding._voices


def test_what_is_kept_is_bounded() -> None:
    sounding, place = Sounding(), ("1000", "es")
    for number in range(2 * CLAUSES):
        sounding.spoken(place, clause(float(number), number + 0.5))
    assert len(sounding.played(place, "bea", Source.BOOTH, -1.0)) == CLAUSES
    voice = sounding.voice(place, "eva")
    for number in range(2 * UTTERANCES):
        voice.hear(said(f"w{number}", final=True), 0.0)
    assert len(sounding.played(place, "bea", Source.OTHERS, -1.0)) == UTTERANCES
    assert sounding.played(place, "eva", Source.OTHERS, -1.0) == [], "nobody hears himself"
    assert sounding.played(("1000", "en"), "bea", Source.OTHERS, -1.0) == []


def test_where_a_clause_ends_is_foreseen_while_it_sounds_and_known_behind_it() -> None:
    sounds = clause(10.0, None)
    assert end_of(sounds, 0.1) == pytest.approx(11.2)
    sounds.load.given, sounds.load.whole = ms_to_samples(1500), True
    assert end_of(sounds, 0.1) == pytest.approx(11.5)
    sounds.times.played, sounds.hush = 12.0, 0.3
    assert end_of(sounds, 0.1) == pytest.approx(11.7)


def test_a_clause_that_sounds_is_taken_to_be_as_fast_as_the_one_before() -> None:
    sounding, place = Sounding(), ("1000", "es")
    sounding.spoken(place, clause(10.0, 13.0))
    sounding.spoken(place, clause(20.0, None))
    assert [stretch.end for stretch in sounding.played(place, "bea", Source.BOOTH, 0.0)] == [13.0, 23.0]
    assert [stretch.start for stretch in sounding.played(place, "bea", Source.BOOTH, 15.0)] == [20.0]


def test_what_was_counted_is_not_counted_again() -> None:
    sounding, audio = Sounding(), Audio()
    sounding.spoken(("1000", "es"), clause(10.0, 13.0, "uno dos tres cuatro cinco seis"))
    own = OwnWords(sounding, ("1000", "es"), "bea")
    (stretch,) = sounding.played(("1000", "es"), "bea", Source.BOOTH, 0.0)
    words = [Word(word.text, at(word.start + 0.2), at(word.end + 0.2)) for word in stretch.words]
    told = Hypothesis(tuple(words), True, True, at(14.0))
    first, dropped = own.take(told, audio, 14.0)
    again, nothing = own.take(told, audio, 14.1)
    assert first.words == again.words == ()
    assert dropped is not None and nothing is None
    assert (dropped.words, dropped.source) == (6, Source.BOOTH)
    assert dropped.known_by == {"source": "booth", "delay_ms": 200}
    assert (dropped.start, dropped.delay) == (pytest.approx(10.2, abs=0.01), pytest.approx(0.2, abs=0.01))
    assert (own.echoes, own.echoed_words) == (1, 6)


def test_at_the_delay_that_the_guard_measured_one_word_of_a_booth_is_enough() -> None:
    for delay, left in ((None, 1), (0.43, 0)):
        sounding, audio = Sounding(), Audio()
        audio.loudspeaker, audio.echo_delay = True, delay
        sounding.spoken(("1000", "es"), clause(8.7, 11.5, "nuestra fabrica vendio mas motores que nunca"))
        own = OwnWords(sounding, ("1000", "es"), "bea")
        told = Hypothesis((Word("nuestra", at(9.12), at(9.73)),), True, True, at(10.0))
        assert len(own.take(told, audio, 14.0)[0].words) == left


@pytest.mark.parametrize(
    ("words", "loudspeaker", "likeness", "played", "left"),
    [
        (1, True, FOLLOWS, "", 0),
        (FEW, True, FOLLOWS, "", 0),
        (FEW + 1, True, FOLLOWS, "", FEW + 1),
        (FEW + 1, True, FOLLOWS_LONG, "", 0),
        (1, True, FOLLOWS - 0.01, "", 1),
        (1, False, FOLLOWS, "", 1),
        (3, True, FOLLOWS_PLAYED, "uno nada tres", 0),
        (3, True, FOLLOWS_PLAYED, "uno dos tres", 3),
        (3, True, FOLLOWS_PLAYED - 0.01, "uno nada tres", 3),
    ],
)
def test_words_that_sound_like_the_echo_are_one_whatever_they_say(
    words: int, loudspeaker: bool, likeness: float, played: str, left: int
) -> None:
    sounding, audio = Sounding(), Audio()
    audio.loudspeaker, audio.likeness = loudspeaker, likeness
    if played:
        sounding.spoken(("1000", "es"), clause(8.0, 11.0, played))
    own = OwnWords(sounding, ("1000", "es"), "bea")
    said = ("jamas", "nada", "nunca", *[f"{number}" for number in range(words)])[:words]
    heard = tuple(Word(word, at(9 + number), at(9.5 + number)) for number, word in enumerate(said))
    kept, dropped = own.take(Hypothesis(heard, True, True, at(20.0)), audio, 20.0)
    assert len(kept.words) == left
    assert dropped is None or (dropped.words, dropped.source, dropped.delay) == (words, None, None)
    assert dropped is None or dropped.known_by == {"source": "sound"}
    assert (dropped is None) == (left > 0)
    assert own.echoed_words == words - left
    if loudspeaker:
        assert audio.asked == (at(9.0), at(8.5 + words))


@pytest.mark.parametrize(("likeness", "left"), [(FOLLOWS - 0.01, ["gracias"]), (FOLLOWS, [])])
def test_a_reply_just_behind_an_echo_is_judged_by_its_own_sound(likeness: float, left: list[str]) -> None:
    sounding, audio = Sounding(), Audio()
    audio.loudspeaker, audio.likeness, audio.echo_delay = True, likeness, 0.28
    sounding.spoken(("1000", "es"), clause(8.0, 9.5))
    own = OwnWords(sounding, ("1000", "es"), "bea")
    words = (Word("dos", at(8.8), at(9.2)), Word("tres", at(9.3), at(9.7)), Word("gracias", at(9.9), at(10.3)))
    kept, dropped = own.take(Hypothesis(words, True, True, at(10.5)), audio, 10.5)
    assert [word.text for word in kept.words] == left
    assert audio.asked == (at(9.9), at(10.3)), "not over the echo as well"
    assert dropped is not None and dropped.words == 3 - len(left)


def at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


class Audio:
    """What is asked of a leg's audio."""

    loudspeaker = False
    echo_delay: float | None = None
    likeness = 0.0

    def time_of(self, sample: int) -> float:
        return sample / SAMPLE_RATE

    def echo_likeness(self, start: int, stop: int) -> float:
        self.asked = (start, stop)
        return self.likeness


def clause(sent: float, played: float | None, text: str = "uno dos tres") -> Pending:
    """One that was spoken at a booth."""
    times = ClauseTimes(0.0, 0.0, 0.0, 0.0, sent=sent, played=played)
    return Pending(Clause("ann", 1, "en", "one two three", 0, 1), times, Translation(text, "brain"))


def said(text: str, *, final: bool) -> Hypothesis:
    return Hypothesis((Word(text, 100, 200),), final, final, 200)
