"""What an engine raises or gives beside its protocol becomes EngineCrashed with its name; the rest passes as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from dragoman.engines.base import Hypothesis, Translation, Word
from dragoman.engines.faults import crashes_of, loading, sound_of, text_of, words_of
from dragoman.errors import EngineCrashed, EngineRejected, EngineTimeout, EngineUnavailable


def test_what_goes_well_goes_through() -> None:
    with crashes_of("ears"):
        done = True
    assert done


def test_a_bug_of_the_engine_is_told_with_its_name_and_its_cause() -> None:
    bug = KeyError("words")
    with pytest.raises(EngineCrashed, match="KeyError: 'words'") as caught, crashes_of("ears"):
        raise bug
    assert caught.value.engine == "ears"
    assert caught.value.__cause__ is bug


@pytest.mark.parametrize("error", [EngineRejected("ears", "no"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_the_protocol_allows_and_what_is_no_fault_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, crashes_of("ears"):
        raise error
    assert caught.value is error


def test_a_timeout_is_the_callers_where_he_has_a_deadline_and_else_the_engines() -> None:
    with pytest.raises(TimeoutError) as caught, crashes_of("ears"):
        raise TimeoutError("late")
    assert type(caught.value) is TimeoutError
    with pytest.raises(EngineTimeout, match="late"), crashes_of("ears", deadline=False):
        raise TimeoutError("late")
    with pytest.raises(EngineTimeout, match="a deadline of its own passed"), crashes_of("ears", deadline=False):
        raise TimeoutError


def test_a_package_that_is_missing_at_start_is_for_the_operator_to_install() -> None:
    with pytest.raises(EngineUnavailable, match=r"toy: a package that it needs .*No module named 'no_such'.*install"):
        with loading("toy"):
            import no_such  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(EngineCrashed, match="KeyError"), loading("toy"):
        raise KeyError("model")
    with pytest.raises(EngineTimeout, match="late"), loading("toy"):
        raise TimeoutError("late")


def test_what_an_engine_has_to_give_passes_as_it_is() -> None:
    pcm, word = np.zeros(5, np.int16), Word("a", 0, 1)
    assert sound_of("toy", pcm) is pcm
    for words in ((), (word,)):
        hypothesis = Hypothesis(words, True, True, 1)
        assert words_of("toy", hypothesis) is hypothesis
    assert text_of("toy", translation := Translation("", "toy")) is translation


@pytest.mark.parametrize(
    ("look", "given", "says"),
    [
        (sound_of, b"\0\0", "gave bytes, not mono int16"),
        (sound_of, [0, 0], "gave list, not mono"),
        (sound_of, np.zeros(5, np.float32), "gave ndarray of 1 x float32, not mono int16 at 16 kHz"),
        (sound_of, np.zeros((5, 2), np.int16), "gave ndarray of 2 x int16"),
        (words_of, "hello", "gave str, not a Hypothesis"),
        (words_of, Hypothesis(None, True, True, 0), "no tuple of Word"),  # type: ignore[arg-type]  # the fault
        (words_of, Hypothesis(("a",), True, True, 0), "no tuple of Word"),  # type: ignore[arg-type]  # the fault
        (words_of, Hypothesis((Word(None, 0, 1),), True, True, 0), "text is no text"),  # type: ignore[arg-type]  # the fault
        (words_of, Hypothesis((Word("a", 0, None),), True, True, 0), "no numbers"),  # type: ignore[arg-type]  # the fault
        (words_of, Hypothesis((Word("a", 0, float("nan")),), True, True, 0), "no numbers"),  # type: ignore[arg-type]  # too
        (words_of, Hypothesis((), True, True, None), "no numbers"),  # type: ignore[arg-type]  # the fault
        (text_of, None, "gave NoneType, not a Translation"),
        (text_of, "hola", "gave str, not a Translation"),
        (text_of, Translation(None, "toy"), "text is NoneType"),  # type: ignore[arg-type]  # the fault
    ],
)
def test_what_is_something_else_is_named_by_its_engine(
    look: Callable[[str, object], object], given: object, says: str
) -> None:
    with pytest.raises(EngineCrashed, match=f"^toy: .*{says}"):
        look("toy", given)


def test_half_of_a_surrogate_pair_does_not_get_in() -> None:
    heard = words_of("toy", Hypothesis((Word("a", 0, 1), Word("b\ud800", 1, 2)), True, True, 2))
    assert [word.text for word in heard.words] == ["a", "b\ufffd"]
    assert text_of("toy", Translation("\udc00 hola", "toy")).text == "\ufffd hola"
