"""A photo array in, a mask out: our runtimes against Hugging Face transformers and a textbook form tuned by hand.

    pip install transformers==5.23.0 'maskwright[onnx,openvino]'      # the peer, for this script alone
    python benchmarks/inference.py                                    # weights as drawn: the speed
    python benchmarks/inference.py --run RUN --data DATA              # also: on how many pixels masks differ

SegFormer-B0, batch 1, 2 threads, 256x256 and 512x512. The peer is transformers' SegformerForSemanticSegmentation with
its image processor, at the photo's own size. The textbook form is ours with the decoder in the paper's order (four maps
brought to 1/4 resolution, 1024 channels mixed there), in channels_last and bfloat16: what a person gets who tunes it by
hand. All take turns, round by round, so that whatever else the machine does falls on all of them; a round gives the
median of its repeats, and what is reported is the median over rounds, with the quickest repeat beside it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import maskwright
from maskwright.cgroups import cpu_name
from maskwright.data.classes import classes_yaml, make_classes
from maskwright.inference.exports import exports_in
from maskwright.inference.load import load
from maskwright.inference.opening import weights_in
from maskwright.inference.predictor import masks_of
from maskwright.models import build_for
from maskwright.models.all_mlp_head import AllMLPHead
from maskwright.models.forward import normalised
from maskwright.models.loading import load_into
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.storage import write_text
from maskwright.training.checkpoint import save_weights
from maskwright.training.run import make_run

SIDES, THREADS, CLASSES = (256, 512), 2, ("background", "cat", "dog")
MODELS = ("segformer-b0", "mlp-mobilenetv2")

Act = Callable[[NDArray[np.uint8]], NDArray[Any]]


def drawn_run(folder: Path, model: str) -> Path:
    """A run with weights as they are drawn, exported: speed does not depend on them."""
    recipe = make_recipe({"model": model, "precision": "fp32"}, source="benchmark")
    run, classes = make_run(folder), make_classes(CLASSES)
    write_recipe(recipe, folder / "recipe.yaml")
    write_text(folder / "classes.yaml", classes_yaml(classes))
    network = build_for(recipe, classes=len(classes))
    save_weights(network, folder / "weights" / "best.safetensors", recipe=recipe, initial={}, about={})
    for format in ("onnx", "openvino"):
        maskwright.export(run, format=format)
    return folder


def peer() -> Act:
    """transformers' model with its processor."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    config = SegformerConfig(
        num_labels=3, hidden_sizes=[32, 64, 160, 256], depths=[2, 2, 2, 2], decoder_hidden_size=256
    )
    model = SegformerForSemanticSegmentation(config).eval()

    @torch.inference_mode()
    def act(photo: NDArray[np.uint8]) -> NDArray[Any]:
        height, width = photo.shape[:2]
        processor = processors.setdefault(
            (height, width), SegformerImageProcessor(size={"height": height, "width": width})
        )
        answer = model(**processor(images=photo, return_tensors="pt"))
        (mask,) = processor.post_process_semantic_segmentation(answer, target_sizes=[(height, width)])
        return mask.numpy()

    processors: dict[tuple[int, int], Any] = {}
    return act


class TextbookHead(nn.Module):
    """The all-MLP decoder in the paper's order, with the weights of ours."""

    def __init__(self, head: AllMLPHead) -> None:
        super().__init__()
        self.head = head
        self.fuse = nn.Conv2d(head.fuse.in_features, head.fuse.out_features, 1, bias=False)
        self.fuse.weight.data = head.fuse.weight.data[:, :, None, None].contiguous(memory_format=torch.channels_last)

    def forward(self, maps: list[Tensor]) -> Tensor:
        size = maps[0].shape[2:]
        wide = [
            functional.interpolate(
                projection(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), size=size, mode="bilinear"
            )
            for projection, features in zip(self.head.projections, maps, strict=True)
        ]
        logits: Tensor = self.head.classifier(functional.relu(self.head.norm(self.fuse(torch.cat(wide, 1)))))
        return logits


def textbook(folder: Path, recipe: Recipe) -> Act:
    """Our model with the paper's decoder, in channels_last and bfloat16."""
    model = build_for(recipe, classes=len(CLASSES)).eval()
    load_into(model, weights_in(folder))
    model.head = TextbookHead(model.head)

    @torch.inference_mode()
    def act(photo: NDArray[np.uint8]) -> NDArray[Any]:
        images = normalised(photo[None], recipe, torch.device("cpu"))
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(images)
        return logits.argmax(1)[0].numpy().astype(np.uint8)

    return act


def timed(
    acts: dict[str, Act], side: int, rounds: int, repeats: int, clock: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Milliseconds of each, the median over rounds and the quickest, all taking turns."""
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    for act in acts.values():
        for _ in range(4):
            act(photo)
    taken: dict[str, list[list[float]]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            seconds = []
            for _ in range(repeats):
                began = clock()
                act(photo)
                seconds.append(1000 * (clock() - began))
            taken[name].append(seconds)
    return {name: {"ms": median(map(median, each)), "quickest_ms": min(map(min, each))} for name, each in taken.items()}


def speeds(folders: dict[str, Path], rounds: int, repeats: int, threads: int) -> dict[str, Any]:
    """By side: what each takes, and the ratios that are aimed at."""
    acts: dict[str, Act] = {"transformers": peer()}
    b0 = folders["segformer-b0"]
    acts["textbook bf16"] = textbook(b0, read_recipe(b0 / "recipe.yaml"))
    for model, folder in folders.items():
        for name in ("torch", *exports_in(folder)):
            acts[f"{model} {name}"] = load(folder, runtime=name, threads=threads, postprocess=False, tta=False).mask
    found = {}
    for side in SIDES:
        ms = timed(acts, side, rounds, repeats, time.process_time if threads == 1 else time.perf_counter)
        best = {
            model: min((name for name in ms if name.startswith(model)), key=lambda name: ms[name]["ms"])
            for model in folders
        }
        own = ms[best["segformer-b0"]]
        found[f"{side}x{side}"] = {
            "ms": ms,
            "best": best,
            "transformers_over_best": ms["transformers"]["ms"] / own["ms"],
            "textbook_over_best": ms["textbook bf16"]["ms"] / own["ms"],
            "transformers_over_best_quickest": ms["transformers"]["quickest_ms"] / own["quickest_ms"],
            "b0_over_light": own["ms"] / ms[best["mlp-mobilenetv2"]]["ms"],
        }
        print(json.dumps({side: found[f"{side}x{side}"]}), file=sys.stderr, flush=True)
    return found


def differing(folder: Path, data: Path) -> dict[str, float]:
    """The share of the pixels of the validation photos on which each export's masks differ from torch's in float32."""
    with tempfile.TemporaryDirectory() as place:
        exact = Path(place) / "exact"
        exact.mkdir()
        for name in ("classes.yaml", "format"):
            (exact / name).write_bytes((folder / name).read_bytes())
        recipe = read_recipe(folder / "recipe.yaml")
        write_recipe(recipe.model_copy(update={"precision": "fp32"}), exact / "recipe.yaml")
        (exact / "weights").mkdir()
        (exact / "weights" / "best.safetensors").write_bytes(weights_in(folder).read_bytes())
        images = [sample.image() for sample in maskwright.read(data).split("val")]
        right = list(masks_of(load(exact, postprocess=False, tta=False), images))
    found = {}
    for name in exports_in(folder):
        said = masks_of(load(folder, runtime=name, postprocess=False, tta=False), images)
        found[name] = float(np.mean([np.mean(one != other) for one, other in zip(right, said, strict=True)]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--busy", action="store_true", help="the processor's time on one thread: what a busy machine tells"
    )
    parser.add_argument("--keep", type=Path, help="folder for the drawn runs, taken from there the next time")
    parser.add_argument("--run", type=Path, help="a trained run with exports, to compare masks")
    parser.add_argument("--data", type=Path, help="its photos")
    arguments = parser.parse_args()
    missing = [name for name in ("transformers", "onnxruntime", "openvino") if find_spec(name) is None]
    if missing:
        sys.exit(f"Missing: pip install transformers==5.23.0 'maskwright[onnx,openvino]' ({', '.join(missing)})")
    threads = 1 if arguments.busy else THREADS
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        root = arguments.keep or Path(place)
        folders = {name: root / name for name in MODELS}
        for name, folder in folders.items():
            if not folder.is_dir():
                drawn_run(folder, name)
        result = {
            "cpu": cpu_name(),
            "threads": threads,
            "versions": {name: version(name) for name in ("torch", "transformers", "onnxruntime", "openvino")},
            **speeds(folders, arguments.rounds, arguments.repeats, threads),
        }
    if arguments.run is not None and arguments.data is not None:
        result["pixels_differing_from_torch_fp32"] = differing(arguments.run, arguments.data)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
