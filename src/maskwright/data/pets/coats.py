"""Colours and patterns of the drawn animals' coats; cats and dogs wear the same colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.data.pets.solid import Floats, Part, floats

Rgb = tuple[float, float, float]

COLOURS: dict[str, Rgb] = {
    "black": (0.11, 0.10, 0.10),
    "charcoal": (0.26, 0.26, 0.28),
    "grey": (0.47, 0.47, 0.49),
    "silver": (0.67, 0.66, 0.65),
    "brown": (0.40, 0.27, 0.17),
    "chocolate": (0.27, 0.17, 0.11),
    "ginger": (0.78, 0.48, 0.21),
    "gold": (0.82, 0.63, 0.37),
    "cream": (0.89, 0.80, 0.65),
    "fawn": (0.71, 0.55, 0.39),
    "white": (0.93, 0.91, 0.88),
}
"""RGB in [0, 1]."""

_DARKER = {
    "silver": "charcoal",
    "grey": "black",
    "charcoal": "black",
    "brown": "black",
    "fawn": "chocolate",
    "ginger": "brown",
    "gold": "brown",
    "cream": "fawn",
    "white": "fawn",
    "black": "black",
    "chocolate": "black",
}


@dataclass(frozen=True)
class Coat:
    """What an animal wears.

    Args:
        pattern: "plain", "striped", "patched", "spotted", "points", "saddle" or "tan".
        base, second: colour of the coat and of its pattern, RGB in [0, 1].
        white: how much of the animal is white from below, in [0, 1].
        eyes: colour of the iris.
        nose: colour of the nose.
        collar: colour of the collar.
        seed: seeds the places of stripes and patches.
    """

    pattern: str
    base: Rgb
    second: Rgb
    white: float
    eyes: Rgb
    nose: Rgb
    collar: Rgb
    seed: int


@dataclass(frozen=True)
class Spots:
    """Where the seen points of an animal lie on it.

    Args:
        parts: `(K,)`.
        along: `(K,)`, along the tube, in [0, 1].
        dorsal: `(K,)`, -1 below to 1 above on its tube.
        local: `(K, 3)`, place on the body in torso lengths.
        face: `(K, 3)`, place relative to the head, in radii of the skull.
    """

    parts: NDArray[np.uint8]
    along: Floats
    dorsal: Floats
    local: Floats
    face: Floats


def cat_coat(rng: np.random.Generator) -> Coat:
    """A coat as cats wear it: often striped, often partly white."""
    weights = {"plain": 0.22, "striped": 0.4, "patched": 0.16, "points": 0.1, "spotted": 0.06, "saddle": 0.06}
    irises: list[Rgb] = [(0.72, 0.74, 0.25), (0.45, 0.68, 0.3), (0.85, 0.62, 0.16), (0.45, 0.68, 0.85)]
    nose: Rgb = (0.80, 0.50, 0.47) if rng.random() < 0.6 else (0.24, 0.17, 0.17)
    return _coat(rng, weights, irises[int(rng.integers(len(irises)))], nose)


def dog_coat(rng: np.random.Generator) -> Coat:
    """A coat as dogs wear it: often plain, saddled or with tan points."""
    weights = {"plain": 0.34, "patched": 0.2, "saddle": 0.14, "tan": 0.12, "striped": 0.1, "spotted": 0.1}
    iris: Rgb = (0.24, 0.13, 0.06) if rng.random() < 0.85 else (0.5, 0.33, 0.14)
    return _coat(rng, weights, iris, (0.07, 0.06, 0.06) if rng.random() < 0.85 else (0.35, 0.2, 0.16))


def colours_of(coat: Coat, spots: Spots) -> Floats:
    """The colour of each seen point, `(K, 3)` RGB in [0, 1], without light and without hair.

    Args:
        coat: what the animal wears.
        spots: where the points lie on the animal.
    """
    rng = np.random.default_rng(coat.seed)
    share = _share_of_second(coat.pattern, spots, rng)
    colour = _mix(np.broadcast_to(floats(coat.base), (len(share), 3)), coat.second, share)
    under = np.clip(-0.5 * spots.dorsal - 0.25, 0.0, 0.35)
    colour = _mix(colour, tuple(np.minimum(1.0, floats(coat.base) * 1.25 + 0.08)), under)
    colour = _mix(colour, COLOURS["white"], _share_of_white(coat.white, spots, rng))
    return _bare_skin(coat, spots.parts, colour)


def waves(points: Floats, rng: np.random.Generator, frequency: float, count: int = 7) -> Floats:
    """Smooth noise in space: `(K,)`, about -1 to 1, changing over 1 / `frequency` units."""
    total = np.zeros(len(points), np.float32)
    for _ in range(count):
        direction = rng.normal(size=3)
        direction *= frequency * 2 * np.pi * rng.uniform(0.5, 1.2) / np.linalg.norm(direction)
        x, y, z = (np.float32(part) for part in direction)
        place = points[:, 0] * x + points[:, 1] * y + points[:, 2] * z + np.float32(rng.uniform(0, 6.28))
        total += np.sin(place)
    return total * np.float32(1.4 / count**0.5)


def _coat(rng: np.random.Generator, weights: dict[str, float], eyes: Rgb, nose: Rgb) -> Coat:
    pattern = str(rng.choice(list(weights), p=np.array(list(weights.values()))))
    base = str(rng.choice([name for name in COLOURS if pattern == "plain" or name != "white"]))
    second = _DARKER[base]
    if pattern == "patched":
        base, second = "white", str(rng.choice(["black", "charcoal", "brown", "ginger", "grey", "chocolate", "gold"]))
    elif pattern == "points":
        base, second = str(rng.choice(["cream", "white", "fawn"])), str(rng.choice(["chocolate", "charcoal", "brown"]))
    elif pattern == "saddle":
        base, second = (
            str(rng.choice(["fawn", "gold", "ginger", "silver"])),
            str(rng.choice(["black", "charcoal", "chocolate"])),
        )
    elif pattern == "tan":
        base, second = str(rng.choice(["black", "chocolate", "charcoal"])), str(rng.choice(["ginger", "gold", "fawn"]))
    white = 0.0 if rng.random() < 0.5 or pattern in ("points", "tan") else float(rng.uniform(0.15, 0.9))
    tone = rng.uniform(0.88, 1.12)
    collars: list[Rgb] = [(0.8, 0.15, 0.15), (0.15, 0.35, 0.75), (0.15, 0.55, 0.3), (0.85, 0.65, 0.1), (0.5, 0.2, 0.55)]
    return Coat(
        pattern,
        _toned(COLOURS[base], tone),
        _toned(COLOURS[second], tone * (0.75 if second == base else 1.0)),
        white,
        eyes,
        nose,
        collars[int(rng.integers(len(collars)))],
        int(rng.integers(2**31)),
    )


def _toned(colour: Rgb, tone: float) -> Rgb:
    red, green, blue = (min(0.97, channel * tone) for channel in colour)
    return red, green, blue


def _share_of_second(pattern: str, spots: Spots, rng: np.random.Generator) -> Floats:
    """How much of the second colour each point has, `(K,)` in [0, 1]."""
    if pattern == "striped":
        return _stripes(spots, rng)
    if pattern == "patched":
        return _step(waves(spots.local, rng, rng.uniform(0.7, 1.3)) - rng.uniform(-0.5, 0.3), 0.06)
    if pattern == "spotted":
        return floats(_step(waves(spots.local, rng, rng.uniform(3.0, 5.0)) - 0.75, 0.12) * (spots.dorsal > -0.6))
    if pattern == "points":
        return _points(spots)
    if pattern == "saddle":
        wobble = 0.25 * waves(spots.local, rng, 2.5)
        trunk = _among(spots.parts, Part.TORSO, Part.TAIL, Part.NECK)
        top = _step(spots.dorsal + wobble - 0.05, 0.15) * trunk
        mask = _among(spots.parts, Part.MUZZLE, Part.EAR) * 0.85
        return floats(np.maximum(top, mask))
    if pattern == "tan":
        brows = _step(0.22 - np.hypot(spots.face[:, 1] - 0.62, np.abs(spots.face[:, 2]) - 0.36), 0.05)
        brows *= _among(spots.parts, Part.HEAD) * (spots.face[:, 0] > 0.2)
        feet = _among(spots.parts, Part.PAW) + _among(spots.parts, Part.LEG) * _step(spots.along - 0.45, 0.1)
        muzzle = _among(spots.parts, Part.MUZZLE) * _step(0.1 - spots.dorsal, 0.3)
        return floats(np.clip(brows + feet + muzzle, 0.0, 1.0))
    return np.zeros(len(spots.parts), np.float32)


def _stripes(spots: Spots, rng: np.random.Generator) -> Floats:
    """A tabby's stripes: rings across body, legs and tail, an M on the forehead."""
    wobble = 0.9 * waves(spots.local, rng, 1.6)
    pitch = rng.uniform(6.5, 9.0)
    body = np.sin(2 * np.pi * pitch * spots.local[:, 0] + wobble * 1.4)
    limb = np.sin(2 * np.pi * pitch * 0.9 * spots.local[:, 1] + wobble)
    tail = np.sin(2 * np.pi * 6.0 * spots.along + 0.3 * wobble)
    side = np.abs(spots.face[:, 2])
    brow = np.sin(2 * np.pi * (1.9 * side + 0.25)) * (spots.face[:, 1] > 0.35)
    cheek = np.sin(2 * np.pi * (1.7 * spots.face[:, 1] + 0.5 * side)) * (side > 0.6) * (spots.face[:, 1] <= 0.35)
    choice = np.select(
        [_is(spots.parts, part) for part in (Part.LEG, Part.TAIL, Part.HEAD, Part.TORSO, Part.NECK)],
        [limb, tail, brow + cheek, body, body],
        default=np.float32(-1.0),
    )
    fade = np.clip(spots.dorsal * 0.8 + 0.85, 0.15, 1.0)
    fade[_is(spots.parts, Part.HEAD)] = 0.8
    return floats(_step(choice - 0.15, 0.35) * fade * 0.85)


def _points(spots: Spots) -> Floats:
    """Dark face, ears, feet and tail."""
    mask = _step(0.75 - np.hypot(spots.face[:, 1] + 0.15, spots.face[:, 2]) * 0.9, 0.4)
    head = _among(spots.parts, Part.HEAD, Part.MUZZLE) * mask * (spots.face[:, 0] > 0.1)
    legs = _among(spots.parts, Part.LEG) * np.clip(spots.along * 1.4 - 0.4, 0.0, 1.0)
    ends = _among(spots.parts, Part.EAR, Part.TAIL, Part.PAW)
    return floats(np.clip((head + legs + ends) * 0.92, 0.0, 1.0))


def _share_of_white(white: float, spots: Spots, rng: np.random.Generator) -> Floats:
    if white <= 0.0:
        return np.zeros(len(spots.parts), np.float32)
    wobble = 0.35 * waves(spots.local, rng, 1.8)
    edge = 1.9 * white - 1.25
    belly = _step(edge - spots.dorsal + wobble, 0.12) * _among(spots.parts, Part.TORSO, Part.NECK)
    legs = _step(spots.along - (1.05 - white) + 0.3 * wobble, 0.08) * _among(spots.parts, Part.LEG)
    feet = _among(spots.parts, Part.PAW)
    blaze = 0.1 + 0.3 * white - 0.25 * np.clip(spots.face[:, 1], -0.5, 1.0)
    face = _step(blaze - np.abs(spots.face[:, 2]) + 0.1 * wobble, 0.06) * (spots.face[:, 0] > 0)
    face = face * _among(spots.parts, Part.HEAD)
    muzzle = _among(spots.parts, Part.MUZZLE) * (white > 0.3)
    tip = _step(spots.along - 0.85, 0.05) * _among(spots.parts, Part.TAIL)
    return floats(np.clip(belly + legs + feet + face + muzzle + tip, 0.0, 1.0))


def _bare_skin(coat: Coat, parts: NDArray[np.uint8], colour: Floats) -> Floats:
    """The parts that have no coat."""
    pink = floats((0.85, 0.60, 0.56))
    inner = 0.6 * pink + 0.4 * floats(coat.base)
    fixed = {
        Part.INNER_EAR: inner,
        Part.NOSE: floats(coat.nose),
        Part.MOUTH: floats((0.13, 0.07, 0.07)),
        Part.TONGUE: floats((0.86, 0.42, 0.45)),
        Part.COLLAR: floats(coat.collar),
        Part.EYE: floats(coat.eyes),
    }
    for part, skin in fixed.items():
        colour[_is(parts, part)] = skin
    return colour


def _is(parts: NDArray[np.uint8], part: Part) -> NDArray[np.bool_]:
    return np.asarray(parts == part)


def _among(parts: NDArray[np.uint8], *wanted: Part) -> Floats:
    return np.isin(parts, wanted).astype(np.float32)


def _step(values: ArrayLike, softness: float) -> Floats:
    """0 below, 1 above zero, smooth over `softness`."""
    at = np.clip(floats(values) / np.float32(2 * softness) + np.float32(0.5), 0.0, 1.0)
    return floats(at * at * (3 - 2 * at))


def _mix(colour: Floats, other: Rgb | tuple[float, ...], share: Floats) -> Floats:
    return floats(colour + (floats(other) - colour) * share[:, None])
