"""The application behind `maskwright serve`: masks for programs (REST), and the playground for people."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import FastAPI, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from maskwright import __version__
from maskwright.data.decode import Undecodable
from maskwright.data.sample import Image, Mask
from maskwright.sentences import say
from maskwright.web.answers import error_answer, json_answer
from maskwright.web.api_page import add_api_page
from maskwright.web.intake import FIELD, Declined, declined
from maskwright.web.meters import CONTENT_TYPE
from maskwright.web.pages import FOLDER, answer_errors
from maskwright.web.playground import add_playground
from maskwright.web.security import App
from maskwright.web.segments import PICTURES, Areas, Format, Segmented, format_for, header_text, media_type, sent
from maskwright.web.service import Gone, Service, Visit

CLOSED_REQUEST = 499
"""What the log calls a request whose asker had gone (nginx's number); nobody reads the answer."""

Name = Annotated[str, Query(max_length=1000, description="Which of the served models; by default the first.")]
Wanted = Annotated[
    Format | None,
    Query(
        description="palette: PNG of class values with their colours; index: the same in grey; overlay: JPEG of the "
        "photo with the mask drawn on; rle: COCO's runs by class; geojson: polygons of objects, in pixels; areas: "
        "areas alone. By default what Accept asks for, else palette."
    ),
]


def serve_app(service: Service, *, lang: str = "en") -> App:
    """The REST API with its description, and the playground; it has to stand behind a door (`web.door.behind`).

    Args:
        service: what predicts.
        lang: language of the pages where the request asks for none.
    """
    app = FastAPI(
        title="Maskwright",
        version=__version__,
        summary="Semantic segmentation of photos.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    answer_errors(app)
    for error, answer in ((Declined, _declined), (Undecodable, _undecodable), (HTTPException, _http)):
        app.add_exception_handler(cast(type[Exception], error), answer)
    for nobody in (Gone, ClientDisconnect):
        app.add_exception_handler(nobody, lambda *_: Response(status_code=CLOSED_REQUEST))
    _add_segment(app, service)
    _add_model(app, service)
    _add_state(app, service)
    add_playground(app, service, lang)
    add_api_page(app, lang)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    return cast(App, app)


def _add_segment(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/segment",
        summary="The mask of a photo",
        description="Takes a photo as the body, or as the part `image` of a form. JPEG, PNG, WebP, BMP or TIFF, told "
        "by content. Pictures come with `Maskwright-Size` (width x height) and `Maskwright-Areas` (pixels by class, "
        "JSON) in their headers, values with `size_hw`, `areas` and `timing_ms`; all with `Server-Timing`.",
        openapi_extra=_BODY,
        responses=_REFUSED | _RESPONSES,
        dependencies=_TOKEN,
        response_class=Response,
    )
    async def segment(request: Request, model: Name = "", format: Wanted = None) -> Response:
        chosen = format or format_for(request.headers.get("accept", ""))
        if chosen is None:
            raise Declined(406, "not_acceptable")
        asked = service.model(model)

        def make(image: Image, mask: Mask, _visit: Visit) -> tuple[Areas, Any, tuple[int, int]]:
            made = Segmented(image, mask, asked.classes)
            return made.areas(), sent(chosen, made), mask.shape

        (areas, body, size_hw), visit = await service.answered(request, asked, "masks", make)
        request.state.told = {"model": asked.name, "format": chosen, "size_hw": size_hw}
        return _answer(chosen, body, areas, size_hw, visit)


def _answer(chosen: Format, body: Any, areas: Areas, size_hw: tuple[int, int], visit: Visit) -> Response:
    timing = {name: round(ms, 2) for name, ms in visit.laps_ms.items()}
    headers = {"server-timing": ", ".join(f"{name};dur={ms}" for name, ms in timing.items())}
    if chosen in PICTURES:
        headers |= {"maskwright-size": f"{size_hw[1]} x {size_hw[0]}", "maskwright-areas": header_text(areas)}
        return Response(body, headers=headers, media_type=media_type(chosen))
    value = {**body, "size_hw": list(size_hw), "areas": areas, "timing_ms": timing}
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), headers=headers, media_type=media_type(chosen))


def _add_model(app: FastAPI, service: Service) -> None:
    told = {name: {"format": 1, **model.to_json()} for name, model in service.models.items()}

    @app.get(
        "/v1/model",
        summary="What a model is",
        description="Its classes with colours, the digests of weights and recipe, its post-processing, what `evaluate` "
        "said of it, and the names of all models that are served.",
        responses={**_REFUSED, 404: _ERROR},
        dependencies=_TOKEN,
    )
    def model(request: Request, model: Name = "") -> Response:
        asked = service.model(model)
        return json_answer(request, {**told[asked.name], "models": list(service.models)})


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the server lives")
    async def healthz(request: Request) -> Response:
        return json_answer(request, {"status": "ok"})

    @app.get("/readyz", summary="Whether the server takes requests", responses={503: {"description": "It is stopping"}})
    async def readyz(request: Request) -> Response:
        return json_answer(request, {"ready": not service.stopping}, status=503 if service.stopping else 200)

    @app.get("/metrics", summary="Counts for Prometheus", response_class=Response)
    def metrics() -> Response:
        return Response(service.meters.text(), media_type=CONTENT_TYPE)


async def _declined(request: Request, error: Exception) -> Response:
    assert isinstance(error, Declined)
    message = say(f"serve.{error.key}", request.state.lang, **error.facts)
    answer = error_answer(request, error.key, message, error.status)
    if error.retry_after_s is not None:
        answer.headers["retry-after"] = str(error.retry_after_s)
    return answer


async def _undecodable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Undecodable)
    message = say(f"finding.{error.check}", request.state.lang, **error.facts)
    return error_answer(request, error.check, message, declined(error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = error_answer(request, "HttpError", f"{error.status_code} {error.detail}", error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _described(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": _ERROR_SCHEMA}}}


_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message"],
            "properties": {"kind": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
_ERROR = _described("There is no model of that name")
_REFUSED: dict[int | str, dict[str, Any]] = {
    401: _described("The server wants a token, and none or another one was shown"),
    403: _described("The request comes from a page of another site, or asks for a name that is not this server's"),
}
_TOKEN = [Security(HTTPBearer(auto_error=False, description="The token, where the server has one."))]
"""For the description alone: the door (`web.door`) has looked at it before."""
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary", "description": "The photo."}},
                }
            },
            **dict.fromkeys(("image/jpeg", "image/png", "image/webp", "application/octet-stream"), _BINARY),
        },
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask",
        "content": {
            "image/png": _BINARY,
            "image/jpeg": _BINARY,
            "application/json": {"schema": {"type": "object", "required": ["size_hw", "areas", "timing_ms"]}},
            "application/geo+json": {"schema": {"type": "object", "required": ["type", "features"]}},
        },
    },
    400: _described("No photo in the request, or a form that cannot be read"),
    404: _ERROR,
    406: _described("Accept takes none of the media types above"),
    408: _described("The request came too slowly"),
    413: _described("More bytes or pixels than this server takes"),
    415: _described("No picture"),
    422: _described("A damaged or impossible picture, or a wrong parameter"),
    503: _described("Too many requests wait; Retry-After says when to come again"),
    504: _described("The prediction took too long"),
}
