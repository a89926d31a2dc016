"""What else stands in the drawn scenes: balls, boxes, plants, cushions, and furry things that are no animals."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.pets.coats import Spots, cat_coat, colours_of, dog_coat, waves
from maskwright.data.pets.fur import Light, Sprite, shade, smooth, with_hair
from maskwright.data.pets.solid import Floats, Part, Solid, balls, floats, look, rotation, turned

Rgb = tuple[float, float, float]
Thing = Callable[[np.random.Generator, float, Light], Sprite]


def ball(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A ball, plain, striped or with panels."""
    solid = balls([(size / 2, size / 2, 0)], [size / 2 - 1], Part.TORSO)
    surface = look(solid, _box(size, size))
    rows, columns = np.nonzero(surface.owner >= 0)
    place = np.column_stack([columns, rows, surface.depth[rows, columns]]).astype(np.float32) - solid.centres[0]
    inward = turned(place / np.float32(size / 2), rotation(0, rng.uniform(0, 180)) @ rotation(2, rng.uniform(0, 180)))
    main, other = _two_colours(rng)
    style = rng.random()
    if style < 0.35:
        share = (np.abs(inward[:, 1]) < 0.3).astype(np.float32)
    elif style < 0.7:
        share = (np.mod(np.arctan2(inward[:, 2], inward[:, 0]) * 3 / np.pi, 2.0) < 1.0).astype(np.float32)
    else:
        share = np.zeros(len(inward), np.float32)
    colour = np.zeros((*surface.owner.shape, 3), np.float32)
    lit = shade(surface, light, max(1.0, 0.05 * size))
    facing = place @ light.direction / np.float32(size / 2)
    shine = np.clip(facing - 0.9, 0, 1)[:, None] * np.float32(rng.uniform(0, 6))
    colour[rows, columns] = (main + (other - main) * share[:, None]) * lit[rows, columns, None] * light.tint + shine
    return Sprite(np.clip(colour, 0, 1), surface.owner >= 0, (0, 0))


def box(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A box or a block of which three sides are seen."""
    wide, high = size * rng.uniform(0.6, 1.1), size * rng.uniform(0.5, 1.0)
    turn, deep, top = rng.uniform(0.25, 0.75), size * rng.uniform(0.2, 0.4), size * rng.uniform(0.08, 0.22)
    fold = turn * wide
    front = [(0, top), (fold, top + deep * 0.4), (fold, top + deep * 0.4 + high), (0, top + high)]
    side = [(fold, top + deep * 0.4), (wide, top), (wide, top + high), (fold, top + deep * 0.4 + high)]
    lid = [(0, top), (wide - fold, 0), (wide, top), (fold, top + deep * 0.4)]
    colour, _ = _two_colours(rng)
    if rng.random() < 0.5:
        colour = floats((0.68, 0.52, 0.34)) * np.float32(rng.uniform(0.8, 1.15))
    bright = (0.95, 0.68, 1.15) if light.direction[0] < 0 else (0.68, 0.95, 1.15)
    sprite = _flat([(front, colour * bright[0]), (side, colour * bright[1]), (lid, colour * bright[2])], light)
    if rng.random() < 0.5:
        middle = int(fold / 2)
        sprite.colour[:, max(0, middle - 2) : middle + max(2, int(size * 0.05))] *= 0.8
    return sprite


def plant(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A plant in a pot."""
    wide, pot = size * rng.uniform(0.3, 0.45), size * rng.uniform(0.28, 0.4)
    middle, top = size / 2, size - pot
    shapes: list[tuple[list[tuple[float, float]], Floats]] = []
    green = floats((rng.uniform(0.15, 0.35), rng.uniform(0.38, 0.55), rng.uniform(0.12, 0.28)))
    long, slim = size * rng.uniform(0.45, 0.6), rng.uniform(0.1, 0.28)
    shapes += [
        (_leaf((middle, top + 2), long * rng.uniform(0.6, 1.0), angle, slim), green * rng.uniform(0.6, 1.25))
        for angle in rng.uniform(-75, 75, int(rng.integers(7, 16)))
    ]
    rim = [
        (middle - wide / 2, top),
        (middle + wide / 2, top),
        (middle + wide * 0.36, size - 1),
        (middle - wide * 0.36, size - 1),
    ]
    shapes.append((rim, _two_colours(rng)[0]))
    return _puffed(_flat(shapes, light), 0.02 * size)


def cushion(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A cushion: a soft square of cloth."""
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    squareness, tall = rng.uniform(0.35, 0.6), rng.uniform(0.6, 1.0)
    x = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** squareness
    y = np.sign(np.sin(around)) * np.abs(np.sin(around)) ** squareness * tall
    tilt = np.deg2rad(rng.uniform(-25, 25))
    outline = np.column_stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)])
    outline = (outline - outline.min(axis=0)) * (size / 2.4)
    main, other = _two_colours(rng)
    sprite = _flat([([(float(a), float(b)) for a, b in outline], main)], light)
    rows, columns = np.indices(sprite.cover.shape).astype(np.float32)
    style, pitch = rng.random(), size * rng.uniform(0.08, 0.2)
    if style < 0.6:
        along = columns * np.float32(np.cos(tilt)) + rows * np.float32(np.sin(tilt))
        figure = np.mod(along / pitch, 1.0) < 0.4
        if style < 0.25:
            figure ^= np.mod((rows * np.cos(tilt) - columns * np.sin(tilt)) / pitch, 1.0) < 0.4
        sprite.colour[figure & sprite.cover] = other * light.tint
    return _puffed(sprite, 0.12 * size)


def furry(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A furry thing that is no animal: a heap, a roll or a ring in a cat's or a dog's coat."""
    count, style = int(rng.integers(5, 12)), rng.random()
    at = np.linspace(0, 1, count, dtype=np.float32)
    bow = rng.uniform(-0.15, 0.15)
    if style < 0.4:
        line = np.column_stack([0.2 + 0.6 * at, 0.55 + bow * np.sin(np.pi * at), 0 * at])
        thick = np.full(count, rng.uniform(0.15, 0.24))
    elif style < 0.7:
        line = np.column_stack(
            [rng.uniform(0.3, 0.7, count), rng.uniform(0.45, 0.65, count), rng.uniform(-0.1, 0.1, count)]
        )
        thick = rng.uniform(0.14, 0.26, count)
    else:
        line = np.column_stack(
            [0.5 + 0.24 * np.cos(6.28 * at), 0.55 + 0.14 * np.sin(6.28 * at), 0.2 * np.sin(6.28 * at)]
        )
        thick = np.full(count, rng.uniform(0.14, 0.18))
    return _in_fur(balls(line * size, thick * size, Part.TORSO, hair=rng.uniform(0.02, 0.07) * size), rng, size, light)


def stick(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A table leg, a trunk or a post."""
    wide, lean = size * rng.uniform(0.05, 0.13), size * rng.uniform(-0.12, 0.12)
    left = max(0.0, -lean) + 1
    outline = [(left, 0.0), (left + wide, 0.0), (left + wide + lean, 1.6 * size), (left + lean, 1.6 * size)]
    colour = floats((0.5, 0.35, 0.22)) * np.float32(rng.uniform(0.5, 1.4))
    return _puffed(_flat([(outline, colour)], light), 0.3 * wide)


def tuft(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """Long grass."""
    green = floats((0.33, 0.47, 0.18)) * np.float32(rng.uniform(0.7, 1.3))
    shapes = []
    for _ in range(int(rng.integers(14, 34))):
        root = (size * rng.uniform(0.15, 0.85), size - 1.0)
        shapes.append(
            (_leaf(root, size * rng.uniform(0.5, 0.98), rng.uniform(-28, 28), 0.035), green * rng.uniform(0.6, 1.3))
        )
    return _flat(shapes, light)


def books(rng: np.random.Generator, size: float, light: Light) -> Sprite:
    """A pile of books, or bricks."""
    shapes: list[tuple[list[tuple[float, float]], Floats]] = []
    bottom = size
    for _ in range(int(rng.integers(2, 6))):
        high, left, right = size * rng.uniform(0.08, 0.17), size * rng.uniform(0, 0.15), size * rng.uniform(0.8, 1.0)
        colour, _ = _two_colours(rng)
        shapes.append(([(left, bottom - high), (right, bottom - high), (right, bottom), (left, bottom)], colour))
        pages = [(left, bottom - high * 0.82), (right - size * 0.06, bottom - high * 0.82)]
        pages += [(right - size * 0.06, bottom - high * 0.18), (left, bottom - high * 0.18)]
        if rng.random() < 0.5:
            shapes.append((pages, floats((0.9, 0.87, 0.78))))
        bottom -= high
    return _flat(shapes, light)


def _in_fur(solid: Solid, rng: np.random.Generator, size: float, light: Light) -> Sprite:
    surface = look(solid, _box(size, size))
    rows, columns = np.nonzero(surface.owner >= 0)
    owners = surface.owner[rows, columns]
    points = np.column_stack([columns, rows, surface.depth[rows, columns]]).astype(np.float32)
    coat = cat_coat(rng) if rng.random() < 0.5 else dog_coat(rng)
    none = np.zeros(len(owners), np.float32)
    spots = Spots(
        parts=solid.parts[owners],
        along=none,
        dorsal=-(points - solid.centres[owners])[:, 1] / solid.radii[owners],
        local=points / np.float32(size),
        face=np.zeros((len(owners), 3), np.float32),
    )
    lit = shade(surface, light, max(1.0, 0.04 * size))
    colour = np.zeros((*surface.owner.shape, 3), np.float32)
    colour[rows, columns] = colours_of(coat, spots) * lit[rows, columns, None] * light.tint
    flow, hair = np.zeros((*surface.owner.shape, 2), np.float32), np.zeros(surface.owner.shape, np.float32)
    angle = np.pi * waves(spots.local, rng, 1.0)
    flow[rows, columns] = np.column_stack([np.cos(angle), np.sin(angle)])
    hair[rows, columns] = solid.hair[owners]
    colour, cover = with_hair(colour, surface, flow, hair, coat.seed)
    return Sprite(colour, cover, (0, 0))


def _flat(shapes: list[tuple[list[tuple[float, float]], Floats]], light: Light) -> Sprite:
    """Polygons over each other, the last one on top."""
    corners = np.concatenate([floats(outline) for outline, _ in shapes])
    low = corners.min(axis=0)
    wide, high = (corners.max(axis=0) - low).tolist()
    colour = np.zeros((*_box(wide, high), 3), np.float32)
    cover = np.zeros(colour.shape[:2], np.uint8)
    for outline, tone in shapes:
        points = [np.round((floats(outline) - low) * 16).astype(np.int32)]
        red, green, blue = np.clip(floats(tone) * light.tint, 0, 1).tolist()
        cv2.fillPoly(colour, points, (red, green, blue), cv2.LINE_8, 4)
        cv2.fillPoly(cover, points, (1,), cv2.LINE_8, 4)
    return Sprite(colour, cover.astype(bool), (0, 0))


def _puffed(sprite: Sprite, depth: float) -> Sprite:
    """A flat sprite shaded as if it bulged towards the camera."""
    inside: NDArray[np.float32] = smooth(sprite.cover.astype(np.float32), max(1.0, depth))
    slope = cv2.Sobel(inside, cv2.CV_32F, 1, 0) * 0.5 + cv2.Sobel(inside, cv2.CV_32F, 0, 1) * 0.6
    tone = np.clip(0.72 + 0.32 * inside + slope * np.float32(1.2 * depth), 0.35, 1.25)
    return Sprite(np.clip(sprite.colour * tone[..., None], 0, 1), sprite.cover, sprite.corner_xy)


def _leaf(root: tuple[float, float], long: float, degrees: float, slim: float) -> list[tuple[float, float]]:
    """The outline of a leaf that grows from `root`, 0 degrees is up."""
    angle = np.deg2rad(degrees)
    outline = []
    for at, wide in ((0, 0.15), (0.3, 0.9), (0.6, 1.0), (1, 0), (0.6, -1.0), (0.3, -0.9)):
        bent = angle * (1 + 0.35 * at)
        across = wide * slim * long
        outline.append(
            (
                root[0] + float(np.sin(bent) * at * long + np.cos(bent) * across),
                root[1] - float(np.cos(bent) * at * long - np.sin(bent) * across),
            )
        )
    return outline


def _two_colours(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A strong colour and one that stands out from it."""
    main = rng.uniform(0.12, 0.85, 3).astype(np.float32)
    return main, np.where(main.mean() > 0.5, main * np.float32(0.4), main * np.float32(0.3) + np.float32(0.6))


def _box(wide: float, high: float) -> tuple[int, int]:
    return max(3, int(high) + 2), max(3, int(wide) + 2)


THINGS: tuple[Thing, ...] = (ball, box, plant, cushion, furry, furry, books)
"""What stands about."""
NEAR_THINGS: tuple[Thing, ...] = (ball, box, plant, cushion, stick, furry, books)
"""What may stand before an animal indoors; outdoors grass does too."""
