"""What the fake checks of a handshake, with the texts of the documentation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

KNOWN = frozenset(
    "model language version encoding sample_rate channels multichannel interim_results endpointing utterance_end_ms "
    "vad_events smart_format punctuate numerals profanity_filter redact replace search diarize diarize_model dictation "
    "detect_entities keyterm keywords language_hint mip_opt_out tag extra callback callback_method".split()
)
ENCODINGS = frozenset("linear16 linear32 flac alaw mulaw amr-nb amr-wb opus ogg-opus speex g729".split())
MODELS = re.compile(r"(nova-3|nova-2)(-[a-z]+)?")
LANGUAGE = re.compile(r"multi|[a-z]{2}(-[A-Za-z0-9]{2,4})?")
UNKNOWN_LANGUAGES = frozenset(("xx", "tlh"))
TOKENS = 500

ERRORS = {
    400: ("Bad Request", "Bad Request: {}"),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: ("ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request."),
    403: ("INSUFFICIENT_PERMISSIONS", "Insufficient permissions to make this request."),
    404: ("NOT_FOUND", "Not found."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later"),
    500: ("INTERNAL_SERVER_ERROR", "Internal server error."),
    503: ("SERVICE_UNAVAILABLE", "Service unavailable."),
}


class Refusal(Exception):
    """The handshake is answered with this status."""

    def __init__(self, status: int, detail: str = "", code: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        default_code, text = ERRORS.get(status, ("ERROR", "Error."))
        self.code = code or default_code
        self.text = text.format(detail)

    def body(self, request_id: str) -> str:
        return json.dumps({"err_code": self.code, "err_msg": self.text, "request_id": request_id})


@dataclass(frozen=True, slots=True)
class Query:
    """One stream's parameters."""

    model: str
    language: str
    sample_rate: int
    interim_results: bool
    endpointing_ms: int | None
    utterance_end_ms: int | None
    vad_events: bool
    tags: tuple[str, ...]
    values: dict[str, list[str]]
    """All of them as they came."""

    @property
    def leg(self) -> str:
        """The tag ``leg:…`` without its prefix, else the first tag, else nothing: what a script goes by."""
        legs = [tag.removeprefix("leg:") for tag in self.tags if tag.startswith("leg:")]
        return legs[0] if legs else self.tags[0] if self.tags else ""


def read(target: str, authorization: str, keys: frozenset[str] | None) -> Query:
    """Check path, key and parameters; ``keys`` None: any key.

    Raises:
        Refusal: with the status and the text.
    """
    url = urlsplit(target)
    if url.path != "/v1/listen":
        raise Refusal(404)
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() not in ("token", "bearer") or not key or (keys is not None and key not in keys):
        raise Refusal(401)
    values = parse_qs(url.query, keep_blank_values=True)

    def bad(name: str, want: str) -> Refusal:
        return Refusal(400, f"failed to process query parameter '{name}': {want}", "INVALID_QUERY_PARAMETER")

    def one(name: str, default: str) -> str:
        found = values.get(name, [default])
        if len(found) != 1:
            raise bad(name, "given more than once")
        return found[0]

    def flag(name: str) -> bool:
        value = one(name, "false")
        if value not in ("true", "false"):
            raise bad(name, f"expected true or false, not {value!r}")
        return value == "true"

    def number(name: str, low: int, high: int) -> int:
        value = one(name, str(low))
        if not value.isdigit() or not low <= int(value) <= high:
            raise bad(name, f"expected an integer from {low} to {high}, not {value!r}")
        return int(value)

    if unknown := values.keys() - KNOWN:
        raise bad(min(unknown), "unknown field")
    model, language = one("model", "nova-3"), one("language", "en")
    if not MODELS.fullmatch(model) or not LANGUAGE.fullmatch(language) or language in UNKNOWN_LANGUAGES:
        raise Refusal(400, "No such model/language/tier combination found.")
    encoding = one("encoding", "")
    if encoding not in ENCODINGS:
        raise bad("encoding", f"unknown encoding {encoding!r}")
    if "sample_rate" not in values:
        raise Refusal(400, "sample_rate is required when encoding is specified.")
    if encoding != "linear16" or number("channels", 1, 20) != 1:
        raise Refusal(400, "this fake hears one channel of linear16 only")
    interim = flag("interim_results")
    if "utterance_end_ms" in values and not interim:
        raise Refusal(400, "utterance_end_ms requires interim_results=true.")
    newest = model.startswith("nova-3")
    if "keyterm" in values and not newest:
        raise Refusal(400, "Keyterm prompting is only available for Nova-3. Use keywords instead.")
    if "keywords" in values and newest:
        raise Refusal(400, "Keywords are not supported for Nova-3. Please use keyterms instead.")
    if sum(len(term.split()) for term in values.get("keyterm", [])) > TOKENS:
        raise Refusal(400, f"Keyterm limit exceeded. The maximum number of tokens across all keyterms is {TOKENS}.")
    if "language_hint" in values and not (newest and language == "multi"):
        raise Refusal(400, "language_hint requires language=multi.")
    for name in ("smart_format", "punctuate", "mip_opt_out"):
        flag(name)
    endpointing = one("endpointing", "10")
    return Query(
        model,
        language,
        number("sample_rate", 8000, 48_000),
        interim,
        None if endpointing == "false" else number("endpointing", 1, 60_000) if "endpointing" in values else 10,
        number("utterance_end_ms", 1000, 5000) if "utterance_end_ms" in values else None,
        flag("vad_events"),
        tuple(values.get("tag", ())),
        values,
    )
