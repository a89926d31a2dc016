"""Cats and dogs, drawn: who they are, how they hold themselves and how they look."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.pets.bodies import POSES, Build
from maskwright.data.pets.coats import Coat, Spots, cat_coat, colours_of, dog_coat
from maskwright.data.pets.fur import Light, Sprite, cropped, shade, with_hair
from maskwright.data.pets.heads import DogFace, Head, cat_head, dog_head
from maskwright.data.pets.solid import (
    Floats,
    Part,
    Solid,
    Surface,
    floats,
    look,
    moved,
    rotation,
    together,
    tube,
    turned,
)

KINDS = ("cat", "dog")
"""The kinds in the order of their class ids, 1 and 2."""

_UPRIGHT = floats([[1, 0, 0], [0, -1, 0], [0, 0, 1]])  # y is up in space and down in pictures


@dataclass(frozen=True)
class Animal:
    """An animal as the camera stands to it, not yet at its size and place.

    Args:
        kind: "cat" or "dog".
        pose: a key of `bodies.POSES`.
        seen: its balls in camera space (x right, y down, z near); unit: a torso.
        own: `(N, 3)`, the middles of the balls in the body's own space.
        turn: `(3, 3)`, from the body's space to the camera's.
        face_turn: `(3, 3)`, from the head's space to the camera's.
        head_at: `(3,)`, the middle of the skull in camera space.
        head_radius: radius of the skull.
        coat: what it wears.
        whiskers: `(K, 2, 3)` in camera space.
        ground: `(3, 3)`, from the world (y up from the ground) to the camera.
    """

    kind: str
    pose: str
    seen: Solid
    own: Floats
    turn: Floats
    face_turn: Floats
    head_at: Floats
    head_radius: float
    coat: Coat
    whiskers: Floats
    ground: Floats

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in camera space."""
        (left, top), (right, bottom) = (
            (self.seen.centres[:, :2] - self.seen.radii[:, None]).min(axis=0).tolist(),
            (self.seen.centres[:, :2] + self.seen.radii[:, None]).max(axis=0).tolist(),
        )
        return left, top, right, bottom


def make_animal(kind: str, rng: np.random.Generator, *, closeup: bool = False, from_above: bool = False) -> Animal:
    """Draw by lot who the animal is, its pose and from where it is seen.

    Args:
        kind: "cat" or "dog".
        rng: the lots.
        closeup: whether the head is what is looked at: then it faces the camera.
        from_above: whether the camera looks down on the ground.
    """
    build, head, coat = _cat(rng) if kind == "cat" else _dog(rng)
    weights = {"cat": (0.26, 0.3, 0.2, 0.12, 0.12), "dog": (0.34, 0.3, 0.22, 0.1, 0.04)}[kind]
    pose = "sitting" if closeup else str(rng.choice(list(POSES), p=weights))
    body = POSES[pose](build, rng)
    facing = float(rng.choice([-1, 1])) * (rng.uniform(5, 100) if rng.random() < 0.85 else rng.uniform(100, 165))
    facing = facing * 0.55 if closeup or pose == "curled" else facing
    high = rng.uniform(22, 50) if pose in ("curled", "stretched") else rng.uniform(2, 24)
    high = high + rng.uniform(18, 34) if from_above and not closeup else high
    camera = floats(_UPRIGHT @ rotation(2, rng.normal() * 5) @ rotation(0, high))
    turn = floats(camera @ rotation(1, facing - 90))
    head_facing = _head_facing(facing, body.head_free, body.head_turn_deg, closeup, rng)
    nod = rotation(2, rng.uniform(-14, 10)) @ rotation(0, rng.normal() * 7)
    face_turn = floats(camera @ rotation(1, head_facing - 90) @ nod)
    on_body = [body.solid, *_collar(body.neck, build, pose, rng)]
    trunk = moved(together(on_body), turn)
    head_at = turned(floats([body.neck]), turn)[0]
    crown = moved(head.solid, face_turn, head_at, build.head)
    own_head = moved(head.solid, np.eye(3, dtype=np.float32), body.neck, build.head)
    whiskers = turned(head.whiskers.reshape(-1, 3) * np.float32(build.head), face_turn)
    return Animal(
        kind=kind,
        pose=pose,
        seen=together([trunk, crown]),
        own=np.concatenate([together(on_body).centres, own_head.centres]),
        turn=turn,
        face_turn=face_turn,
        head_at=head_at,
        head_radius=build.head,
        coat=coat,
        whiskers=whiskers.reshape(-1, 2, 3) + head_at,
        ground=camera,
    )


def area_of(animal: Animal) -> float:
    """About how much of the picture the animal covers, in squared units of camera space."""
    left, top, right, bottom = animal.bounds
    zoom = 48.0 / max(right - left, bottom - top)
    plane = np.zeros((50, 50), np.uint8)
    at = ((animal.seen.centres[:, :2] - floats([left, top])) * zoom * 16 + 16).astype(int)
    for (x, y), radius in zip(at.tolist(), (animal.seen.radii * zoom * 16).astype(int).tolist(), strict=True):
        cv2.circle(plane, (x, y), max(radius, 1), 1, -1, shift=4)
    return float(np.count_nonzero(plane)) / zoom**2


def portray(animal: Animal, scale: float, at_xy: tuple[float, float], size_hw: tuple[int, int], light: Light) -> Sprite:
    """The animal as a picture.

    Args:
        animal: who.
        scale: pixels per unit of camera space.
        at_xy: where the origin of camera space stands in the scene, in the same pixels.
        size_hw: size of the scene; what lies outside it is cut off.
        light: how the scene is lit.
    """
    placed = moved(animal.seen, np.eye(3, dtype=np.float32), (*at_xy, 0.0), scale)
    surface, corner = cropped(look(placed, size_hw), int(4 + 0.12 * scale))
    rows, columns = np.nonzero(surface.owner >= 0)
    owners = surface.owner[rows, columns]
    points = np.column_stack([columns + corner[0], rows + corner[1], surface.depth[rows, columns]]).astype(np.float32)
    away = (points - placed.centres[owners]) / np.float32(scale)
    spots = _spots(animal, owners, away)
    colour = np.zeros((*surface.owner.shape, 3), np.float32)
    lit = shade(surface, light, max(1.0, 0.022 * scale))
    skin = colours_of(animal.coat, spots) * lit[rows, columns, None] * light.tint
    colour[rows, columns] = _with_eyes(animal, placed, owners, points, skin)
    flow, hair = np.zeros((*surface.owner.shape, 2), np.float32), np.zeros(surface.owner.shape, np.float32)
    flow[rows, columns] = placed.flow[owners, :2]
    hair[rows, columns] = placed.hair[owners]
    colour, cover = with_hair(colour, surface, flow, hair, animal.coat.seed)
    _draw_whiskers(animal, colour, surface, scale, (at_xy[0] - corner[0], at_xy[1] - corner[1]))
    return Sprite(colour, cover, corner)


def _cat(rng: np.random.Generator) -> tuple[Build, Head, Coat]:
    plump, hair = rng.uniform(0.85, 1.25), float(rng.choice([0.012, 0.022, 0.045], p=[0.45, 0.35, 0.2]))
    build = Build(
        chest=0.205 * plump,
        waist=0.2 * plump,
        hip=0.205 * plump,
        leg_length=rng.uniform(0.5, 0.6),
        leg=rng.uniform(0.85, 1.05),
        neck=0.15,
        neck_length=rng.uniform(0.02, 0.14),
        head=rng.uniform(0.19, 0.235),
        tail_length=rng.uniform(0.75, 1.0),
        tail=(0.06 + 0.6 * hair, 0.04 + 0.7 * hair),
        curl=rng.uniform(0.1, 1.0),
        hair=hair,
    )
    return build, cat_head(rng, hair=hair / build.head, closed=rng.random() < 0.12), cat_coat(rng)


def _dog(rng: np.random.Generator) -> tuple[Build, Head, Coat]:
    deep, hair = rng.uniform(0.85, 1.15), float(rng.choice([0.01, 0.025, 0.055], p=[0.45, 0.35, 0.2]))
    legs = rng.uniform(0.62, 0.85) if rng.random() < 0.75 else rng.uniform(0.36, 0.5)
    bushy = rng.random() < 0.4
    build = Build(
        chest=0.265 * deep,
        waist=0.185 * deep,
        hip=0.2 * deep,
        leg_length=legs,
        leg=rng.uniform(1.0, 1.25),
        neck=rng.uniform(0.17, 0.2),
        neck_length=rng.uniform(0.12, 0.3),
        head=rng.uniform(0.18, 0.215),
        tail_length=rng.uniform(0.35, 0.7),
        tail=(0.08, 0.09) if bushy else (0.065, 0.03),
        curl=rng.uniform(-0.5, 1.0),
        hair=hair,
    )
    ears = rng.choice(["hanging", "pointed", "folded"], p=[0.5, 0.27, 0.23])
    face = DogFace(
        muzzle=rng.uniform(0.45, 1.0) if rng.random() < 0.82 else rng.uniform(0.12, 0.3),
        width=rng.uniform(0.9, 1.15),
        ears="hanging" if ears == "hanging" else "pointed" if ears == "pointed" else "folded",
        ear_length=rng.uniform(0.75, 1.25),
        mouth=0.0 if rng.random() < 0.5 else rng.uniform(0.35, 1.0),
    )
    return build, dog_head(rng, face, hair=0.6 * hair / build.head, closed=rng.random() < 0.06), dog_coat(rng)


def _head_facing(facing: float, free: bool, by_pose: float, closeup: bool, rng: np.random.Generator) -> float:
    """The direction of the head, 0 to the camera; it turns at most 85 degrees from the body."""
    if not free:
        return facing + by_pose
    wanted = rng.uniform(-38, 38) if closeup or rng.random() < 0.65 else facing + rng.uniform(-25, 25)
    return float(np.clip(wanted, facing - 85, facing + 85))


def _collar(neck: tuple[float, float, float], build: Build, pose: str, rng: np.random.Generator) -> list[Solid]:
    if rng.random() > 0.25 or pose in ("curled", "stretched"):
        return []
    x, y, z = neck
    middle = floats([x - 0.62 * build.head, y - 0.85 * build.head, z])
    around = np.linspace(0, 2 * np.pi, 22)
    wide = build.neck * 1.12 + 0.4 * build.hair
    ring = [middle + wide * floats([0.75 * np.cos(a), -0.45 * np.cos(a), np.sin(a)]) for a in around]
    return [tube(np.stack(ring), 0.032, Part.COLLAR, spacing=0.6)]


def _spots(animal: Animal, owners: NDArray[np.int32], away: Floats) -> Spots:
    """Where seen points lie on the animal; `away` is `(K, 3)` from the middles of their balls, in camera space."""
    inward = turned(away, animal.turn.T)
    solid = animal.seen
    from_head = solid.centres[owners] + away - animal.head_at
    return Spots(
        parts=solid.parts[owners],
        along=solid.along[owners],
        dorsal=inward[:, 1] / solid.radii[owners],
        local=animal.own[owners] + inward,
        face=turned(from_head / np.float32(animal.head_radius), animal.face_turn.T),
    )


def _with_eyes(animal: Animal, placed: Solid, owners: NDArray[np.int32], points: Floats, skin: Floats) -> Floats:
    """Pupil, rim and glint of the eyes, the shine of the nose."""
    eye = placed.parts[owners] == Part.EYE
    away = (points[eye] - placed.centres[owners[eye]]) / placed.radii[owners[eye], None]
    ahead = turned(away, animal.face_turn.T)
    pupil = np.abs(ahead[:, 2]) < 0.26 if animal.kind == "cat" else np.hypot(ahead[:, 1], ahead[:, 2]) < 0.5
    iris = floats(animal.coat.eyes) * (1.0 - 0.35 * ahead[:, 1:2])
    dark = floats((0.04, 0.03, 0.03))
    rim = (ahead[:, 0] < 0.42) | (ahead[:, 1] > 0.72)
    coloured = np.where((pupil | rim)[:, None], dark, iris)
    glint = np.hypot(away[:, 0] + 0.28, away[:, 1] + 0.36) < 0.27
    coloured[glint] = 0.97
    skin[eye] = coloured
    nose = placed.parts[owners] == Part.NOSE
    from_ball = (points[nose] - placed.centres[owners[nose]]) / placed.radii[owners[nose], None]
    shine = np.clip(1.0 - 1.6 * np.hypot(from_ball[:, 0] + 0.1, from_ball[:, 1] + 0.55), 0.0, 1.0)
    skin[nose] += 0.35 * shine[:, None]
    return skin


def _draw_whiskers(
    animal: Animal, colour: Floats, surface: Surface, scale: float, origin_xy: tuple[float, float]
) -> None:
    """Whiskers inside the animal's outline; beyond it they are thinner than a pixel."""
    for root, tip in (animal.whiskers * np.float32(scale)).tolist():
        x, y = root[0] + origin_xy[0], root[1] + origin_xy[1]
        column, row = int(x), int(y)
        inside = 0 <= row < surface.owner.shape[0] and 0 <= column < surface.owner.shape[1]
        if not inside or root[2] < float(surface.depth[row, column]) - 0.06 * scale:
            continue
        end = (int((tip[0] + origin_xy[0]) * 16), int((tip[1] + origin_xy[1]) * 16))
        cv2.line(colour, (int(x * 16), int(y * 16)), end, (0.9, 0.9, 0.88), 1, cv2.LINE_AA, 4)
