"""What of a clause is played, retried, faded and left to another voice, token by token; with a vocoder of sines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.base import SpeechRequest
from dragoman.errors import EngineCrashed, EngineCutShort, EngineError, EngineRejected

torch = pytest.importorskip("torch")

from dragoman.engines.tts.xtts import vocoder  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.check import FRAME, TOKEN_S  # noqa: E402
from dragoman.engines.tts.xtts.clause import ATTEMPTS, FADE, TAIL, BrokenOff, Clause, Item, Manner, Next, Order  # noqa: E402
from dragoman.engines.tts.xtts.inbox import Inbox  # noqa: E402
from dragoman.engines.tts.xtts.seam import Cut  # noqa: E402
from dragoman.engines.tts.xtts.speller import Piece  # noqa: E402

STOP = 999
TEXT = "forty characters of a rather plain text."


class SineVocoder:
    """A latent's first number is the loudness of its sound."""

    ar_mel_length_compression, output_hop_length = 1024, 256
    output_sample_rate, input_sample_rate = 24_000, 22_050

    waveform_decoder = None


@pytest.fixture(autouse=True, scope="module")
def sines() -> Iterator[None]:
    def generate(generator: None, frames: Any, embedding: Any, first: int, last: int) -> Any:
        level = frames[0, 0].repeat_interleave(256)
        return (level * torch.sin(torch.arange(len(level)) * 0.06))[None, first * 256 : last * 256]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocoder, "generate", generate)
        yield


@dataclass
class Speaking:
    """One clause, fed by hand."""

    texts: tuple[str, ...] = (TEXT,)
    self_check: bool = True
    items: list[Item] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rates: dict[str, tuple[float, float]] = field(default_factory=dict)
    follow: Any = None

    def __post_init__(self) -> None:
        self.order = Order(SpeechRequest(" ".join(self.texts), "en", "anna"), 0, self.items.append)
        pieces = [Piece(text, (1, 2)) for text in self.texts]
        manner = Manner(SineVocoder(), STOP, 500, 10, 16, self.self_check)
        self.clause = Clause(
            self.order, pieces, torch.zeros(32, 4), torch.zeros(1, 512, 1), manner, self.counts, self.rates
        )
        if self.follow is not None:
            self.clause.follow = self.follow
        self.token = 0

    def say(self, tokens: int, level: float = 0.2) -> Next:
        """So many different tokens."""
        then = Next.TOKEN
        for _ in range(tokens):
            self.token += 1
            then = self.hear(self.token % 900, level)
            if then is not Next.TOKEN:
                break
        return then

    def hear(self, token: int, level: float = 0.2) -> Next:
        then = self.clause.hear(token, torch.full((4,), level))
        if then is not Next.SOUND:
            return then
        window = self.clause.window
        return self.clause.take(
            np.zeros(0, np.float32) if window is None else vocoder.decode(SineVocoder(), [window])[0].numpy()
        )

    @property
    def sound(self) -> np.ndarray:
        pieces = [item for item in self.items if isinstance(item, np.ndarray)]
        return np.concatenate([np.zeros(0, np.int16), *pieces])


def test_a_piece_is_played_from_its_tenth_token_on_and_whole() -> None:
    made = Speaking()
    assert made.say(9) is Next.TOKEN
    assert made.items == []
    made.say(1)
    assert 0.15 < len(made.sound) / 24_000 < 10 * TOKEN_S
    made.say(45)
    assert made.hear(STOP) is Next.DONE
    assert made.items[-1] is None
    assert len(made.sound) / 24_000 == pytest.approx(56 * TOKEN_S, abs=0.02)
    assert made.rates["en"] == (len(TEXT), len(made.sound) / 24_000)


def test_pieces_follow_each_other_each_with_a_seed_of_its_own() -> None:
    made = Speaking((TEXT, "another text of about as many characters."))
    seed = made.clause.seed
    made.say(50)
    assert made.hear(STOP) is Next.PIECE
    assert made.clause.piece.text.startswith("another")
    assert made.clause.seed != seed
    made.say(50)
    assert made.hear(STOP) is Next.DONE
    assert len(made.sound) / 24_000 == pytest.approx(102 * TOKEN_S, abs=0.03)


def test_repetition_before_anything_is_heard_is_tried_again_with_another_seed() -> None:
    made = Speaking()
    seeds = {made.clause.seed}
    for _ in range(ATTEMPTS - 1):
        assert [made.hear(7) for _ in range(9)][-1] is Next.PIECE
        seeds.add(made.clause.seed)
    assert made.items == []
    assert len(seeds) == ATTEMPTS
    made.say(50)
    assert made.hear(STOP) is Next.DONE
    assert made.counts == {"self_check_retries": ATTEMPTS - 1}


def test_after_the_last_attempt_the_next_engine_is_asked() -> None:
    made = Speaking()
    for _ in range(ATTEMPTS):
        then = [made.hear(7) for _ in range(9)][-1]
    assert then is Next.DONE
    (error,) = made.items
    assert isinstance(error, EngineRejected) and "repetition" in str(error)


def broken_off(made: Speaking, played: int) -> tuple[np.ndarray, EngineCutShort]:
    """All that a listener hears who had taken so many samples when it broke off, and how it ended for him."""
    inbox, heard = Inbox(), []
    *sound, last = made.items
    for item in sound:
        inbox.put(item)
    while played and (taken := inbox.take(played)) is not None:
        played -= len(taken)
        heard.append(taken)
    inbox.put(last)
    with pytest.raises(EngineCutShort) as caught:
        while (taken := inbox.take(2400)) is not None:
            heard.append(taken)
    return np.concatenate([np.zeros(0, np.int16), *heard]), caught.value


def looping(made: Speaking, tokens: int = 26) -> BrokenOff:
    """It says so many tokens, and then the same one for ever."""
    made.say(tokens)
    while made.hear(7) is Next.TOKEN:
        pass
    assert isinstance(made.items[-1], BrokenOff)
    return made.items[-1]


def test_repetition_when_it_is_heard_fades_out_and_leaves_the_rest() -> None:
    made = Speaking((TEXT, "and the second piece."))
    looping(made)
    played = round(24 * TOKEN_S * 24_000)
    heard, error = broken_off(made, played)
    assert not heard[-TAIL:].any() and len(heard) <= 26 * TOKEN_S * 24_000 + FADE + TAIL + 1
    assert abs(int(heard[-TAIL - 1])) < 100 < np.abs(heard[-TAIL - 400 : -TAIL]).max()
    assert np.array_equal(heard[:played], made.sound[:played]), "what was played was played"
    assert error.rest.endswith("text. and the second piece.")
    assert made.counts == {"self_check_cut_short": 1, "cut_by_sound": 1}


class Known:
    """A Seam that knows."""

    def cut(self, played: int) -> Cut:
        return Cut(played + 1200, "what is known to be left.", 1.0)


def test_where_somebody_can_tell_where_it_is_that_counts_and_the_guess_does_until_then() -> None:
    asked: list[Any] = []
    made = Speaking((TEXT, "and the second piece."), follow=lambda *question: asked.append(question))
    guess = looping(made)
    assert guess.doubtful and made.counts == {"self_check_cut_short": 1}
    (sound, text, language, then) = asked[0]
    assert (text, language) == (TEXT, "en") and len(sound) <= 26 * TOKEN_S * 24_000 + 1
    early = Inbox()
    for item in made.items:
        early.put(item)
    assert early.doubtful and not early.over, "more of it may be played meanwhile"
    early.take(24_000)
    then(Known())
    assert made.counts == {"self_check_cut_short": 1}
    _, error = broken_off(made, 24_000)
    assert error.rest == "what is known to be left. and the second piece."
    early.settle()
    assert early.over and not early.doubtful
    early.put(made.items[-1])  # too late
    with pytest.raises(EngineCutShort) as caught:
        while early.take(2400) is not None:
            pass
    assert caught.value.rest != error.rest and caught.value.rest.endswith("and the second piece.")


def test_what_nobody_has_heard_yet_is_left_to_the_other_voice_whole() -> None:
    made = Speaking((TEXT, "and the second piece.", "and a third."))
    made.say(50)
    made.hear(STOP)
    first = len(made.sound)
    looping(made, 12)
    heard, error = broken_off(made, first - 5000)
    assert np.array_equal(heard, made.sound[:first])
    assert error.rest == "and the second piece. and a third."


def test_a_model_that_fails_leaves_what_was_not_heard() -> None:
    made = Speaking()
    made.say(26)
    made.clause.broken(EngineCrashed("xtts", "CUDA error"))
    heard, error = broken_off(made, len(made.sound))
    assert "CUDA error" in str(error) and len(heard) == len(made.sound) + TAIL
    assert TEXT.endswith(error.rest) and 0 < len(error.rest) < len(TEXT)


def test_the_rest_follows_the_rate_of_this_voice() -> None:
    rests = []
    for seconds in (1.5, 4.5):
        made = Speaking(rates={"en": (40.0, seconds)})
        looping(made)
        rests.append(broken_off(made, 28_000)[1].rest)
    assert len(rests[0]) < len(rests[1]), "who speaks faster has said more"


def test_a_later_piece_that_fails_before_it_is_heard_is_tried_again_and_then_left() -> None:
    made = Speaking((TEXT, "and the second piece.", "and a third."))
    made.say(50)
    made.hear(STOP)
    for _ in range(ATTEMPTS):
        then = [made.hear(7) for _ in range(9)][-1]
    assert then is Next.DONE
    error = made.items[-1]
    assert isinstance(error, EngineCutShort)
    assert error.rest == "and the second piece. and a third."


def test_leading_silence_is_held_until_a_sound_comes() -> None:
    made = Speaking()
    made.say(12, level=0.0)
    assert made.items == []
    made.say(40)
    made.hear(STOP)
    assert len(made.sound) / 24_000 == pytest.approx(53 * TOKEN_S, abs=0.03), "it is the trimmer's to cut"


def test_silence_at_the_beginning_is_tried_again() -> None:
    made = Speaking()
    assert made.say(60, level=0.0) is Next.PIECE
    assert made.counts == {"self_check_retries": 1}
    assert made.items == []


def test_a_piece_without_a_sound_is_tried_again() -> None:
    made = Speaking(("no...",))
    made.say(4, level=0.0)
    assert made.hear(STOP, 0.0) is Next.PIECE
    assert made.counts == {"self_check_retries": 1}


def test_numbers_that_are_none_are_never_played() -> None:
    made = Speaking()
    made.say(30)
    then = made.say(30, level=float("nan"))
    assert then is Next.DONE
    assert isinstance(made.items[-1], BrokenOff)
    heard, _ = broken_off(made, 24_000)
    assert np.abs(heard).max() < 0.25 * 32768


def test_unchecked_it_plays_what_comes_but_ends() -> None:
    made = Speaking(self_check=False)
    then = Next.TOKEN
    for _ in range(600):
        then = made.hear(7)
        if then is not Next.TOKEN:
            break
    assert then is Next.DONE
    assert made.items[-1] is None
    assert len(made.sound) / 24_000 < 13


TEXTS = (TEXT, "and the second piece.", "and a third one, which is the last of all of them.")

LEVELS = st.sampled_from([0.2, 0.2, 0.2, -0.3, 0.0, 1e-4, 1.3, 40.0, 1e30, float("nan"), float("inf")])
"""Of sound: speech, silence, whispers, noise, and what is no number."""

HAPPENS = st.one_of(
    st.tuples(st.just("says"), st.integers(1, 60), LEVELS),
    st.tuples(st.just("repeats"), st.integers(1, 40), st.integers(1, 8)),
    st.tuples(st.just("stops"), LEVELS),
    st.tuples(st.just("crashes")),
)


def happens(made: Speaking, what: tuple[Any, ...]) -> Next:
    """One thing after the other, each to the clause's end at most."""
    match what:
        case "says", tokens, level:
            return made.say(tokens, level)
        case "repeats", tokens, period:
            for number in range(tokens):
                if (then := made.hear(number % period)) is not Next.TOKEN:
                    break
            return then
        case "stops", level:
            return made.hear(STOP, level)
        case _:
            return made.clause.broken(EngineCrashed("xtts", "CUDA error"))


@settings(max_examples=150, deadline=None)
@given(st.lists(HAPPENS, max_size=12), st.integers(0, 120_000))
def test_whatever_fails_it_ends_once_and_each_piece_is_said_by_one_of_the_two_voices(
    story: list[tuple[Any, ...]], played: int
) -> None:
    made = Speaking(TEXTS)
    for what in [*story, ("crashes",)]:
        at = TEXTS.index(made.clause.piece.text)
        if happens(made, what) is Next.DONE:
            break
    inbox, error, loud = Inbox(), None, 0

    def take(most: int) -> int:
        nonlocal loud
        taken = inbox.take(most)
        loud += 0 if taken is None else int((np.abs(taken.astype(int)) > 0.7 * 32768).sum())
        return 0 if taken is None else len(taken)

    try:
        for item in made.items:
            assert not inbox.over, "nothing follows the end"
            inbox.put(item)
            while played and inbox.ready and (taken := take(played)):
                played -= taken
        while inbox.ready and take(2400):
            pass
    except EngineError as ended:
        error = ended
    assert inbox.over
    assert loud < FRAME, "of noise, no more is heard than is needed to know it"
    if error is None:
        assert made.items[-1] is None and at == len(TEXTS) - 1
    elif isinstance(error, EngineCutShort):
        left, later = " ".join(TEXTS[at:]), " ".join(TEXTS[at + 1 :])
        assert left.endswith(error.rest) and error.rest.endswith(later), (
            "what is left begins within the piece that failed"
        )
    else:
        assert not len(made.sound), "who has heard something is told what is left"


def test_noise_that_waits_when_something_else_ends_it_is_not_played_either() -> None:
    made = Speaking()
    made.say(26)
    for token in range(22):
        then = made.hear(7, 0.2 if token < 16 else 40.0)
    assert then is Next.DONE
    heard, _ = broken_off(made, 24_000)
    assert np.abs(heard.astype(int)).max() < 0.25 * 32768
