"""Places for the drawn animals: floors in perspective, walls, gardens, blurred distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from maskwright.data.pets.solid import Floats, floats

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Place:
    """An empty scene.

    Args:
        picture: `(S, S, 3) float32` RGB in [0, 1].
        horizon: where the ground begins, as a fraction of the height from above.
        outdoors: whether grass may grow there.
    """

    picture: Floats
    horizon: float
    outdoors: bool


def make_place(rng: np.random.Generator, size_px: int) -> Place:
    """A place by lot: a room, a garden, a bed seen from above.

    Args:
        rng: the lots.
        size_px: side of the picture.
    """
    kind = rng.random()
    if kind < 0.16:
        lying = FLOORS[int(rng.integers(len(FLOORS)))](rng, *_seen_from_above(rng, size_px))
        return Place(_lit(lying, rng), 0.0, outdoors=False)
    horizon = float(rng.uniform(0.08, 0.5))
    outdoors = kind > 0.62
    grounds, walls = (GROUNDS, DISTANCES) if outdoors else (FLOORS, WALLS)
    far = walls[int(rng.integers(len(walls)))](rng, size_px)
    near = grounds[int(rng.integers(len(grounds)))](rng, *_in_perspective(rng, size_px, horizon))
    picture = _joined(far, near, horizon, rng, outdoors)
    return Place(_lit(picture, rng), horizon, outdoors)


def noise(rng: np.random.Generator, shape_hw: tuple[int, int], cell_px: float, octaves: int = 4) -> Floats:
    """Smooth noise of several sizes added up, about -1 to 1.

    Args:
        rng: the lots.
        shape_hw: height and width.
        cell_px: size of its largest spots.
        octaves: how many sizes, each half of the one before.
    """
    height, width = shape_hw
    total, weight = np.zeros(shape_hw, np.float32), 1.0
    for _ in range(octaves):
        rows, columns = max(2, round(height / cell_px) + 2), max(2, round(width / cell_px) + 2)
        grid = rng.random((rows, columns), np.float32) * 2 - 1
        total += np.float32(weight) * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight, cell_px = weight * 0.55, max(1.0, cell_px / 2)
    return total


def _seen_from_above(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    angle, zoom = rng.uniform(-0.5, 0.5), rng.uniform(0.8, 1.5)
    rows, columns = _unit_grid(size)
    across = (columns - 0.5) * np.float32(np.cos(angle)) + (rows - 0.5) * np.float32(np.sin(angle))
    along = (rows - 0.5) * np.float32(np.cos(angle)) - (columns - 0.5) * np.float32(np.sin(angle))
    return across * np.float32(zoom), along * np.float32(zoom) + 5.0


def _in_perspective(rng: np.random.Generator, size: int, horizon: float) -> tuple[Floats, Floats]:
    """Places on the ground, across and along, of every pixel; above the horizon they mean nothing."""
    rows, columns = _unit_grid(size)
    eye = np.float32(rng.uniform(0.18, 0.45))
    distance = 1.0 / np.maximum(rows - np.float32(horizon) + eye, 0.02)
    slant = np.float32(rng.uniform(-0.35, 0.35))
    across = (columns - np.float32(rng.uniform(0.3, 0.7))) * distance * 0.75
    return across + slant * distance, distance + 3.0 - slant * across


def _unit_grid(size: int) -> tuple[Floats, Floats]:
    at = (np.arange(size, dtype=np.float32) + 0.5) / size
    return np.repeat(at[:, None], size, axis=1), np.repeat(at[None], size, axis=0)


def _spread(rng: np.random.Generator, across: Floats, along: Floats, cell: tuple[float, float]) -> Floats:
    """Noise that lies on the ground: `cell` is the size of its spots across and along."""
    texture = noise(rng, (256, 256), 24, 5)
    from_x, from_y = (
        np.abs(np.mod(at * np.float32(24 / step), 510.0) - 255.0).astype(np.float32)
        for at, step in ((across, cell[0]), (along, cell[1]))
    )
    return np.asarray(cv2.remap(texture, from_x, from_y, cv2.INTER_LINEAR), np.float32)


def _hashed(*numbers: Floats) -> Floats:
    """A lot in [0, 1) for each cell, always the same for the same numbers."""
    mixed = sum(number * np.float32(factor) for number, factor in zip(numbers, (12.9898, 78.233), strict=False))
    return np.asarray(np.mod(np.abs(np.sin(np.asarray(mixed, np.float64)) * 43758.5453), 1.0), np.float32)


def _tinted(colour: Rgb | Floats, tone: Floats) -> Floats:
    return np.asarray(np.clip(floats(colour) * tone[..., None], 0.0, 1.0), np.float32)


def _pick(rng: np.random.Generator, *colours: Rgb) -> Floats:
    chosen = floats(colours[int(rng.integers(len(colours)))])
    return np.clip(chosen * np.float32(rng.uniform(0.85, 1.15)) + rng.normal(size=3).astype(np.float32) * 0.015, 0, 1)


def _wood(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    wide, long = rng.uniform(0.09, 0.18), rng.uniform(0.9, 1.6)
    plank = np.floor(across / wide)
    board = np.floor(along / long + _hashed(plank))
    tone = 0.86 + 0.28 * _hashed(plank, board) + 0.13 * _spread(rng, across, along, (0.05, 0.7))
    gap = np.minimum(np.mod(across / wide, 1.0), 1 - np.mod(across / wide, 1.0)) < 0.035
    tone = np.where(gap, tone * 0.6, tone)
    return _tinted(_pick(rng, (0.62, 0.44, 0.27), (0.45, 0.29, 0.18), (0.74, 0.6, 0.42), (0.55, 0.5, 0.45)), tone)


def _tiles(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    side = rng.uniform(0.18, 0.36)
    column, row = np.floor(across / side), np.floor(along / side)
    edge = np.minimum.reduce(
        [np.mod(at / side, 1.0) for at in (across, along)] + [1 - np.mod(at / side, 1.0) for at in (across, along)]
    )
    light = _pick(rng, (0.82, 0.8, 0.76), (0.7, 0.72, 0.74), (0.78, 0.68, 0.56))
    dark = light * np.float32(rng.uniform(0.45, 0.95))
    checked = (np.mod(column + row, 2) > 0.5)[..., None]
    tone = 0.95 + 0.12 * _hashed(column, row) + 0.05 * _spread(rng, across, along, (0.3, 0.3))
    tone = np.where(edge < 0.03, tone * 0.7, tone)
    return np.asarray(np.clip(np.where(checked, light, dark) * tone[..., None], 0, 1), np.float32)


def _carpet(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    main = _pick(
        rng,
        (0.6, 0.25, 0.22),
        (0.3, 0.36, 0.5),
        (0.66, 0.6, 0.5),
        (0.42, 0.45, 0.4),
        (0.72, 0.68, 0.64),
        (0.4, 0.3, 0.26),
    )
    other = _pick(rng, (0.8, 0.7, 0.5), (0.25, 0.22, 0.3), (0.85, 0.82, 0.78))
    pile = rng.normal(size=across.shape).astype(np.float32) * 0.07
    tone = 1.0 + pile + 0.07 * _spread(rng, across, along, (0.2, 0.2))
    pitch = rng.uniform(0.15, 0.4)
    style = rng.random()
    if style < 0.35:
        figure = np.mod(across / pitch, 1.0) < rng.uniform(0.1, 0.4)
    elif style < 0.6:
        figure = np.abs(np.mod(across / pitch, 1.0) - 0.5) + np.abs(np.mod(along / pitch, 1.0) - 0.5) < 0.25
    else:
        figure = np.zeros(across.shape, bool)
    return np.asarray(np.clip(np.where(figure[..., None], other, main) * tone[..., None], 0, 1), np.float32)


def _blanket(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    main = _pick(rng, (0.75, 0.74, 0.78), (0.35, 0.45, 0.62), (0.7, 0.45, 0.45), (0.5, 0.58, 0.45), (0.86, 0.8, 0.7))
    other = _pick(rng, (0.9, 0.9, 0.9), (0.2, 0.25, 0.4), (0.6, 0.2, 0.2))
    bent = 0.12 * _spread(rng, across, along, (0.7, 0.7))
    pitch = rng.uniform(0.12, 0.3)
    bars = [np.mod((at + bent) / pitch, 1.0) < 0.3 for at in (across, along)]
    share = np.zeros(across.shape, np.float32)
    if rng.random() < 0.6:
        share = 0.4 * bars[0].astype(np.float32) + (0.4 * bars[1].astype(np.float32) if rng.random() < 0.6 else 0.0)
    folds = 1.0 + 0.22 * np.sin(9.0 * (across + 2.2 * bent) + 5.0 * along + 6 * bent) * _spread(
        rng, across, along, (1.0, 1.0)
    )
    weave = 1.0 + 0.04 * rng.normal(size=across.shape).astype(np.float32)
    return np.asarray(
        np.clip((main + (other - main) * share[..., None]) * (folds * weave)[..., None], 0, 1), np.float32
    )


def _grass(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    green = _pick(rng, (0.33, 0.46, 0.18), (0.42, 0.5, 0.24), (0.27, 0.4, 0.2), (0.55, 0.53, 0.28))
    size = across.shape[0]
    blades = cv2.GaussianBlur(rng.normal(size=across.shape).astype(np.float32), (0, 0), 0.6, None, size / 60)
    tone = 1.0 + 1.0 * blades + 0.22 * _spread(rng, across, along, (0.5, 0.5))
    dry = np.clip(0.6 * _spread(rng, across, along, (0.8, 0.8)) - 0.1, 0, 0.6)[..., None]
    lawn = green + (floats((0.62, 0.55, 0.33)) - green) * dry
    lawn = lawn * np.clip(tone, 0.35, 1.7)[..., None]
    if rng.random() < 0.35:
        flowers = rng.random(across.shape) < 0.004
        lawn[cv2.dilate(flowers.astype(np.uint8), np.ones((2, 2), np.uint8)) > 0] = _pick(
            rng, (0.95, 0.9, 0.3), (0.95, 0.95, 0.95)
        )
    return np.asarray(np.clip(lawn, 0, 1), np.float32)


def _earth(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    colour = _pick(rng, (0.6, 0.52, 0.4), (0.74, 0.66, 0.5), (0.45, 0.4, 0.36), (0.62, 0.6, 0.58), (0.86, 0.88, 0.92))
    grain = rng.normal(size=across.shape).astype(np.float32) * 0.06
    tone = 1.0 + grain + 0.16 * _spread(rng, across, along, (0.35, 0.25))
    stones = _spread(rng, across, along, (0.12, 0.1)) > 0.95
    return _tinted(colour, np.where(stones, tone * 0.75, tone))


def _paving(rng: np.random.Generator, across: Floats, along: Floats) -> Floats:
    wide, long = rng.uniform(0.14, 0.2), rng.uniform(0.2, 0.4)
    row = np.floor(across / wide)
    shifted = along / long + 0.5 * np.mod(row, 2)
    tone = 0.85 + 0.3 * _hashed(row, np.floor(shifted)) + 0.1 * _spread(rng, across, along, (0.1, 0.1))
    joint = (np.mod(across / wide, 1.0) < 0.07) | (np.mod(shifted, 1.0) < 0.05)
    return _tinted(
        _pick(rng, (0.6, 0.57, 0.54), (0.62, 0.42, 0.35), (0.5, 0.5, 0.52)), np.where(joint, 0.55 * tone, tone)
    )


def _plain_wall(rng: np.random.Generator, size: int) -> Floats:
    colour = _pick(
        rng,
        (0.8, 0.77, 0.7),
        (0.66, 0.72, 0.76),
        (0.74, 0.66, 0.56),
        (0.58, 0.64, 0.55),
        (0.84, 0.82, 0.82),
        (0.45, 0.42, 0.48),
    )
    return _tinted(colour, 1.0 + 0.04 * noise(rng, (size, size), size / 2))


def _papered_wall(rng: np.random.Generator, size: int) -> Floats:
    _, columns = _unit_grid(size)
    rows, _ = _unit_grid(size)
    pitch = rng.uniform(0.06, 0.16)
    colour, other = (
        _pick(rng, (0.8, 0.75, 0.66), (0.6, 0.66, 0.7), (0.72, 0.6, 0.58)),
        _pick(rng, (0.88, 0.85, 0.8), (0.5, 0.48, 0.52)),
    )
    if rng.random() < 0.5:
        figure = np.mod(columns / pitch, 1.0) < 0.4
    else:
        figure = (
            np.hypot(
                np.mod(columns / pitch + 0.5 * (np.mod(rows / pitch, 2) > 1), 1.0) - 0.5,
                np.mod(rows / pitch, 1.0) - 0.5,
            )
            < 0.22
        )
    return np.asarray(np.where(figure[..., None], other, colour), np.float32)


def _brick_wall(rng: np.random.Generator, size: int) -> Floats:
    rows, columns = _unit_grid(size)
    return _paving(rng, rows * np.float32(rng.uniform(1.6, 2.4)), columns * np.float32(rng.uniform(1.2, 2.0)))


def _curtain(rng: np.random.Generator, size: int) -> Floats:
    _, columns = _unit_grid(size)
    bend = columns * np.float32(rng.uniform(14, 30)) + 0.8 * noise(rng, (size, size), size / 3, 2)
    colour = _pick(rng, (0.6, 0.3, 0.3), (0.35, 0.42, 0.55), (0.75, 0.7, 0.6), (0.4, 0.5, 0.4), (0.55, 0.45, 0.58))
    return _tinted(colour, floats(0.85 + 0.25 * np.sin(bend)))


def _shelf(rng: np.random.Generator, size: int) -> Floats:
    picture = np.full((size, size, 3), (0.32, 0.22, 0.15), np.float32)
    step = int(size * rng.uniform(0.17, 0.25))
    for top in range(0, size, step):
        left = 0
        while left < size:
            wide, low = max(2, int(size * rng.uniform(0.02, 0.06))), int(step * rng.uniform(0.15, 0.45))
            colour = rng.uniform(0.15, 0.8, 3) * np.array([1.0, 0.85, 0.75])
            picture[top + low : top + step - 3, left : left + wide - 1] = colour
            left += wide + (int(size * 0.05) if rng.random() < 0.08 else 0)
    return picture


def _room(rng: np.random.Generator, size: int) -> Floats:
    """A wall with a window or pictures on it."""
    picture = _plain_wall(rng, size)
    for _ in range(int(rng.integers(1, 4))):
        high, wide = (int(size * rng.uniform(0.12, 0.4)) for _ in range(2))
        top, left = int(rng.integers(-high // 3, size // 2)), int(rng.integers(-wide // 3, size))
        area = picture[max(0, top) : max(0, top + high), max(0, left) : max(0, left + wide)]
        if area.size:
            area[:] = _pick(rng, (0.9, 0.9, 0.88), (0.35, 0.25, 0.18), (0.15, 0.15, 0.16))
            inside = area[2:-2, 2:-2]
            if inside.size:
                shade = noise(rng, inside.shape[:2], max(high, wide) / 2, 3)[..., None]
                inside[:] = np.clip(_pick(rng, (0.7, 0.8, 0.9), (0.5, 0.55, 0.4), (0.8, 0.6, 0.4)) + 0.2 * shade, 0, 1)
    return picture


def _sky(rng: np.random.Generator, size: int) -> Floats:
    rows, _ = _unit_grid(size)
    clouds = np.clip(noise(rng, (size, size), size / 2.5, 5) * 0.9 + rng.uniform(-0.3, 0.4), 0, 1)[..., None]
    blue = floats((0.38, 0.58, 0.85)) + rows[..., None] * floats((0.6, 0.4, 0.15))
    sky = blue + (0.94 - blue) * clouds
    return np.asarray(np.clip(sky * np.float32(rng.uniform(0.75, 1.0)), 0, 1), np.float32)


def _bokeh(rng: np.random.Generator, size: int) -> Floats:
    """A garden out of focus: foliage and discs of light."""
    shade = noise(rng, (size, size), size / 3, 4)
    green = _pick(rng, (0.25, 0.36, 0.17), (0.34, 0.38, 0.2), (0.4, 0.34, 0.22), (0.2, 0.3, 0.25))
    picture = _tinted(green, 1.0 + 0.5 * shade)
    for _ in range(int(rng.integers(8, 30))):
        at = (int(rng.integers(size)), int(rng.integers(size)))
        disc = np.zeros((size, size), np.uint8)
        cv2.circle(disc, at, max(2, int(size * rng.uniform(0.015, 0.06))), 1, -1, cv2.LINE_AA)
        glow = disc.astype(np.float32)[..., None] * np.float32(rng.uniform(0.1, 0.4))
        picture += glow * (np.float32(rng.uniform((0.6, 0.7, 0.3), (1, 1, 0.8))) - picture)
    return np.asarray(np.clip(cv2.GaussianBlur(picture, (0, 0), size / 110), 0, 1), np.float32)


def _hedge(rng: np.random.Generator, size: int) -> Floats:
    leaves = noise(rng, (size, size), size / 14, 3) + 0.6 * noise(rng, (size, size), size / 3, 2)
    return _tinted(
        _pick(rng, (0.22, 0.36, 0.16), (0.3, 0.38, 0.16), (0.25, 0.3, 0.2)), np.clip(0.95 + 0.55 * leaves, 0.2, 2)
    )


def _fence(rng: np.random.Generator, size: int) -> Floats:
    rows, columns = _unit_grid(size)
    return _wood(rng, columns * np.float32(rng.uniform(1.2, 2.0)), rows * 0.8)


def _joined(far: Floats, near: Floats, horizon: float, rng: np.random.Generator, outdoors: bool) -> Floats:
    """The distance above, the ground below, and what is where they meet."""
    size = len(far)
    row = int(horizon * size)
    if outdoors and rng.random() < 0.6:
        ridge = row - np.abs(noise(rng, (1, size), size / 4, 4)[0]) * size * 0.12
        trees = np.arange(size)[:, None] > ridge[None]
        far = np.where(trees[..., None], _hedge(rng, size) * 0.8, far)
    if rng.random() < 0.6:
        far = floats(cv2.GaussianBlur(far, (0, 0), size * rng.uniform(0.004, 0.02)))
    picture = far.copy()
    picture[row:] = near[row:]
    if not outdoors:
        board = max(2, int(size * rng.uniform(0.012, 0.035)))
        picture[max(0, row - board) : row] = _pick(rng, (0.9, 0.88, 0.85), (0.4, 0.28, 0.2), (0.7, 0.66, 0.6))
    fade = np.exp(-np.arange(size - row, dtype=np.float32) / (0.12 * size))[:, None, None]
    picture[row:] *= 1.0 - (0.3 if not outdoors else 0.12) * fade
    return picture


def _lit(picture: Floats, rng: np.random.Generator) -> Floats:
    """Uneven light over the scene, now and then with the light of a window on it."""
    size = len(picture)
    light = 1.0 + 0.1 * noise(rng, (size, size), size / 1.5, 2)
    if rng.random() < 0.2:
        rows, columns = _unit_grid(size)
        beam = np.abs(columns + np.float32(rng.uniform(-0.8, 0.8)) * rows - np.float32(rng.uniform(0.2, 0.9)))
        light = light + np.float32(0.3) * np.clip(6 * (rng.uniform(0.08, 0.2) - beam), 0, 1).astype(np.float32)
    return np.asarray(np.clip(picture * light[..., None], 0, 1), np.float32)


FLOORS: tuple[Callable[[np.random.Generator, Floats, Floats], Floats], ...] = (_wood, _tiles, _carpet, _blanket)
GROUNDS: tuple[Callable[[np.random.Generator, Floats, Floats], Floats], ...] = (_grass, _grass, _earth, _paving)
WALLS: tuple[Callable[[np.random.Generator, int], Floats], ...] = (
    _plain_wall,
    _papered_wall,
    _brick_wall,
    _curtain,
    _shelf,
    _room,
    _room,
)
DISTANCES: tuple[Callable[[np.random.Generator, int], Floats], ...] = (_sky, _bokeh, _bokeh, _hedge, _fence)
