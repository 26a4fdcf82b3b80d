"""What Deepgram's refusals and closes mean for us, and what to do about them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.engines.asr.deepgram_settings import NAME
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected

_DENIED = {
    401: "the API key is not valid: set engines.options.deepgram.api_key (or api_key_file, or $DEEPGRAM_API_KEY)",
    402: "the account has no credit left: add some at console.deepgram.com",
    403: "the API key may not do this: give it the role Member, or the project this model, at console.deepgram.com",
}

_LONGEST_TEXT = 300
"""Characters of what the provider says that go into an error: a sentence or two, not a page of HTML."""


def refused(status: int, headers: Mapping[str, str]) -> EngineError:
    """The handshake was answered with an HTTP status other than 101; ``headers`` of that answer."""
    said = headers.get("dg-error", "").strip()[:_LONGEST_TEXT]
    text = f"HTTP {status}" + (f": {said}" if said else "")
    if request_id := headers.get("dg-request-id"):
        text += f" (request {request_id[:64]})"
    if status in _DENIED:
        return EngineDenied(NAME, f"{_DENIED[status]} [{text}]")
    if status == 429:
        return EngineBusy(NAME, f"too many streams or requests: lower max_streams [{text}]", _retry_after(headers))
    if status >= 500:
        return EngineBusy(NAME, f"the service fails [{text}]", _retry_after(headers))
    if status == 404:
        return EngineRejected(NAME, f"no such service there: check base_url [{text}]")
    return EngineRejected(NAME, f"the stream is refused [{text}]")


def closed(code: int, reason: str) -> EngineCrashed:
    """The provider closed the stream, or the connection broke (1006)."""
    said = reason.strip()[:_LONGEST_TEXT]
    return EngineCrashed(NAME, f"the stream was closed: {code}" + (f" {said}" if said else ""))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the other form, a date, is not used by this provider."""
    value = headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
