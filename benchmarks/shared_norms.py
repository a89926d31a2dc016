"""What live batch norm does to a score where two processes share every batch, as JSON lines.

    python benchmarks/shared_norms.py WEIGHTS [ITERATIONS [SEEDS]]     # a file of an ImageNet MobileNetV2

The same recipe on drawn pets in one process and in two (gloo), with batch norms that take the statistics of the batch
or of a process's part of it, and with those of the encoder kept; three seeds each. The load of the
machine (its last minute's mean) stands beside each.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from maskwright.data.pets.write import draw_dataset
from maskwright.data.reading import read
from maskwright.recipe.recipe import make_recipe
from maskwright.training.run import Run
from together import train_alone, train_together

ITERATIONS = 240
SEEDS = 3


def main() -> None:
    """Train and print."""
    weights = str(Path(sys.argv[1]).resolve())
    iterations, seeds = (*map(int, sys.argv[2:]), *(ITERATIONS, SEEDS)[len(sys.argv) - 2 :])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        draw_dataset(place / "data", images=80, size_px=96, seed=0, threads=1)
        dataset = read(place / "data")
        for norm in ("train", "keep_statistics"):
            for world in (1, 2):
                scores = []
                for seed in range(seeds):
                    recipe = make_recipe(
                        {
                            "model": "mlp-mobilenetv2",
                            "form": "tensorflow",
                            "weights": weights,
                            "lr": 1e-3,
                            "encoder_lr_multiplier": 0.2,
                            "encoder_norm": norm,
                            "iterations": iterations,
                            "warmup_iterations": iterations // 6,
                            "validation_interval": iterations // 4,
                            "ema_decay": 0.98,
                            "crop_hw": (96, 96),
                            "threads": 1,
                            "seed": seed,
                        },
                        source="benchmark",
                    )
                    at = place / f"{norm}-{world}-{seed}"
                    at.mkdir()
                    if world == 1:
                        run = train_alone(dataset, recipe, at / "run")
                    else:
                        run = train_together(dataset, recipe, at, world=world)[0]
                    scores.append(next(e["best_mDice"] for e in Run(run).log() if e["event"] == "end"))
                said = {"encoder_norm": norm, "processes": world, "mDice": round(mean(scores), 4)}
                said |= {"each": [round(score, 4) for score in scores], "load": round(os.getloadavg()[0], 1)}
                print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
