"""Light and hair: from what the camera sees of a solid to a picture of it with an exact outline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.pets.solid import HIDDEN, Floats, Surface, floats


@dataclass(frozen=True)
class Sprite:
    """A drawn thing, to be laid over a scene.

    Args:
        colour: `(h, w, 3) float32` RGB in [0, 1].
        cover: `(h, w) bool`, where it is.
        corner_xy: where its upper left pixel belongs in the scene, in the same fine pixels.
    """

    colour: Floats
    cover: NDArray[np.bool_]
    corner_xy: tuple[int, int]


@dataclass(frozen=True)
class Light:
    """How a scene is lit.

    Args:
        direction: to the light, `(3,)`: x right, y down, z towards the camera; length 1.
        ambient: the share of light that comes from everywhere, in [0, 1].
        tint: colour of the light, RGB about 1.
    """

    direction: Floats
    ambient: float
    tint: Floats


def shade(surface: Surface, light: Light, softness: float) -> Floats:
    """How bright each pixel of a surface is, `(H, W)`, about 0.2 to 1.2.

    Diffuse light wrapped around the edge, darker where neighbouring parts stand nearer to the camera.

    Args:
        surface: what is seen.
        light: where the light comes from.
        softness: how far neighbouring shapes flow together, in pixels.
    """
    seen = (surface.owner >= 0).astype(np.float32)
    depth = np.where(seen > 0, surface.depth, 0.0).astype(np.float32)
    near = _within(depth, seen, softness)
    slope_x = cv2.Sobel(near, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(near, cv2.CV_32F, 0, 1, scale=1 / 8)
    inverse = 1.0 / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    x, y, z = (float(part) for part in light.direction)
    facing = (z - x * slope_x - y * slope_y) * inverse
    lit = light.ambient + (1.0 - light.ambient) * np.clip((facing + 0.35) / 1.35, 0.0, 1.0)
    sunk = np.clip(_within(depth, seen, 3.5 * softness) - depth, 0.0, None) / np.float32(3.5 * softness)
    crease = np.exp(-0.55 * np.minimum(sunk, 2.5))
    rim = 0.72 + 0.28 * np.clip(inverse * 1.6, 0.0, 1.0)
    return np.asarray(lit * crease * rim * 1.12, np.float32)


def with_hair(
    colour: Floats, surface: Surface, flow_xy: Floats, hair: Floats, seed: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Comb hair over a picture: strands of light and dark, and an outline that frays along them.

    The strands are noise smeared along the flow (B. Cabral, L. Leedom, "Imaging vector fields using line
    integral convolution", 1993); each pixel then shows what lies where its strand is rooted.

    Args:
        colour: `(H, W, 3)`, the smooth picture.
        surface: what is seen.
        flow_xy: `(H, W, 2)`, direction in which the hair lies.
        hair: `(H, W)`, length of the hair in pixels.
        seed: seeds the strands.

    Returns:
        The picture and where it is.
    """
    seen = (surface.owner >= 0).astype(np.float32)
    reach = float(max(1.5, hair.max() * 1.2))
    soft = smooth(seen, reach)
    outward = np.dstack([cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)]) * np.float32(-reach)
    flow = _within(flow_xy * seen[..., None], seen, reach)
    bare = (seen > 0) & (hair == 0)
    long = np.where(bare, np.float32(0), _within(hair * seen, seen, reach))
    flow = flow + 0.9 * outward
    lying = np.linalg.norm(flow, axis=2, keepdims=True)
    flow /= np.maximum(lying, 0.25)
    seen_lengthwise = np.clip(1.3 * lying[..., 0], 0.2, 1.0)
    strands = _strands(flow, reach, seed)
    pull = long * seen_lengthwise * (0.1 + 1.1 * strands)
    rows, columns = _grid(*seen.shape)
    from_x, from_y = columns - flow[..., 0] * pull, rows - flow[..., 1] * pull
    cover = cv2.remap(seen, from_x, from_y, cv2.INTER_NEAREST) > 0.5
    depth_of_hair = (np.clip(long / 2.5, 0.0, 1.0) * seen_lengthwise)[..., None]
    pulled = cv2.remap(colour, from_x, from_y, cv2.INTER_NEAREST)
    streaked = pulled * (1.0 + depth_of_hair * (0.75 * (strands - 0.5))[..., None])
    return np.clip(streaked + 0.03 * depth_of_hair * (strands[..., None] - 0.5), 0.0, 1.0), cover


def cropped(surface: Surface, margin: int) -> tuple[Surface, tuple[int, int]]:
    """The part of a surface in which something is seen, and its corner (x, y)."""
    rows, columns = np.flatnonzero((surface.owner >= 0).any(axis=1)), np.flatnonzero((surface.owner >= 0).any(axis=0))
    if not len(rows):
        return Surface(surface.depth[:1, :1], surface.owner[:1, :1]), (0, 0)
    height, width = surface.owner.shape
    top, bottom = max(0, rows[0] - margin), min(height, rows[-1] + margin + 1)
    left, right = max(0, columns[0] - margin), min(width, columns[-1] + margin + 1)
    return Surface(surface.depth[top:bottom, left:right], surface.owner[top:bottom, left:right]), (int(left), int(top))


def uncovered(shape_hw: tuple[int, int]) -> Surface:
    """A surface on which nothing is seen."""
    return Surface(np.full(shape_hw, HIDDEN, np.float32), np.full(shape_hw, -1, np.int32))


def _strands(flow: Floats, reach: float, seed: int) -> Floats:
    """Noise smeared along a flow over about `reach` pixels, spread over [0, 1]."""
    height, width = flow.shape[:2]
    thick = max(0.75, 0.045 * reach)
    noise = np.random.default_rng(seed).random((height, width), np.float32)
    strands = smooth(noise, thick)
    rows, columns = _grid(height, width)
    for step in (1.4 * thick, max(2.8 * thick, 0.28 * reach)):
        total = strands.copy()
        for way in (-1.0, 1.0) if step > 2.5 * thick else (-2.0, -1.0, 1.0, 2.0):
            shift = np.float32(way * step)
            from_x, from_y = columns + flow[..., 0] * shift, rows + flow[..., 1] * shift
            total += floats(cv2.remap(strands, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
        strands = total
    spread = (strands - strands.mean()) / max(float(strands.std()), 1e-6)
    return np.asarray(np.clip(0.5 + 0.25 * spread, 0.0, 1.0), np.float32)


def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Row and column of each pixel."""
    rows = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    return rows, np.repeat(np.arange(width, dtype=np.float32)[None], height, axis=0)


def _within(values: Floats, seen: Floats, sigma: float) -> Floats:
    """`values` (0 where not seen) smoothed without the unseen leaking in, and continued outside."""
    weight = np.maximum(smooth(seen, sigma), 1e-4)
    return floats(smooth(values, sigma) / (weight if values.ndim == 2 else weight[..., None]))


def smooth(values: Floats, sigma: float) -> Floats:
    """`values` blurred; as a Gaussian blur, but as fast for a wide one: three boxes are nearly a Gaussian."""
    if sigma < 2.0:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)
    side = 2 * round((float(np.sqrt(4 * sigma**2 + 1)) - 1) / 2) + 1
    for _ in range(3):
        values = np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
    return values
