"""The playground: what its page asks for. Sliders move on probabilities that are kept, without the network."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from numpy.typing import NDArray
from pydantic import ValidationError

from maskwright.data.pictures import fitted
from maskwright.data.sample import Image
from maskwright.declared import problems
from maskwright.inference.postprocess.settings import PostProcess, settings
from maskwright.inference.postprocess.steps import processed
from maskwright.inference.predictor import Probs, most_probable
from maskwright.web.answers import pixels_answer
from maskwright.web.intake import Declined, photo_content
from maskwright.web.pages import add_page
from maskwright.web.photos import photo_bytes
from maskwright.web.segments import Segmented, areas_of, header_text, sent
from maskwright.web.served_models import Model, class_values
from maskwright.web.service import Service, Visit

PAGE = "playground."
"""How the keys of the page's sentences begin."""
SIDE_PX = 1280
"""Longest side of a photo while one plays with it; a step over it takes tens of milliseconds, not seconds."""
FLOATS = 16_000_000
"""Probabilities of one photo that are kept, 64 MB; with many classes the photo is made smaller than `SIDE_PX`."""
KEPT_BYTES = 256_000_000
"""What photos and probabilities may take that are kept, the latest ones."""

ModelName = Annotated[str, Query(max_length=1000)]
Digest = Annotated[str, Query(max_length=64)]
Settings = Annotated[str, Query(max_length=20_000)]


@dataclass(frozen=True, eq=False)
class Shown:
    """A photo as one plays with it.

    Args:
        digest: of its file.
        image: `(h, w, 3) uint8` RGB, made smaller.
        whole_hw: its own height and width.
    """

    digest: str
    image: Image
    whole_hw: tuple[int, int]


class Kept:
    """The latest values that fit together into so many bytes.

    Args:
        limit_bytes: how many; the newest value is kept even if it is larger.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit_bytes, self._held_bytes = limit_bytes, 0
        self._values: OrderedDict[tuple[str, ...], tuple[Any, int]] = OrderedDict()
        self._alone = threading.Lock()

    def get(self, *key: str) -> Any:
        """A value, which is the latest then; None where it is not kept."""
        with self._alone:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key, (None, 0))[0]

    def put(self, value: Any, size_bytes: int, *key: str) -> None:
        """Keep a value, and let go of the oldest ones."""
        with self._alone:
            self._held_bytes += size_bytes - self._values.pop(key, (None, 0))[1]
            self._values[key] = (value, size_bytes)
            while self._held_bytes > self._limit_bytes and len(self._values) > 1:
                _, (_, dropped) = self._values.popitem(last=False)
                self._held_bytes -= dropped


class Table:
    """What one plays with: photos, and what the models say of them.

    Args:
        service: predicts.
    """

    def __init__(self, service: Service) -> None:
        self._service, self._kept = service, Kept()

    async def shown(self, request: Request, digest: str, classes: int, visit: Visit) -> Shown:
        """The photo of a request: the one that it brings, or one that it names and that is kept.

        Raises:
            Declined: 410 where it is kept no longer; the page brings it then.
        """
        name = str(classes)
        if request.headers.get("content-length", "0") == "0":
            known: Shown | None = self._kept.get(digest, name)
            if known is None:
                raise Declined(410, "photo_gone")
            return known
        content = await photo_content(request, self._service.bounds)
        visit.lap("read")
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        known = self._kept.get(digest, name)
        if known is None:
            async with self._service.photo(content, visit, self._service.bounds.pixels) as image:
                small = await self._service.aside(_small, image, classes)
                known = Shown(digest, small, (image.shape[0], image.shape[1]))
            self._kept.put(known, known.image.nbytes, digest, name)
        return known

    async def probs(self, request: Request, model: Model, shown: Shown, visit: Visit) -> Probs:
        """What a model's network says of a photo: once, as long as it is kept."""
        known: Probs | None = self._kept.get(shown.digest, str(len(model.classes)), model.name)
        if known is None:
            known = (await self._service.predicted(request, model, "probs", shown.image, visit)).answer
            self._kept.put(known, known.nbytes, shown.digest, str(len(model.classes)), model.name)
        return known


def add_playground(app: FastAPI, service: Service, lang: str) -> None:
    """Add the page at `/` and what it asks for.

    Args:
        app: the application.
        service: predicts.
        lang: language of the page where the request asks for none.
    """
    bounds = service.bounds
    facts = {"limits": {"body_bytes": bounds.body_bytes, "pixels": bounds.pixels, "side_px": SIDE_PX}}
    models = [_told(model) for model in service.models.values()]
    add_page(app, "/", "playground.html.jinja", PAGE, lang=lang, facts={"models": models, "steps": _steps(), **facts})
    _add_answers(app, service, Table(service))


def _add_answers(app: FastAPI, service: Service, table: Table) -> None:
    @app.post("/play/mask", include_in_schema=False)
    async def mask(request: Request, model: ModelName = "", photo: Digest = "", settings: Settings = "") -> Response:
        asked = service.model(model)
        post = _post(asked, settings)
        async with service.visit() as visit:
            shown = await table.shown(request, photo, len(asked.classes), visit)
            probs = await table.probs(request, asked, shown, visit)
            visit.lap("handover")
            made = await service.aside(lambda: most_probable(processed(probs, shown.image, post)))
            visit.lap("steps")
        request.state.told = {"model": asked.name, "format": "play", "size_hw": made.shape}
        answer = pixels_answer(request, made)
        answer.headers.update(_headers(shown, visit))
        answer.headers["maskwright-areas"] = header_text(areas_of(made, asked.classes))
        return answer

    @app.post("/play/probs", include_in_schema=False)
    async def probs(
        request: Request,
        of: Annotated[int, Query(alias="class", ge=0, le=253)],
        model: ModelName = "",
        photo: Digest = "",
        settings: Settings = "",
    ) -> Response:
        asked = service.model(model)
        post = _post(asked, settings)
        if of >= len(asked.classes):
            raise Declined(422, "no_class", number=of, most=len(asked.classes) - 1)
        async with service.visit() as visit:
            shown = await table.shown(request, photo, len(asked.classes), visit)
            network = await table.probs(request, asked, shown, visit)
            plane = await service.aside(lambda: _bytes(processed(network, shown.image, post)[of]))
        answer = pixels_answer(request, plane)
        answer.headers.update(_headers(shown, visit))
        return answer

    @app.post("/play/photo", include_in_schema=False)
    async def picture(request: Request, model: ModelName = "", photo: Digest = "") -> Response:
        async with service.visit() as visit:
            shown = await table.shown(request, photo, len(service.model(model).classes), visit)
            content, kind = await service.aside(photo_bytes, None, shown.image)
        return Response(content, media_type=kind)

    @app.post("/play/whole", include_in_schema=False)
    async def whole(request: Request, model: ModelName = "", settings: Settings = "") -> Response:
        asked = service.model(model)
        post = _post(asked, settings)

        def make(image: Image, probs: Probs, _visit: Visit) -> bytes:
            made = sent("palette", Segmented(image, most_probable(processed(probs, image, post)), asked.classes))
            assert isinstance(made, bytes)
            return made

        content, _ = await service.answered(request, asked, "probs", make)
        return Response(content, media_type="image/png")


def _small(image: Image, classes: int) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, (FLOATS / (classes * height * width)) ** 0.5)
    return fitted(image, min(SIDE_PX, max(16, int(scale * max(height, width)))))


def _bytes(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(255 * plane), np.uint8)


def _headers(shown: Shown, visit: Visit) -> dict[str, str]:
    height, width = shown.image.shape[:2]
    timing = ", ".join(f"{name};dur={ms:.2f}" for name, ms in visit.laps_ms.items() if name != "handover")
    return {
        "maskwright-photo": shown.digest,
        "maskwright-size": f"{width} x {height}",
        "maskwright-whole": f"{shown.whole_hw[1]} x {shown.whole_hw[0]}",
        "server-timing": timing,
    }


def _post(model: Model, text: str) -> PostProcess:
    """The steps that a request names, or those that were fitted for the model.

    Raises:
        Declined: they are none.
    """
    if not text:
        return model.post
    try:
        post = PostProcess.model_validate_json(text)
    except ValidationError as error:
        raise Declined(422, "wrong_steps", what=problems(PostProcess, error)[:500]) from None
    for name in ("logit_offsets", "smallest_frac"):
        if len(getattr(post, name)) not in (0, len(model.classes)):
            raise Declined(422, "wrong_steps", what=f"{name}: one value for each class")
    return post


def _told(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "architecture": model.predictor.recipe.model,
        "runtime": model.runtime,
        "classes": class_values(model.classes),
        "post": model.post.model_dump(mode="json"),
        "fitted": any(model.post.steps()),
    }


def _steps() -> list[dict[str, Any]]:
    """The settings of the post-processing in their order, with the value that switches each off."""
    off = PostProcess().model_dump(mode="json")
    return [{"name": each.name, "off": off[each.name]} for each in settings()]
