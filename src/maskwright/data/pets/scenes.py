"""One drawn photo with its exact mask, from its number alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.pets.animals import KINDS, Animal, area_of, make_animal, portray
from maskwright.data.pets.clutter import NEAR_THINGS, THINGS, Thing, tuft
from maskwright.data.pets.fur import Light, Sprite
from maskwright.data.pets.grounds import Place, make_place
from maskwright.data.pets.solid import Floats, floats, turned
from maskwright.data.sample import Image, Mask

FINE = 3
"""Fine pixels per pixel and side: odd, so that a majority always decides what a pixel of the mask is."""


@dataclass
class _Canvas:
    """A scene while it is painted: the picture, and in fine pixels which class is seen."""

    picture: Floats
    seen: NDArray[np.uint8]


def draw_scene(seed: int, index: int, size_px: int) -> tuple[Image, Mask]:
    """Draw one photo and its mask: 0 background, 1 cat, 2 dog.

    Even numbers show a cat, odd ones a dog; about 2 % show no animal and 3 % another one besides. Every
    draw is a function of `(seed, index)`, so that scenes can be drawn in any order and on any machine.

    Args:
        seed: which collection.
        index: which of its scenes.
        size_px: side of the square photo, from 32.

    Returns:
        The photo `(size_px, size_px, 3) uint8` RGB and the mask `(size_px, size_px) uint8`. A pixel of the
        mask has the class that covers most of it.
    """
    rng = np.random.default_rng([seed, index])
    place, light = make_place(rng, size_px), _light(rng)
    canvas = _Canvas(place.picture, np.zeros((size_px * FINE, size_px * FINE), np.uint8))
    for _ in range(int(rng.integers(0, 4))):
        _set_down(canvas, rng, _thing(rng, THINGS), place, light, near=False)
    for kind, small in _who(rng, index):
        _let_in(canvas, rng, kind, place, light, small=small)
    if rng.random() < 0.3:
        things = (*NEAR_THINGS, tuft, tuft, tuft) if place.outdoors else NEAR_THINGS
        _set_down(canvas, rng, _thing(rng, things), place, light, near=True)
    return _photographed(canvas.picture, rng), _majority(canvas.seen)


def _light(rng: np.random.Generator) -> Light:
    direction = floats([rng.uniform(-0.75, 0.75), rng.uniform(-0.85, -0.35), rng.uniform(0.4, 0.8)])
    warm = rng.normal() * 0.06
    tint = floats([1 + warm, 1.0, 1 - warm]) * np.float32(rng.uniform(0.85, 1.1))
    return Light(direction / np.float32(np.linalg.norm(direction)), float(rng.uniform(0.36, 0.64)), tint)


def _who(rng: np.random.Generator, index: int) -> list[tuple[str, bool]]:
    """The animals of a scene, and whether they must be small."""
    kind, lot = KINDS[index % 2], rng.random()
    if lot < 0.02:
        return []
    if lot < 0.05:
        return [(KINDS[int(rng.integers(2))], True), (kind, True)]
    return [(kind, False)]


def _thing(rng: np.random.Generator, things: tuple[Thing, ...]) -> Thing:
    return things[int(rng.integers(len(things)))]


def _set_down(
    canvas: _Canvas, rng: np.random.Generator, thing: Thing, place: Place, light: Light, *, near: bool
) -> None:
    """Put a thing on the ground; what stands near may hide an animal."""
    fine = len(canvas.seen)
    base = rng.uniform(0.85, 1.15) if near else rng.uniform(place.horizon + 0.04, max(place.horizon + 0.1, 0.9))
    closeness = 0.4 + 0.6 * (base - place.horizon) / max(0.2, 1.0 - place.horizon)
    size = fine * rng.uniform(0.16, 0.34) * closeness * (1.15 if near else 1.0)
    sprite = thing(rng, size, light)
    high, wide = sprite.cover.shape
    left = int(rng.uniform(-0.3 * wide, fine - 0.7 * wide))
    corner = (left, int(base * fine) - high)
    _shadow(canvas, [((left + wide / 2) / FINE, base * fine / FINE, 0.42 * wide / FINE, 0.1 * wide / FINE)], 0.5)
    _lay(canvas, Sprite(sprite.colour, sprite.cover, corner), 0)


def _let_in(canvas: _Canvas, rng: np.random.Generator, kind: str, place: Place, light: Light, *, small: bool) -> None:
    """Put an animal into the scene."""
    closeup = not small and rng.random() < 0.1
    animal = make_animal(kind, rng, closeup=closeup, from_above=place.horizon == 0.0)
    fine = len(canvas.seen)
    scale, at_xy = _close(animal, rng, fine) if closeup else _placed(animal, rng, fine, place, small)
    if not closeup:
        _shadow(canvas, _footprint(animal, scale, at_xy), float(rng.uniform(0.3, 0.6)))
    sprite = portray(animal, scale, at_xy, canvas.seen.shape, light)
    _lay(canvas, sprite, KINDS.index(kind) + 1)


def _close(animal: Animal, rng: np.random.Generator, fine: int) -> tuple[float, tuple[float, float]]:
    """Scale and place of an animal whose head fills much of the photo."""
    scale = fine * rng.uniform(0.13, 0.2) / animal.head_radius
    x, y = fine * rng.uniform(0.32, 0.68), fine * rng.uniform(0.36, 0.55)
    return scale, (x - float(animal.head_at[0]) * scale, y - float(animal.head_at[1]) * scale)


def _placed(
    animal: Animal, rng: np.random.Generator, fine: int, place: Place, small: bool
) -> tuple[float, tuple[float, float]]:
    """Scale and place of an animal on the ground: now and then cut off by the edge of the photo."""
    usual = 0.098 if animal.kind == "cat" else 0.077
    share = min(0.4, max(0.012, usual * float(np.exp(0.55 * rng.normal())))) * (0.45 if small else 1.0)
    scale = fine * float(np.sqrt(share / area_of(animal)))
    left, top, right, bottom = animal.bounds
    cut = rng.random() < 0.18
    if not cut:
        scale = min(scale, 0.97 * fine / max(right - left, bottom - top))
    wide, high = (right - left) * scale, (bottom - top) * scale
    x = _edge(rng, fine, wide) if cut else rng.uniform(0.0, max(0.0, fine - wide))
    lowest = max(high, fine * min(0.95, place.horizon + 0.08))
    base = rng.uniform(min(lowest, fine * 0.985), fine * 0.99) + (0.2 * high if cut and rng.random() < 0.4 else 0.0)
    return scale, (x - left * scale, base - bottom * scale)


def _edge(rng: np.random.Generator, fine: int, wide: float) -> float:
    """Where a thing begins of which the left or right edge takes a part."""
    lost = wide * rng.uniform(0.12, 0.4)
    return float(-lost if rng.random() < 0.5 else fine - wide + lost)


def _footprint(animal: Animal, scale: float, at_xy: tuple[float, float]) -> list[tuple[float, float, float, float]]:
    """Ellipses (x, y, half width, half height), in pixels, that make the shadow on the ground."""
    world = turned(animal.seen.centres, animal.ground.T)
    feet = float((world[:, 1] - animal.seen.radii).min())
    height = world[:, 1] - feet
    world[:, 1] = feet
    flat = turned(world, animal.ground) * np.float32(scale / FINE)
    tilt = abs(float(animal.ground[1, 2])) + 0.12
    low = height < 0.45
    radii = animal.seen.radii * np.float32(scale / FINE) * np.clip(1.15 - height, 0.2, 1.0)
    return [
        (float(x) + at_xy[0] / FINE, float(y) + at_xy[1] / FINE, float(radius), float(radius * tilt))
        for (x, y, _), radius in zip(flat[low], radii[low], strict=True)
    ]


def _shadow(canvas: _Canvas, ellipses: list[tuple[float, float, float, float]], strength: float) -> None:
    """Darken the ground under a thing."""
    size = len(canvas.picture)
    dark = np.zeros((size, size), np.uint8)
    for x, y, wide, high in ellipses:
        if -size < x < 2 * size and -size < y < 2 * size:
            axes = (max(1, int(wide * 16)), max(1, int(high * 16)))
            cv2.ellipse(dark, (int(x * 16), int(y * 16)), axes, 0, 0, 360, 255, -1, cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(dark, (0, 0), size / 70).astype(np.float32) / 255
    canvas.picture *= 1.0 - np.float32(strength) * soft[..., None]


def _lay(canvas: _Canvas, sprite: Sprite, class_id: int) -> None:
    """Lay a sprite over the scene; it hides what was there."""
    fine = len(canvas.seen)
    high, wide = sprite.cover.shape
    x, y = sprite.corner_xy
    left, top, right, bottom = max(0, x), max(0, y), min(fine, x + wide), min(fine, y + high)
    if left >= right or top >= bottom:
        return
    box = np.array([left // FINE, top // FINE, -(-right // FINE), -(-bottom // FINE)])
    part = np.s_[top - y : bottom - y, left - x : right - x]
    area = np.zeros(((box[3] - box[1]) * FINE, (box[2] - box[0]) * FINE, 4), np.float32)
    inner = area[top - box[1] * FINE : bottom - box[1] * FINE, left - box[0] * FINE : right - box[0] * FINE]
    cover = sprite.cover[part]
    inner[..., 3] = cover
    inner[..., :3] = sprite.colour[part] * cover[..., None]
    coarse = cv2.resize(area, (int(box[2] - box[0]), int(box[3] - box[1])), interpolation=cv2.INTER_AREA)
    under = canvas.picture[box[1] : box[3], box[0] : box[2]]
    under[:] = under * (1.0 - coarse[..., 3:]) + coarse[..., :3]
    canvas.seen[top:bottom, left:right][cover] = class_id


def _majority(seen: NDArray[np.uint8]) -> Mask:
    """The class that covers most of each pixel."""
    size = len(seen) // FINE
    shares = [
        cv2.resize((seen == class_id).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        for class_id in range(len(KINDS) + 1)
    ]
    return np.asarray(np.stack(shares).argmax(axis=0), np.uint8)


def _photographed(picture: Floats, rng: np.random.Generator) -> Image:
    """What a camera makes of it: exposure, vignette, blur, noise and compression."""
    size = len(picture)
    picture = np.clip(picture, 0, 1) ** np.float32(rng.uniform(0.72, 1.05)) * np.float32(rng.uniform(0.9, 1.12))
    at = np.linspace(-1, 1, size, dtype=np.float32)
    picture *= (1.0 - np.float32(rng.uniform(0, 0.16)) * (at[:, None] ** 2 + at[None] ** 2))[..., None]
    lot = rng.random()
    if lot < 0.25:
        picture = floats(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.9) * size / 160))
    elif lot < 0.31:
        long = max(2, round(3 * size / 160))
        picture = floats(cv2.filter2D(picture, -1, np.full((1, long), 1 / long, np.float32)))
    picture = picture + rng.normal(size=picture.shape).astype(np.float32) * np.float32(rng.uniform(0.003, 0.022))
    image = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(72, 97))]
    stored = cv2.imencode(".jpg", image[..., ::-1], quality)[1]
    read_back = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(read_back[..., ::-1])
