"""The heads of the drawn animals. Unit: the radius of the skull; x to the nose, y up, z to the side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from maskwright.data.pets.solid import Floats, Part, Solid, balls, floats, sheet, together, tube

Ears = Literal["pointed", "hanging", "folded"]


@dataclass(frozen=True)
class Head:
    """A head, looking along x.

    Args:
        solid: its balls.
        eyes: `(2, 3)`, the middles of the eyes.
        eye_radius: radius of an eye.
        whiskers: `(K, 2, 3)`, root and tip of each whisker; none for dogs.
    """

    solid: Solid
    eyes: Floats
    eye_radius: float
    whiskers: Floats


@dataclass(frozen=True)
class DogFace:
    """How a dog's head differs from another's.

    Args:
        muzzle: length of the muzzle, in [0.1, 1.0].
        width: width of the muzzle, 1 is usual.
        ears: how the ears are held.
        ear_length: length of the ears, 1 is usual.
        mouth: how far the mouth stands open, in [0, 1]; above 0.3 the tongue hangs out.
    """

    muzzle: float
    width: float
    ears: Ears
    ear_length: float
    mouth: float


def cat_head(rng: np.random.Generator, *, hair: float = 0.1, closed: bool = False) -> Head:
    """A cat's head: round, short muzzle, upright pointed ears, large eyes, whiskers.

    Args:
        rng: draws what differs from cat to cat.
        hair: length of the hair.
        closed: whether the eyes are closed.
    """
    wide = rng.uniform(0.92, 1.12)
    cheek = rng.uniform(0.52, 0.68)
    short = rng.uniform(0.0, 0.12)
    skull = [
        balls([(0, 0, 0), (0.12, 0.22, 0), (-0.25, -0.1, 0)], [1.0, 0.86, 0.95], Part.HEAD, hair=hair),
        balls([(0.2, -0.3, side * 0.42 * wide) for side in (-1, 1)], cheek, Part.HEAD, hair=hair * 1.6),
        balls([(0.28, -0.02, side * 0.36) for side in (-1, 1)], 0.62, Part.HEAD, hair=hair),
        tube([(0.62, 0.12, 0), (0.88 - short, -0.12, 0)], [0.42, 0.26], Part.HEAD, hair=hair * 0.5),
        balls([(0.8 - short, -0.36, side * 0.19) for side in (-1, 1)], 0.31, Part.MUZZLE, hair=hair * 0.4),
        balls([(0.68 - short, -0.62, 0)], 0.27, Part.MUZZLE, hair=hair * 0.4),
    ]
    bare = _combed(together(skull))
    nose = _on(bare, [(-0.13, -0.09), (-0.13, 0.09), (-0.14, 0.0), (-0.22, -0.03), (-0.22, 0.03), (-0.27, 0.0)])
    lips = [(-0.3, 0.0), (-0.38, 0.0), (-0.45, 0.05), (-0.5, 0.12), (-0.51, 0.2), (-0.47, 0.28)]
    mouth = _on(bare, lips + [(y, -z) for y, z in lips[2:]])
    eyes = _on(bare, [(0.06, -0.43 * wide), (0.06, 0.43 * wide)]) - floats([0.1, 0, 0])
    eye_radius = float(rng.uniform(0.22, 0.27))
    parts = [
        bare,
        *_cat_ears(rng, wide, hair),
        balls(nose, 0.075, Part.NOSE),
        balls(mouth, 0.035, Part.MOUTH),
        *_eyes(bare, eyes, eye_radius, closed),
    ]
    roots = _on(bare, [(y, side * z) for side in (-1, 1) for y, z in ((-0.27, 0.3), (-0.35, 0.34), (-0.43, 0.3))])
    droop = floats([0.18, 0.0, -0.2] * 2) + np.float32(rng.uniform(-0.1, 0.1, 6))
    reach = np.column_stack([np.full(6, 0.1), droop, np.repeat([-1.25, 1.25], 3)])
    whiskers = np.stack([roots, roots + reach.astype(np.float32)], axis=1)
    return Head(together(parts), eyes, eye_radius, whiskers)


def dog_head(rng: np.random.Generator, face: DogFace, *, hair: float = 0.08, closed: bool = False) -> Head:
    """A dog's head: a muzzle with a large nose, a step before the forehead, ears as `face` says.

    Args:
        rng: draws what differs from dog to dog.
        face: what kind of dog.
        hair: length of the hair.
        closed: whether the eyes are closed.
    """
    skull = [
        balls([(0, 0.0, 0), (0.1, 0.2, 0), (-0.3, -0.15, 0)], [0.95, 0.8, 0.9], Part.HEAD, hair=hair),
        balls([(0.22, -0.28, side * 0.36) for side in (-1, 1)], 0.56, Part.HEAD, hair=hair),
        balls([(0.32, 0.2, side * 0.3) for side in (-1, 1)], 0.52, Part.HEAD, hair=hair),
        *_muzzle(face, hair),
    ]
    bare = _combed(together(skull))
    eyes = _on(bare, [(0.2, -0.4), (0.2, 0.4)]) - floats([0.07, 0, 0])
    eye_radius = float(rng.uniform(0.16, 0.2))
    parts = [bare, *_dog_ears(face, hair), *_eyes(bare, eyes, eye_radius, closed), *_nose_and_mouth(face)]
    return Head(together(parts), eyes, eye_radius, np.zeros((0, 2, 3), np.float32))


def _muzzle(face: DogFace, hair: float) -> list[Solid]:
    tip, wide = 0.95 + face.muzzle, face.width
    gape = 0.35 * face.mouth
    upper = tube(
        [(0.5, -0.1, 0), (0.95, -0.25, 0), (tip, -0.3, 0)],
        [0.58 * wide, 0.44 * wide, 0.34 * wide],
        Part.MUZZLE,
        hair=hair * 0.5,
    )
    jowls = [
        tube(
            [(0.75, -0.42, side * 0.2 * wide), (tip - 0.08, -0.46, side * 0.17 * wide)],
            [0.36 * wide, 0.27 * wide],
            Part.MUZZLE,
            hair=hair * 0.6,
        )
        for side in (-1, 1)
    ]
    jaw = tube(
        [(0.45, -0.5, 0), (0.5 * tip + 0.35, -0.7 - 0.6 * gape, 0), (tip - 0.12, -0.7 - gape, 0)],
        [0.34 * wide, 0.27 * wide, 0.19 * wide],
        Part.MUZZLE,
        hair=hair * 0.5,
    )
    return [upper, *jowls, jaw]


def _nose_and_mouth(face: DogFace) -> list[Solid]:
    tip, wide = 0.95 + face.muzzle, face.width
    gape = 0.35 * face.mouth
    front = tip + 0.27 * wide
    nose = balls(
        [(front, -0.16, -0.1), (front, -0.16, 0.1), (front + 0.04, -0.2, 0), (front - 0.02, -0.1, 0)],
        [0.14, 0.14, 0.15, 0.16],
        Part.NOSE,
    )
    under = tube([(front - 0.04, -0.3, 0), (front - 0.1, -0.5, 0)], 0.03, Part.MOUTH)
    inside = tube([(0.9, -0.6, 0), (tip + 0.04, -0.62 - gape / 2, 0)], [0.3, 0.12 + 0.3 * gape], Part.MOUTH)
    if face.mouth < 0.3:
        return [nose, under, inside]
    hang = 0.35 + 0.35 * face.mouth
    tongue = tube(
        [(0.9, -0.66 - gape / 2, 0), (tip + 0.1, -0.66 - gape / 2, 0), (tip + 0.2, -0.7 - gape / 2 - hang, 0)],
        [0.16, 0.16, 0.15],
        Part.TONGUE,
    )
    return [nose, under, inside, tongue]


def _cat_ears(rng: np.random.Generator, wide: float, hair: float) -> list[Solid]:
    tall = rng.uniform(1.5, 1.85)
    out = rng.uniform(0.7, 0.88)
    forward = rng.uniform(-0.25, 0.05)
    ears = []
    for side in (-1, 1):
        corners = floats([(0.22, 0.74, side * 0.22), (-0.4, 0.26, side * 0.96 * wide), (forward, tall, side * out)])
        middle = corners.mean(axis=0) - floats([0, 0.12, 0])
        inner = middle + 0.62 * (corners - corners.mean(axis=0)) + floats([0.08, 0, side * 0.06])
        ears.append(sheet(corners, 0.1, Part.EAR, hair=hair * 0.4, rows=12))
        ears.append(sheet(inner, 0.08, Part.INNER_EAR, rows=8))
    return ears


def _dog_ears(face: DogFace, hair: float) -> list[Solid]:
    long, ears = face.ear_length, []
    for side in (-1, 1):
        if face.ears == "hanging":
            strands = [
                tube(
                    [
                        (x, 0.62, side * 0.5),
                        (x * 1.2 - 0.02, 0.52, side * 0.98),
                        (x * 1.7, 0.1 - 0.2 * long, side * 1.12),
                        (x * 1.2 + 0.05, 0.05 - 0.85 * long, side * 1.02),
                    ],
                    [0.14, 0.17, 0.24, 0.15],
                    Part.EAR,
                    hair=hair,
                )
                for x in (-0.24, 0.0, 0.2)
            ]
            ears += strands
            continue
        tip_y = 0.75 + 0.85 * long
        corners = floats([(0.18, 0.7, side * 0.2), (-0.35, 0.4, side * 0.82), (-0.05, tip_y, side * 0.66)])
        if face.ears == "pointed":
            inner = corners.mean(axis=0) + 0.58 * (corners - corners.mean(axis=0)) + floats([0.1, -0.1, side * 0.06])
            ears.append(sheet(corners, 0.12, Part.EAR, hair=hair * 0.4, rows=11))
            ears.append(sheet(inner, 0.08, Part.INNER_EAR, rows=8))
            continue
        fold = floats([(0.02, 0.95, side * 0.3), (-0.1, 0.85, side * 0.85), (0.5, 0.45, side * 0.75)])
        upright = floats([corners[0], corners[1], (0.0, 1.15, side * 0.6)])
        ears.append(sheet(upright, 0.13, Part.EAR, hair=hair * 0.4))
        ears.append(sheet(fold, 0.11, Part.EAR, hair=hair * 0.4))
    return ears


def _eyes(bare: Solid, eyes: Floats, radius: float, closed: bool) -> list[Solid]:
    if not closed:
        return [balls(eyes, radius, Part.EYE)]
    lids = []
    for _, y, z in eyes.tolist():
        bow = [(y - 0.06 * (1 - (step / 2) ** 2), z + 0.1 * step) for step in (-2, -1, 0, 1, 2)]
        lids.append(tube(_on(bare, bow), 0.045, Part.MOUTH))
    return lids


def _on(solid: Solid, where_yz: ArrayLike) -> Floats:
    """The points of the front of `solid` that have these y and z."""
    points = np.asarray(where_yz, np.float32).reshape(-1, 2)
    apart = ((points[:, None, :] - solid.centres[None, :, 1:]) ** 2).sum(axis=2)
    bulge = np.sqrt(np.maximum(solid.radii[None] ** 2 - apart, 0.0))
    front = np.where(apart < solid.radii[None] ** 2, solid.centres[None, :, 0] + bulge, -1.0).max(axis=1)
    return np.column_stack([front, points]).astype(np.float32)


def _combed(solid: Solid) -> Solid:
    """The solid with its hair lying away from the nose."""
    away = solid.centres - floats([1.2, -0.1, 0])
    flow = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    return Solid(solid.centres, solid.radii, solid.parts, solid.along, flow.astype(np.float32), solid.hair)
