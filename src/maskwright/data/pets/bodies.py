"""The bodies of the drawn animals in their poses. Unit: the length of the torso; x to the head, y up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maskwright.data.pets.solid import Floats, Part, Solid, moved, rotation, together, tube

Joint = tuple[float, float, float]


@dataclass(frozen=True)
class Build:
    """How an animal is built.

    Args:
        chest, waist, hip: radii of the torso.
        leg_length: from the hip to the ground.
        leg: thickness of the legs, 1 is usual.
        neck, neck_length: radius and length of the neck.
        head: radius of the skull.
        tail_length, tail: length of the tail and its radii at root and tip.
        curl: how much the tail bends up, in [-1, 1].
        hair: length of the hair.
    """

    chest: float
    waist: float
    hip: float
    leg_length: float
    leg: float
    neck: float
    neck_length: float
    head: float
    tail_length: float
    tail: tuple[float, float]
    curl: float
    hair: float


@dataclass(frozen=True)
class Body:
    """A body without its head.

    Args:
        solid: its balls, standing on y = 0.
        neck: where the middle of the skull belongs.
        head_turn_deg: how far the head is turned from the body's direction by the pose itself.
        head_free: whether the head may turn to the camera.
    """

    solid: Solid
    neck: Joint
    head_turn_deg: float = 0.0
    head_free: bool = True


def standing(build: Build, rng: np.random.Generator) -> Body:
    """On four legs, still or walking."""
    high, wide = build.leg_length, 0.52 * build.chest
    stride = rng.uniform(0.0, 0.2)
    back = rng.uniform(-0.02, 0.04)
    torso = _torso(
        [(-0.5, high, 0), (-0.1, high + back - 0.01, 0), (0.4, high + 0.02, 0), (0.52, high + 0.08, 0)], build
    )
    legs = []
    for side, swing in ((-1, stride), (1, -stride)):
        legs.append(_front_leg((0.42, high - 0.1, side * wide), 0.42 + swing, build))
        legs.append(_hind_leg((-0.47, high - 0.02, side * wide), -0.5 - swing * 0.8, build))
    low = rng.uniform(-0.35, 1.0)
    neck = (0.6 + 0.6 * build.neck_length, high + 0.12 + build.neck_length * (0.35 + 0.75 * low), 0.0)
    parts = [torso, *legs, _neck((0.45, high + 0.08, 0), neck, build), _tail((-0.62, high + 0.08, 0), build, rng)]
    return Body(together(parts), neck)


def sitting(build: Build, rng: np.random.Generator) -> Body:
    """On the haunches, front legs upright."""
    tall = 0.4 + 0.62 * build.leg_length + rng.uniform(-0.04, 0.04)
    wide = 0.5 * build.chest
    torso = _torso(
        [(-0.26, build.hip * 0.95, 0), (-0.27, 0.3 + 0.3 * tall, 0), (0.02, tall, 0), (0.1, tall + 0.12, 0)], build
    )
    parts = [torso]
    for side in (-1, 1):
        parts.append(_front_leg((0.1, tall - 0.06, side * wide), 0.2 + rng.uniform(-0.03, 0.03), build))
        parts.append(
            tube(
                [(-0.24, 0.26, side * 0.7 * build.hip), (-0.02, 0.24, side * 0.95 * build.hip)],
                [0.17 * build.leg, 0.13 * build.leg],
                Part.LEG,
                hair=build.hair,
            )
        )
        foot = [(-0.12, 0.06, side * 0.95 * build.hip), (0.12, 0.055, side * 1.0 * build.hip)]
        parts.append(tube(foot, 0.065 * build.leg, Part.PAW, hair=build.hair * 0.4))
    neck = (0.2 + 0.25 * build.neck_length, tall + 0.24 + 0.8 * build.neck_length, 0.0)
    parts.append(_neck((0.06, tall + 0.05, 0), neck, build))
    parts.append(_lying_tail((-0.42, 0.1, 0), build, rng))
    return Body(together(parts), neck)


def lying(build: Build, rng: np.random.Generator) -> Body:
    """Like a sphinx: on the belly, front legs forward, head up."""
    low = build.chest * 0.92
    wide = 0.62 * build.chest
    torso = _torso([(-0.45, build.hip * 0.9, 0), (-0.05, low, 0), (0.35, low + 0.05, 0), (0.45, low + 0.14, 0)], build)
    parts = [torso]
    for side in (-1, 1):
        reach = rng.uniform(0.3, 0.5)
        parts.append(
            tube(
                [(0.35, low, side * wide), (0.22, 0.09, side * wide * 1.25), (0.35 + reach, 0.06, side * wide)],
                [0.11 * build.leg, 0.075 * build.leg, 0.06 * build.leg],
                Part.LEG,
                hair=build.hair * 0.5,
            )
        )
        paw = [(0.36 + reach, 0.055, side * wide), (0.45 + reach, 0.05, side * wide)]
        parts.append(tube(paw, 0.065 * build.leg, Part.PAW, hair=build.hair * 0.3))
        thigh = [(-0.42, 0.22, side * 0.6 * build.hip), (-0.2, 0.18, side * 1.05 * build.hip)]
        parts.append(tube(thigh, [0.18 * build.leg, 0.13 * build.leg], Part.LEG, hair=build.hair))
        foot = [(-0.32, 0.06, side * 1.2 * build.hip), (-0.02, 0.055, side * 1.25 * build.hip)]
        parts.append(tube(foot, 0.06 * build.leg, Part.PAW, hair=build.hair * 0.3))
    neck = (0.5 + 0.5 * build.neck_length, low + 0.22 + 0.7 * build.neck_length, 0.0)
    parts += [_neck((0.36, low + 0.08, 0), neck, build), _lying_tail((-0.6, 0.14, 0), build, rng)]
    return Body(together(parts), neck)


def stretched(build: Build, rng: np.random.Generator) -> Body:
    """On the side, legs away from the body, head raised a little."""
    body = standing(build, rng)
    side = 1.0 if rng.random() < 0.5 else -1.0
    turned = moved(body.solid, rotation(0, side * rng.uniform(68, 84)))
    lift = -float((turned.centres[:, 1] - turned.radii).min())
    turned = moved(turned, np.eye(3, dtype=np.float32), (0.0, lift, 0.0))
    middle = float(turned.centres[turned.parts == Part.NECK][-1, 2])
    nape = turned.centres[turned.parts == Part.NECK][-1]
    return Body(turned, (float(nape[0]), max(float(nape[1]), build.head) + 0.04, middle), head_free=True)


def curled(build: Build, rng: np.random.Generator) -> Body:
    """Curled up, the head on the tail."""
    ring = 1.08 * build.hip
    around = np.deg2rad(np.linspace(255, 35, 6))
    spine = [(ring * np.cos(a), build.chest * 0.85, ring * np.sin(a)) for a in around]
    torso = tube(
        spine,
        [build.hip, build.hip * 1.1, build.waist * 1.1, build.chest, build.chest, build.neck * 1.1],
        Part.TORSO,
        hair=build.hair,
    )
    thigh = tube(
        [(ring * 0.2, 0.17, -ring * 1.25), (ring * 1.1, 0.14, -ring * 1.2)], [0.2, 0.13], Part.LEG, hair=build.hair
    )
    tail_ring = ring + build.hip
    bends = np.deg2rad(np.linspace(-95, -95 + 110 * min(1.0, build.tail_length + 0.25), 6))
    tail = tube(
        [(tail_ring * np.cos(a), 0.09, tail_ring * np.sin(a)) for a in bends],
        np.linspace(*build.tail, 6),
        Part.TAIL,
        hair=build.hair,
    )
    paw = tube([(ring * 1.3, 0.1, ring * 0.2), (ring * 1.9, 0.07, -ring * 0.5)], 0.07 * build.leg, Part.PAW, hair=0.01)
    neck = (ring * 1.35, build.head * 1.05, ring * (0.1 + 0.4 * rng.random()))
    return Body(together([torso, thigh, tail, paw]), neck, head_turn_deg=rng.uniform(20, 70), head_free=False)


def _torso(spine: list[Joint], build: Build) -> Solid:
    radii = [build.hip, build.waist, build.chest, build.chest * 0.72]
    return tube(spine, radii, Part.TORSO, hair=build.hair)


def _neck(chest: Joint, head: Joint, build: Build) -> Solid:
    behind = (head[0] - 0.25 * build.head, head[1] - 0.25 * build.head, head[2])
    return tube([chest, behind], [build.neck * 1.25, build.neck], Part.NECK, hair=build.hair * 1.3)


def _front_leg(shoulder: Joint, foot_x: float, build: Build) -> Solid:
    x, y, z = shoulder
    thick = build.leg
    limb = tube(
        [
            shoulder,
            (x - 0.05 + 0.2 * (foot_x - x), y * 0.55, z * 1.05),
            (foot_x - 0.02, y * 0.22, z),
            (foot_x, 0.07, z),
        ],
        [0.13 * thick, 0.085 * thick, 0.058 * thick, 0.056 * thick],
        Part.LEG,
        hair=build.hair * 0.5,
    )
    paw = tube([(foot_x, 0.055, z), (foot_x + 0.07, 0.048, z)], 0.064 * thick, Part.PAW, hair=build.hair * 0.3)
    return together([limb, paw])


def _hind_leg(hip: Joint, foot_x: float, build: Build) -> Solid:
    x, y, z = hip
    thick = build.leg
    limb = tube(
        [
            hip,
            (x + 0.13 + 0.3 * (foot_x - x), y * 0.55, z * 1.15),
            (foot_x - 0.1, y * 0.3, z * 1.1),
            (foot_x - 0.02, 0.07, z),
        ],
        [0.18 * thick, 0.115 * thick, 0.06 * thick, 0.056 * thick],
        Part.LEG,
        hair=build.hair * 0.5,
    )
    paw = tube([(foot_x, 0.055, z), (foot_x + 0.07, 0.048, z)], 0.064 * thick, Part.PAW, hair=build.hair * 0.3)
    return together([limb, paw])


def _tail(root: Joint, build: Build, rng: np.random.Generator) -> Solid:
    """A tail carried free: hanging for a curl below 0, raised above."""
    bend, away = build.curl + rng.uniform(-0.25, 0.25), rng.uniform(-0.3, 0.3)
    points, direction = [np.array(root)], np.deg2rad(200 - 75 * max(bend, -0.7))
    pieces = 6
    for piece in range(pieces):
        direction -= np.deg2rad(22) * bend * (1 if piece < 4 else -1.2)
        step = build.tail_length / pieces
        points.append(points[-1] + step * np.array([np.cos(direction), np.sin(direction), away]))
    points = [np.array([x, max(y, 0.06), z]) for x, y, z in points]
    return tube(np.stack(points), np.linspace(*build.tail, pieces + 1), Part.TAIL, hair=build.hair * 0.8)


def _lying_tail(root: Joint, build: Build, rng: np.random.Generator) -> Solid:
    """A tail that lies on the ground and sweeps round to one side."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    sweep = rng.uniform(15, 32)
    points, direction = [np.array(root)], np.deg2rad(180.0)
    for _ in range(6):
        direction -= np.deg2rad(sweep)
        step = build.tail_length / 6
        points.append(points[-1] + step * np.array([np.cos(direction), 0.0, side * np.sin(direction)]))
    line: Floats = np.stack(points).astype(np.float32)
    line[:, 1] = np.maximum(np.linspace(root[1], 0.07, 7), 0.05)
    return tube(line, np.linspace(*build.tail, 7), Part.TAIL, hair=build.hair * 0.8)


POSES: dict[str, Callable[[Build, np.random.Generator], Body]] = {
    "standing": standing,
    "sitting": sitting,
    "lying": lying,
    "stretched": stretched,
    "curled": curled,
}
