"""What is said to DeepL's ``/v2/translate`` and what its answers mean. Pure.

API reference: developers.deepl.com/api-reference/translate; status codes: .../docs/best-practices/error-handling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dragoman.engines.http_answers import one_line, retry_after
from dragoman.engines.mt.deepl_languages import Listed
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected
from dragoman.writing import joined_clauses

NAME = "deepl"

TOO_LARGE = 413
"""RFC 9110 section 15.5.14."""

MAX_REQUEST = 128 * 1024
"""Bytes of a request's body (https://developers.deepl.com/api-reference/translate)."""

QUOTA = 456
"""DeepL's own status: the characters of the billing period are used up."""

MAX_CONTEXT = 1_500
"""Characters of context: three long clauses are fewer. Context is neither translated nor billed, but it is read."""

KEY_HELP = (
    "set engines.options.deepl.auth_key, auth_key_file or $DEEPL_AUTH_KEY to a key of your DeepL API account "
    "(a key that ends in :fx is of the free plan)"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A translation as DeepL gives it; ``billed`` characters are 0 where it does not say."""

    text: str
    billed: int = 0
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none: HTTP status, the server's words, what it asks us to wait (s), its trace id."""

    status: int
    message: str
    retry_after: float | None = None
    trace: str | None = None


def translate_body(
    text: str,
    source: str,
    target: str,
    *,
    context: tuple[str, ...] = (),
    careful: bool = False,
    formality: str | None = None,
    glossary: str | None = None,
) -> dict[str, object]:
    """The body for one clause; ``source`` and ``target`` are DeepL's codes, ``context`` is oldest first."""
    body: dict[str, object] = {
        "text": [text],
        "source_lang": source,
        "target_lang": target,
        # One clause, however it is punctuated: never to be cut and translated in pieces.
        "split_sentences": "0",
        "preserve_formatting": False,
        # "prefer": "quality_optimized" alone is refused for a pair that has no such model.
        "model_type": "prefer_quality_optimized" if careful else "latency_optimized",
        "show_billed_characters": True,
    }
    if said := joined_clauses(context)[-MAX_CONTEXT:]:
        body["context"] = said
    if formality:
        body["formality"] = formality
    if glossary:
        body["glossary_id"] = glossary
    return body


def parse_answer(data: bytes) -> Answer:
    """The one translation of a 200.

    Raises:
        EngineCrashed: it is not what the API promises (a proxy in between, a cut body).
    """
    try:
        answer = json.loads(data)
        (only,) = answer["translations"]
        text, billed, model = only["text"], only.get("billed_characters", 0), only.get("model_type_used")
    except KeyError:  # an error told with the wrong status; any other answer may hold what somebody said
        raise EngineCrashed(NAME, f"the answer is no translation: {_message(data) or f'{len(data)} bytes'}") from None
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise EngineCrashed(NAME, f"the answer is no translation: {len(data)} bytes") from None
    if not isinstance(text, str) or not _encodable(text):
        raise EngineCrashed(NAME, "the answer holds no text")
    return Answer(
        text,
        billed if isinstance(billed, int) and billed >= 0 else 0,
        model if isinstance(model, str) else None,
    )


def said_in(data: bytes | None) -> list[str]:
    """What somebody said, in a body that ``translate_body`` made; of any other request nothing."""
    if data is None:
        return []
    body = json.loads(data)
    return [*body.get("text", ()), body.get("context", "")]


def parse_languages(data: bytes) -> Listed:
    """The list of ``/v3/languages?resource=translate_text``.

    Raises:
        EngineCrashed: it is none.
    """
    try:
        languages = [
            (str(each["lang"]).upper(), each["usable_as_source"], each["usable_as_target"], each.get("features") or ())
            for each in json.loads(data)
        ]
        listed = Listed(
            frozenset(code for code, source, _, _ in languages if source),
            frozenset(code for code, _, target, _ in languages if target),
            frozenset(code for code, _, target, features in languages if target and "formality" in features),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise EngineCrashed(NAME, "the answer is no list of languages") from None
    if not listed.targets or not listed.sources:
        raise EngineCrashed(NAME, "the list of languages is empty")
    return listed


def parse_refusal(status: int, data: bytes, headers: Mapping[str, str], unix_now: float) -> Refusal:
    """What an answer with another status than 200 says; never raises."""
    return Refusal(
        status,
        _message(data),
        retry_after(headers.get("Retry-After"), unix_now),
        headers.get("X-Trace-ID", "")[:64] or None,
    )


def error_of(refusal: Refusal) -> EngineError:
    """The error of our tree that a refusal is; what it tells is meant for the operator."""
    status = refusal.status
    said = f"{status} {refusal.message}".strip()
    if refusal.trace:
        said += f" (X-Trace-ID {refusal.trace})"
    if status in (401, 402, 403):
        return EngineDenied(NAME, f"the key is refused: {said}: {KEY_HELP}")
    if status == QUOTA:
        return EngineDenied(
            NAME, f"the quota is used up: {said}: raise the limit or change the plan in your DeepL account"
        )
    if status in (408, 429) or status >= 500:
        return EngineBusy(NAME, said, refusal.retry_after)
    if status == TOO_LARGE:
        return EngineRejected(
            NAME,
            f"the request is too large: {said}: DeepL takes {MAX_REQUEST >> 10} KiB and a clause has a few, so see "
            "whether a proxy in between takes less",
        )
    if 400 <= status:
        return EngineRejected(NAME, said)
    return EngineCrashed(NAME, f"an answer that DeepL does not give: {said}")  # a redirect: a wrong server_url


def _message(data: bytes) -> str:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return one_line(data.decode("utf-8", "replace"))
    if not isinstance(answer, dict):
        return ""
    parts = [answer.get("message"), answer.get("detail")]
    return one_line("; ".join(part for part in parts if isinstance(part, str) and part))


def _encodable(text: str) -> bool:
    """JSON can hold lone surrogates, which nothing behind us could send or store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
