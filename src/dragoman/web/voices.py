"""What is served of voices: profiles, enrolment, caller ids and enrolment codes."""

from __future__ import annotations

import asyncio
import re
import time

from aiohttp import hdrs, web
from pydantic import ValidationError

from dragoman.admin.tokens import Scope
from dragoman.enrolment.decode import Unreadable
from dragoman.enrolment.model import CLIPS_NEEDED, CLIPS_TAKEN, Consent, Defaults, Order, SentClip
from dragoman.enrolment.ports import Changes
from dragoman.errors import ClipRejected, ProfileConflict, ProfileInvalid
from dragoman.languages import LANGUAGES as KNOWN
from dragoman.web import upload
from dragoman.web.openapi import AUDIT, Nothing
from dragoman.web.problem import Problem, invalid
from dragoman.web.routes import LANGUAGES, api
from dragoman.web.voice_desk import COMMON, PREVIEWS, PROGRESS, desk_of, no_profile, place_of
from dragoman.web.voice_models import (
    ClipForm,
    Deleted,
    EnrolmentInfo,
    ImportForm,
    LikenessInfo,
    Page,
    PreviewGiven,
    ProfileChange,
    ProfileFields,
    ProfileForm,
    ProfileInfo,
    ProfilePath,
    Profiles,
    enrolment_info,
    profile_head,
    profile_info,
)

PROFILE = upload.Kind("an exported profile", re.compile(rb"PK\x03\x04"), 96 * 1024 * 1024)
"""What ``export`` gives: a ZIP. CLIPS_TAKEN clips of 60 s at 24 kHz in 16 bits are 58 MB."""

PROFILES = "/api/voice-profiles"
FORM = "multipart/form-data"


@api.send(
    "POST",
    PROFILES,
    summary="Enrol a person",
    body=ProfileForm,
    body_type=FORM,
    status=202,
    answer=EnrolmentInfo,
    problems=(*COMMON, 408, 413, 415, 422),
    links={"profile": "id", "enrolment": "id", "delete_profile": "id"},
    access=Scope.ENROL,
)
async def enrol(request: web.Request, params: Nothing) -> web.StreamResponse:
    """Takes three or more clips. What is wrong with each is told by the enrolment, which this answer names.

    The clips are examined after this answer; a profile comes of them if three are good. Follow ``/progress``.
    """
    async with place_of(request) as place:
        texts = frozenset(ProfileFields.model_fields)
        form = await upload.receive(request, place.folder, {"clip": upload.AUDIO}, texts)
        fields = _fields(form)
        if not CLIPS_NEEDED <= len(form.files) <= CLIPS_TAKEN:
            raise Problem(422, f"body.clip: {len(form.files)} clips; {CLIPS_NEEDED} to {CLIPS_TAKEN} are taken.")
        await request.app[AUDIT](request, "enrol a person", ProfilePath(id=place.id))
        order = Order(
            name=fields.name,
            language=fields.language,
            consent=Consent(fields.consent_who, fields.consent_text, time.time()),
            clips=tuple(SentClip(file.name, file.path) for file in form.files),
            defaults=Defaults(fields.speed, fields.pitch, fields.gain_db),
            callers=tuple(fields.caller),
        )
        info = enrolment_info(place.submit(order))
        return web.Response(
            status=202,
            text=info.model_dump_json(),
            content_type="application/json",
            headers={hdrs.LOCATION: f"{PROFILES}/{place.id}/enrolment"},
        )


@api.get(
    f"{PROFILES}/{{id}}/enrolment",
    summary="How an enrolment is getting on",
    params=ProfilePath,
    answer=EnrolmentInfo,
    access=Scope.ENROL,
    problems=(*COMMON, 404, 422),
)
async def enrolment(request: web.Request, params: ProfilePath) -> EnrolmentInfo:
    """Also how it ended, as long as the daemon runs and remembers it."""
    found = desk_of(request).status(params.id)
    if found is None:
        raise _no_enrolment(params.id)
    return enrolment_info(found)


@api.get(
    f"{PROFILES}/{{id}}/progress",
    summary="How an enrolment is getting on, as server-sent events",
    params=ProfilePath,
    headers={"Last-Event-ID": "Number of the last event had: those after it are sent"},
    answer=EnrolmentInfo,
    media_type="text/event-stream",
    access=Scope.ENROL,
    problems=(*COMMON, 404, 422),
)
async def progress(request: web.Request, params: ProfilePath) -> web.StreamResponse:
    """Events are named by the state, numbered, carry an EnrolmentInfo as JSON, and end with the enrolment."""
    if desk_of(request).status(params.id) is None:
        raise _no_enrolment(params.id)
    return await request.app[PROGRESS].serve(request, params.id)


@api.get(
    PROFILES,
    summary="The voice profiles",
    params=Page,
    answer=Profiles,
    access=Scope.ENROL,
    problems=(*COMMON, 422),
)
async def profiles(request: web.Request, params: Page) -> Profiles:
    """In a steady order; ask for the next part with ``offset``."""
    found = await desk_of(request).voices.list(params.offset, params.limit)
    return Profiles(profiles=[profile_head(view) for view in found])


@api.get(
    f"{PROFILES}/{{id}}",
    summary="A profile",
    params=ProfilePath,
    answer=ProfileInfo,
    access=Scope.ENROL,
    problems=(*COMMON, 404, 422),
)
async def profile(request: web.Request, params: ProfilePath) -> ProfileInfo:
    """404 as well while its enrolment is under way."""
    found = await desk_of(request).voices.get(params.id)
    if found is None:
        raise no_profile(params.id)
    return profile_info(found)


@api.send(
    "PATCH",
    f"{PROFILES}/{{id}}",
    summary="Change a profile",
    audit="change a profile",
    params=ProfilePath,
    body=ProfileChange,
    answer=ProfileInfo,
    problems=(*COMMON, 404, 413, 415, 422),
)
async def change_profile(request: web.Request, params: ProfilePath, body: ProfileChange) -> ProfileInfo:
    """Name, default parameters, caller ids. Whoever speaks gets it from his next clause on."""
    voices = desk_of(request).voices
    found = await voices.get(params.id)
    if found is not None:
        defaults = body.defaults.over(found.defaults) if body.defaults else None
        callers = None if body.callers is None else tuple(dict.fromkeys(body.callers))
        found = await voices.change(params.id, Changes(body.name, defaults, callers))
    if found is None:
        raise no_profile(params.id)
    return profile_info(found)


@api.send(
    "DELETE",
    f"{PROFILES}/{{id}}",
    summary="Delete a profile",
    audit="delete a profile",
    params=ProfilePath,
    answer=Deleted,
    problems=(*COMMON, 404, 422),
)
async def delete_profile(request: web.Request, params: ProfilePath) -> Deleted:
    """Ends its enrolment, if that is under way. Nothing of it is left anywhere then; the answer says what went."""
    desk = desk_of(request)
    gone = ["the enrolment under way, with its clips"] if await desk.cancel(params.id) else []
    stored = await desk.voices.delete(params.id)
    if stored is None and not gone:
        raise no_profile(params.id)
    desk.forget(params.id)
    return Deleted(id=params.id, deleted=[*gone, *(stored or ())])


@api.send(
    "POST",
    f"{PROFILES}/{{id}}/verify",
    summary="Whether a clip is of the profile's owner",
    access=Scope.ENROL,
    audit="compare with a profile",
    params=ProfilePath,
    body=ClipForm,
    body_type=FORM,
    answer=LikenessInfo,
    problems=(*COMMON, 404, 408, 413, 415, 422),
)
async def verify(request: web.Request, params: ProfilePath) -> LikenessInfo:
    """Nothing of the clip is kept."""
    desk = desk_of(request)
    found = await desk.voices.fetch(params.id)
    if found is None:
        raise no_profile(params.id)
    async with place_of(request) as place:
        file = _one_file(await upload.receive(request, place.folder, {"clip": upload.AUDIO}, frozenset()), "clip")
        place.arrived()
        clip = await desk.read(file.name, file.path)
        if isinstance(clip, Unreadable):
            raise Problem(422, f"{clip.name}: {clip.why}.", file=clip.name)
        try:
            likeness = await desk.compute(desk.voices.likeness, found, clip)
        except ClipRejected as error:
            raise Problem(422, f"{clip.name}: {error}.", file=clip.name) from None
    return LikenessInfo(
        similarity=round(likeness.similarity, 4), threshold=round(likeness.threshold, 4), same=likeness.same
    )


@api.send(
    "POST",
    f"{PROFILES}/{{id}}/preview",
    summary="Hear a voice",
    access=Scope.ENROL,
    audit="preview a voice",
    params=ProfilePath,
    body=PreviewGiven,
    answer=bytes,
    media_type="audio/wav",
    problems=(*COMMON, 404, 413, 415, 422),
)
async def preview(request: web.Request, params: ProfilePath, body: PreviewGiven) -> web.StreamResponse:
    """A WAV (16 kHz, mono, 16 bits) that is sent while it is made, so its header does not tell the length."""
    offered = request.app[LANGUAGES]
    if body.language not in offered:
        raise Problem(422, f"body.language: choose one of {', '.join(offered)}.", languages=list(offered))
    if await desk_of(request).voices.get(params.id) is None:
        raise no_profile(params.id)
    return await request.app[PREVIEWS].serve(request, params.id, body.text, body.language)


@api.get(
    f"{PROFILES}/{{id}}/export",
    summary="A profile as one file",
    access=Scope.ADMIN,
    audit="export a profile",
    params=ProfilePath,
    answer=bytes,
    media_type="application/zip",
    problems=(*COMMON, 404, 422),
)
async def export_profile(request: web.Request, params: ProfilePath) -> web.StreamResponse:
    """Holds the clips and the consent in the clear, whatever the store does: keep it as one keeps a recording."""
    data = await desk_of(request).voices.export(params.id)
    if data is None:
        raise no_profile(params.id)
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{params.id}.zip"'}
    return web.Response(body=data, content_type="application/zip", headers=headers)


@api.send(
    "POST",
    "/api/voice-profile-imports",
    summary="Take in an exported profile",
    audit="import a profile",
    body=ImportForm,
    body_type=FORM,
    status=201,
    answer=ProfileInfo,
    problems=(*COMMON, 408, 409, 413, 415, 422),
)
async def import_profile(request: web.Request, params: Nothing) -> ProfileInfo:
    """Keeps its id; 409 if a profile has it already."""
    async with place_of(request) as place:
        file = _one_file(await upload.receive(request, place.folder, {"profile": PROFILE}, frozenset()), "profile")
        place.arrived()
        data = await asyncio.to_thread(file.path.read_bytes)
        try:
            return profile_info(await desk_of(request).voices.take(data))
        except ProfileInvalid as error:
            raise Problem(422, f"body.profile: {error}") from None
        except ProfileConflict as error:
            raise Problem(409, f"{error}; delete that one first, if this file should replace it.") from None


def _no_enrolment(profile_id: str) -> Problem:
    return Problem(404, f"Nothing is known of an enrolment {profile_id}.")


def _one_file(form: upload.Form, name: str) -> upload.Received:
    if len(form.files) != 1:
        raise Problem(422, f"body.{name}: {len(form.files)} files; send one.")
    return form.files[0]


def _fields(form: upload.Form) -> ProfileFields:
    """The fields of text.

    Raises:
        Problem: 422, one is missing, given twice, or wrong.
    """
    given = {name: values if name == "caller" or len(values) > 1 else values[0] for name, values in form.texts.items()}
    try:
        fields = ProfileFields.model_validate(given)
    except ValidationError as error:
        raise invalid(error, lambda _: "body") from None
    if fields.language not in KNOWN:
        raise Problem(422, f"body.language: {fields.language!r} is unknown; known are {', '.join(KNOWN)}.")
    return fields
