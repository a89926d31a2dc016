"""Whether `maskwright compare` is right as often as it says: coverage of its intervals, false alarms of its tests.

    python benchmarks/comparison_coverage.py [RUN ...] [--simulations 2000] [--recipe-simulations 500]

The truth is known because the photos of the given runs (with `evaluation/val`) are taken for the whole world: each
simulation draws photos from it with replacement, and trained models from the runs. With six or more runs of one recipe,
such as six seeds, the verdict on recipes is judged too: both sides are drawn from the same seeds, so that every
difference that is seen is a false alarm. Without runs, counts of models with a like scatter are drawn.

"grouped" is about photos that are not independent: each photo of the world is a video, and of each video that is drawn
eight frames are judged, which differ a little. Told are the coverage and the false alarms where whole videos are drawn
and swapped, as `compare` does it, and where frames are, as if each stood alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from maskwright.evaluation.evaluate import Evaluation
from maskwright.evaluation.resampling import bootstrap, by_group, interval, permutation_p, resample_weights
from maskwright.evaluation.verdicts import LEVEL, recipe_pair
from maskwright.metrics.scores import SUMMARIES

SCORE = SUMMARIES["mDice"]
RESAMPLES = 1000
FRAMES = 8
"""Of each video."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--recipe-simulations", type=int, default=500)
    parser.add_argument("--photos", default="30,120,400")
    parser.add_argument("--seeds", default="3,5")
    given = parser.parse_args()
    world = read_world(given.runs) if given.runs else drawn_world()
    photos = [int(count) for count in given.photos.split(",")]
    seeds = [int(count) for count in given.seeds.split(",")]
    rng = np.random.default_rng(0)
    result = {
        "runs": len(world),
        "world_photos": world.shape[1],
        "seed_sd": round(float(np.std([SCORE(run.sum(axis=0)) for run in world], ddof=1)), 5),
        "simulations": [given.simulations, given.recipe_simulations],
        "pairs": [told(pair_case(world, count, given.simulations, rng)) for count in photos],
        "unlike": [told(unlike_case(world[0], count, given.simulations, rng)) for count in photos],
        "grouped": [told(grouped_case(world, count, given.simulations, rng)) for count in photos],
        "recipes": [
            told(recipe_case(world, count, each, kind, given.recipe_simulations, rng))
            for kind, count, each in itertools.product(SEEDS, photos, seeds)
        ],
    }
    print(json.dumps(result, indent=1))


def told(case: dict[str, object]) -> dict[str, object]:
    """The case, which is also said at once."""
    print(json.dumps(case), file=sys.stderr, flush=True)
    return case


def read_world(runs: list[Path]) -> np.ndarray:
    """`(K, N, C, C)`, the counts of the runs on their common photos."""
    return np.stack([Evaluation.load(run / "evaluation" / "val").counts for run in runs])


def drawn_world(runs: int = 6, photos: int = 120) -> np.ndarray:
    """Counts of six seeds of one recipe: an object on each photo, found by each seed a little otherwise."""
    rng = np.random.default_rng(5)
    counts = np.zeros((runs, photos, 3, 3), np.int64)
    ease = rng.beta(6, 1.2, photos)
    for photo in range(photos):
        label, size = 1 + photo % 2, int(rng.lognormal(8.3, 0.8))
        for run in range(runs):
            luck = rng.normal(0, 0.05) + 0.008 * (run - runs / 2)
            found = int(size * np.clip(ease[photo] + luck, 0, 1))
            swapped = int((size - found) * rng.beta(0.3, 2))
            invented = int(rng.exponential(0.06 * size))
            counts[run, photo, label, [label, 3 - label]] = found, swapped
            counts[run, photo, label, 0] = size - found - swapped
            counts[run, photo, 0, [0, label]] = 65536 - size - invented, invented
    return counts


def pair_case(world: np.ndarray, photos: int, simulations: int, rng: np.random.Generator) -> dict[str, object]:
    """How often the interval holds the true difference, and how often equal models are called different."""
    covered = alarms = 0
    truth = [float(SCORE(run.sum(axis=0))) for run in world]
    for _ in range(simulations):
        one, other = rng.choice(len(world), 2, replace=False)
        seen = rng.integers(0, world.shape[1], photos)
        first, second = world[one][seen], world[other][seen]
        weights = resample_weights(photos, resamples=RESAMPLES, seed=int(rng.integers(2**31)))
        value = float(SCORE(first.sum(axis=0)) - SCORE(second.sum(axis=0)))
        low, high = interval(value, bootstrap(first, SCORE, weights) - bootstrap(second, SCORE, weights), photos)
        covered += low <= truth[one] - truth[other] <= high
        swapped = rng.integers(0, 2, photos)[:, None, None].astype(bool)
        mixed = np.where(swapped, second, first), np.where(swapped, first, second)
        p = permutation_p(*mixed, SCORE, resamples=RESAMPLES, seed=int(rng.integers(2**31)))
        alarms += p < LEVEL
    return {
        "photos": photos,
        "coverage": round(covered / simulations, 4),
        "permutation_false_alarms": round(alarms / simulations, 4),
    }


def unlike_case(run: np.ndarray, photos: int, simulations: int, rng: np.random.Generator) -> dict[str, object]:
    """The same for two models of equal merit that err in unlike ways: the hard case, where few photos say little.

    One misses all objects of one photo in twelve, the other loses as much mDice in small parts of every object.
    """
    missing = run.copy()
    for photo in rng.choice(len(run), round(len(run) / 12), replace=False):
        missing[photo, 1:, 0] += missing[photo, 1:, 1:].sum(axis=-1)
        missing[photo, 1:, 1:] = 0
    truth, shares = float(SCORE(missing.sum(axis=0))), np.linspace(0, 0.5, 2001)
    eroded = min((shrunk(run, share) for share in shares), key=lambda one: abs(float(SCORE(one.sum(axis=0))) - truth))
    apart, covered, alarms = truth - float(SCORE(eroded.sum(axis=0))), 0, 0
    for _ in range(simulations):
        seen = rng.integers(0, len(run), photos)
        first, second, seed = missing[seen], eroded[seen], int(rng.integers(2**31))
        weights = resample_weights(photos, resamples=RESAMPLES, seed=seed)
        value = float(SCORE(first.sum(axis=0)) - SCORE(second.sum(axis=0)))
        low, high = interval(value, bootstrap(first, SCORE, weights) - bootstrap(second, SCORE, weights), photos)
        covered += low <= apart <= high
        alarms += permutation_p(first, second, SCORE, resamples=RESAMPLES, seed=seed) < LEVEL
    return {"photos": photos, "coverage": covered / simulations, "permutation_false_alarms": alarms / simulations}


def grouped_case(world: np.ndarray, groups: int, simulations: int, rng: np.random.Generator) -> dict[str, object]:
    """The same for frames of videos: with videos drawn and swapped, and with frames."""
    truth = [float(SCORE(run.sum(axis=0))) for run in world]
    covered, alarms = dict.fromkeys(("groups", "photos"), 0), dict.fromkeys(("groups", "photos"), 0)
    for _ in range(simulations):
        one, other = rng.choice(len(world), 2, replace=False)
        videos = np.repeat(rng.integers(0, world.shape[1], groups), FRAMES)
        # Of each frame 90 to 100 % of the pixels of either model are seen: what it counts varies, what is wrong stays.
        seen = rng.uniform(0.9, 1.0, len(videos))[:, None, None]
        first, second = world[one][videos] * seen, world[other][videos] * seen
        swapped = np.repeat(rng.integers(0, 2, groups), FRAMES)[:, None, None].astype(bool)
        mixed = np.where(swapped, second, first), np.where(swapped, first, second)
        for name, of in (("groups", np.repeat(np.arange(groups), FRAMES)), ("photos", np.arange(len(videos)))):
            counts, seed = [by_group(each, of) for each in (first, second, *mixed)], int(rng.integers(2**31))
            weights = resample_weights(len(counts[0]), resamples=RESAMPLES, seed=seed)
            apart = bootstrap(counts[0], SCORE, weights) - bootstrap(counts[1], SCORE, weights)
            value = float(SCORE(first.sum(axis=0)) - SCORE(second.sum(axis=0)))
            low, high = interval(value, apart, len(counts[0]))
            covered[name] += low <= truth[one] - truth[other] <= high
            alarms[name] += permutation_p(*counts[2:], SCORE, resamples=RESAMPLES, seed=seed) < LEVEL
    shares = {
        name: {key: round(n / simulations, 4) for key, n in each.items()}
        for name, each in (("coverage", covered), ("permutation_false_alarms", alarms))
    }
    return {"groups": groups, "photos": groups * FRAMES, **shares}


def shrunk(run: np.ndarray, share: float) -> np.ndarray:
    """A model that sees a share less of every object."""
    smaller = run.astype(np.float64)
    for label in range(1, run.shape[-1]):
        lost = share * smaller[:, label, label]
        smaller[:, label, label] -= lost
        smaller[:, label, 0] += lost
    return smaller


def whole_seeds(world: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Each seed is one of the runs."""
    return world[rng.integers(0, len(world), count)]


def blended_seeds(world: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Each seed follows on each photo one of the runs, those with its own preference: as many seeds as are wanted."""
    preferences = rng.dirichlet(np.full(len(world), 0.3), count)
    chosen = np.stack([rng.choice(len(world), world.shape[1], p=each) for each in preferences])
    return world[chosen, np.arange(world.shape[1])]


def failing_seeds(world: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """As blended, but one seed in ten goes wrong: it misses a tenth of each object more."""
    seeds = blended_seeds(world, count, rng)
    for seed in seeds[rng.random(count) < 0.1]:
        for label in range(1, seed.shape[-1]):
            lost = seed[:, label, label] // 10
            seed[:, label, label] -= lost
            seed[:, label, 0] += lost
    return seeds


SEEDS = {"whole": whole_seeds, "blended": blended_seeds, "failing": failing_seeds}
"""How seeds are drawn from the runs."""


def recipe_case(
    world: np.ndarray, photos: int, seeds: int, kind: str, simulations: int, rng: np.random.Generator
) -> dict[str, object]:
    """How often two recipes that are the same are called different: by us, and by simpler ways of doing it."""
    alarms = dict.fromkeys(("ours", "resampling seeds and photos", "photos alone"), 0)
    for _ in range(simulations):
        drawn = SEEDS[kind](world, 2 * seeds, rng)[:, rng.integers(0, world.shape[1], photos)]
        scores = SCORE(drawn.sum(axis=1))
        weights = resample_weights(photos, resamples=RESAMPLES, seed=int(rng.integers(2**31)))
        by_photo = np.stack([bootstrap(run, SCORE, weights) for run in drawn])
        apart = by_photo[:seeds].mean(axis=0) - by_photo[seeds:].mean(axis=0)
        value = float(scores[:seeds].mean() - scores[seeds:].mean())
        pair = recipe_pair("A", "B", scores[:seeds], scores[seeds:], float(apart.std(ddof=1)), photos)
        alarms["ours"] += pair.difference.p < LEVEL
        alarms["photos alone"] += not between(interval(value, apart, photos))
        picks = rng.integers(0, seeds, (2, seeds, RESAMPLES))
        one, other = (
            np.take_along_axis(side, pick, axis=0).mean(axis=0)
            for side, pick in zip((by_photo[:seeds], by_photo[seeds:]), picks, strict=True)
        )
        alarms["resampling seeds and photos"] += not between(interval(value, one - other, photos))
    shares = {name: round(count / simulations, 4) for name, count in alarms.items()}
    return {"seeds_drawn": kind, "photos": photos, "seeds": seeds, "false_alarms": shares}


def between(ends: tuple[float, float]) -> bool:
    """Whether nothing lies in the interval."""
    return ends[0] <= 0 <= ends[1]


if __name__ == "__main__":
    main()
