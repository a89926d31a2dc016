"""The network of a run for other runtimes, checked against torch before anybody gets to see it."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

import maskwright
from maskwright.data.classes import Classes, read_classes
from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.errors import GateError, RunError, UsageError, nearest, shown
from maskwright.inference.exports import ABOUT, FOLDER, FORMAT, Export, find_export, made_from
from maskwright.inference.load import open_network
from maskwright.inference.opening import is_bundle, opened
from maskwright.inference.runtimes.graph import LEAST_PX, GraphPredictor, Network
from maskwright.inference.runtimes.openvino import read_ir, save_ir, write_ir
from maskwright.models import refuse_unnamed_code
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.shipping.int8 import BUDGET, calibration_photos, gate, judge_of, layers_in_int8, quantised
from maskwright.storage import file_digest, read_json, refuse_occupied, renewing, write_json
from maskwright.training.run import Run

if TYPE_CHECKING:
    from maskwright.models.onnx_graph import PhotosIn

CHECKED_BHW = ((1, LEAST_PX, LEAST_PX), (2, 97, 133), (1, 160, 64), (1, 256, 256))
"""Numbers and sizes of the photos that an export is compared with torch on."""

TOLERANCE = 1e-4
"""How far a logit may be off, as a share of the largest one: float32 sums in another order are 100 times as close."""

PIXELS_FRAC = 0.001
"""Share of the pixels that may be of another class where the export gives classes: ties that rounding decides."""

PACKAGES = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}
"""What writing and checking each format takes, beside torch."""


def export(
    run: Run | Path | str,
    *,
    format: str = "onnx",
    int8: bool = False,
    data: Dataset | Path | str | None = None,
    split: str = "val",
    budget: float = BUDGET,
    out: Path | str | None = None,
    resize: bool = False,
    output: Literal["logits", "mask"] = "logits",
    model: str | None = None,
    on_progress: OnProgress = silent,
) -> Export:
    """Write the network of a run or a bundle for another runtime.

    The file takes photos `(B, H, W, 3) uint8` RGB of any number and size from 32 px on, and normalises them itself. It
    is compared with torch on several sizes, and thrown away where it differs. An older export of the same name is
    replaced.

    Args:
        run: a run with weights, or the folder of a run, or a bundle: a folder or a zip.
        format: "onnx" or "openvino".
        int8: compute in 8 bits what can be (OpenVINO only): calibrated on training photos, judged on validation; layers
            that cost too much stay in float32.
        data: what int8 is calibrated and judged on; None is what the run was made from.
        split: the split that int8 is judged on.
        budget: what mDice may lose by int8, as a fraction.
        out: the folder to write, of a bundle not in it; it may be there if it is empty or holds an export. None is
            `exports/<format>` in the run (`exports/openvino-int8`), where `load(run, runtime=...)` finds it.
        resize: whether the network's answer is brought to the photos' size inside of the file; otherwise whoever uses
            it does that, bilinearly without aligned corners, as `load` does.
        output: "logits" `(B, C, h, w) float32`, or "mask": the most probable class of each pixel, `(B, h, w) uint8`.
            For an `out` of its own, since predicting needs logits.
        model: `package.module:function` of one's own that the folder may have imported; None allows none.
        on_progress: told how far it is.

    Returns:
        The export.

    Raises:
        UsageError: there is no such format, or it is not installed; something else than an export lies in `out`, or
            it lies in a bundle.
        RecipeError: the architecture cannot be exported.
        GateError: what was written does not say what torch says, or int8 loses more than the budget; what was found
            lies beside the export, in `<name>.refused.json`.
        DataError: the data of an int8 cannot be read, or has no labelled photos to judge on.
        RunError: the folder is no run and no bundle, or has no weights.
    """
    path = run.folder if isinstance(run, Run) else Path(run)
    _check(format, output, out, int8=int8)
    target = _target(path, out, format + "-int8" * int8)
    folder, weights, recipe, classes = _opened(path, model)
    judged = _judged_on(folder, data) if int8 else None
    on_progress(Progress("stage.export", 0, 2))
    with renewing(target) as making:
        gives = {"name": output, "at_photo_size": resize}
        there = partial(_there, folder=folder, weights=weights, recipe=recipe, gives=gives, making=making)
        about = there("openvino") if int8 else {}
        if not about:
            network = _graph(weights, recipe, classes, resize=resize, output=output)
            if format == "onnx" or not there("onnx"):
                _write(network, making / "model.onnx", classes)
            on_progress(Progress("stage.export", 1, 2))
            if format == "openvino":
                write_ir(making / "model.onnx", making / "model.xml")
                (making / "model.onnx").unlink()
            answers = open_network(format, _contents(making), making)
            about = _about(format, made_from(weights, recipe), classes) | {"output": gives}
            about |= {"checked": check_against_torch(network, answers, output=output)}
        if judged is not None:
            about["gate"] = _to_int8(making, judged, recipe, split, budget, on_progress)
            _refuse_loss(about["gate"], target)
        about |= {"files": _files(making)}
        write_json(making / ABOUT, about)
    on_progress(Progress("stage.export", 2, 2))
    return Export(target, about)


def _there(
    name: str, *, folder: Path, weights: Path, recipe: Recipe, gives: dict[str, Any], making: Path
) -> dict[str, Any]:
    """An export that lies in a run already, its files put into another folder; nothing where there is none that fits.

    Tracing a model takes longer than all the rest.
    """
    try:
        there = find_export(folder, name, weights=weights, recipe=recipe)
        files = there.files
    except RunError:
        return {}
    if there.about.get("output") != gives:
        return {}
    for file, content in files.items():
        (making / file).write_bytes(content)
    return dict(there.about)


def _to_int8(
    making: Path, dataset: Dataset, recipe: Recipe, split: str, budget: float, on_progress: OnProgress
) -> dict[str, Any]:
    """Put int8 in the place of the IR in a folder, and say what it costs."""

    def predictor_of(network: Network) -> GraphPredictor:
        return GraphPredictor(network, recipe=recipe, classes=dataset.classes, digest="", tta=False)

    judge = judge_of(dataset, split, predictor_of)
    before = open_network("openvino", _contents(making), making)
    photos = calibration_photos(dataset, recipe)
    model = quantised(read_ir(making / "model.xml"), judge, photos, budget=budget, on_progress=on_progress)
    save_ir(model, making / "model.xml")
    after = open_network("openvino", _contents(making), making)
    found = gate(judge, before, after, budget=budget, on_progress=on_progress)
    return {**found, "layers": layers_in_int8(model)}


def _refuse_loss(found: dict[str, Any], target: Path) -> None:
    """Refuse what loses more than its budget.

    Raises:
        GateError: it does; the findings are written beside the target.
    """
    report = target.with_name(f"{target.name}.refused.json")
    if found["met"]:
        report.unlink(missing_ok=True)
        return
    write_json(report, {"format": FORMAT, **found})
    loss, low, high = (-100 * found["mDice"][name] for name in ("difference", "high", "low"))
    measured = f"{loss:.2f} points (95 % interval {low:.2f} to {high:.2f})"
    raise GateError(
        f"int8 loses too much, and is not kept: the findings are in {shown(report)}.",
        expected=f"at most {100 * found['budget']:.2f} points of mDice on {found['photos']} photos of {found['split']}",
        found=f"{measured}, {100 * found['agreement']:.2f} % of the pixels equal",
        do="Use the export in float32, or allow more: --max-loss 1.0",
    )


def _judged_on(folder: Path, data: Dataset | Path | str | None) -> Dataset:
    """The data that int8 is calibrated and judged on.

    Raises:
        UsageError: it is not named, and the run does not know where it lies.
        DataError: it cannot be read.
    """
    if isinstance(data, Dataset):
        return data
    if data is None and not is_bundle(folder):  # a bundle does not tell where they lay
        known = folder / "data.json"
        data = read_json(known, format_version=1).get("path") if known.is_file() else None
    if data is None:
        raise UsageError(
            "int8 is calibrated on training photos and judged on validation; where they lie is not known here.",
            do="Name the data: --data DATA",
        )
    return read(data, classes=read_classes(folder / "classes.yaml"), allow_leak=True)


def installed_formats() -> list[str]:
    """The formats whose packages are all installed."""
    return [format for format in PACKAGES if not _missing(PACKAGES[format])]


def check_against_torch(
    network: PhotosIn, answers: Callable[[NDArray[np.uint8]], NDArray[Any]], *, output: str
) -> dict[str, Any]:
    """Compare an export with torch on photos of several sizes.

    Args:
        network: in torch.
        answers: the export, photos `(B, H, W, 3) uint8` to what it says.
        output: what that is, "logits" or "mask".

    Returns:
        For `export.json`: the sizes, the largest difference as a share, and what was allowed.

    Raises:
        GateError: they differ.
    """
    from maskwright.models.onnx_graph import computed

    rng, found = np.random.default_rng(0), []
    allowed = TOLERANCE if output == "logits" else PIXELS_FRAC
    for count, height, width in CHECKED_BHW:
        photos = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
        said, right = answers(photos), computed(network, photos)
        found.append(_apart(said, right) if output == "logits" else float((said != right).mean()))
        if said.shape != right.shape or not found[-1] <= allowed:
            raise GateError(
                "The export does not say what torch says, and is not kept.",
                expected=f"the same {output} up to {allowed:g}, {right.shape}",
                found=f"{found[-1]:.3g} apart on {count} photo(s) of {width} x {height}, {said.shape}",
                do="Predict with torch, and please report this with the recipe: it is a defect.",
            )
    sizes = [list(each) for each in CHECKED_BHW]
    return {"photos_bhw": sizes, "largest_difference": max(found), "allowed": allowed}


def _apart(said: NDArray[Any], right: NDArray[Any]) -> float:
    """The largest difference, as a share of the largest value; infinite where the shapes differ."""
    if said.shape != right.shape:
        return float("inf")
    return float(np.abs(said - right).max() / max(float(np.abs(right).max()), 1e-12))


def _check(format: str, output: str, out: Path | str | None, *, int8: bool) -> None:
    if format not in PACKAGES:
        raise UsageError(f"format {format}: there is no such format.", do=nearest(format, list(PACKAGES)))
    if int8 and (format != "openvino" or output != "logits"):
        raise UsageError(
            "int8 is an export to OpenVINO that gives logits.", do="Add --format openvino, without --output."
        )
    wanted = (*PACKAGES[format], *(["nncf"] if int8 else []))
    missing = _missing(wanted)
    if missing:
        raise UsageError(
            f"format {format}: packages are not installed.",
            found=f"missing: {', '.join(missing)}",
            do=f'pip install "maskwright[{format}]"',
        )
    if output == "mask" and out is None:
        raise UsageError(
            "An export that gives classes cannot lie in a run: predicting with it needs logits.",
            do="Name a folder of its own: --out FOLDER.",
        )


def _target(path: Path, out: Path | str | None, name: str) -> Path:
    """The folder to write.

    Raises:
        UsageError: something else than an export lies there, or it would lie in a bundle.
    """
    target = path / FOLDER / name if out is None else Path(out).resolve()
    if is_bundle(path) and target.resolve().is_relative_to(path.resolve()):
        raise UsageError(
            f"{shown(path)}: is a bundle, which holds what it lists and is never written into.",
            do="Name a folder elsewhere: --out FOLDER. Or export the run, and bundle it again.",
        )
    if out is not None and not (target / ABOUT).is_file():
        refuse_occupied(target)
    return target


def _missing(packages: Sequence[str]) -> list[str]:
    return [name for name in packages if importlib.util.find_spec(name) is None]


def _opened(path: Path, model: str | None) -> tuple[Path, Path, Recipe, Classes]:
    there = opened(path)
    if not there.weights.is_file():
        raise RunError(f"{shown(path)}: has no weights yet.", do="Train it to the end: maskwright run ... --resume")
    recipe = read_recipe(there.folder / "recipe.yaml")
    refuse_unnamed_code(recipe.model, model)
    return there.folder, there.weights, recipe, read_classes(there.folder / "classes.yaml")


def _graph(weights: Path, recipe: Recipe, classes: Classes, *, resize: bool, output: Any) -> PhotosIn:
    from maskwright.models.onnx_graph import photos_in

    return photos_in(weights, recipe, classes=len(classes), resize=resize, output=output)


def _write(network: PhotosIn, path: Path, classes: Classes) -> None:
    from maskwright.models.onnx_graph import write_onnx

    about = {"input": "photos (B, H, W, 3) uint8 RGB", "classes": "\n".join(classes.names)}
    write_onnx(network, path, about=about)


def _about(format: str, origin: dict[str, Any], classes: Classes) -> dict[str, Any]:
    from maskwright.models.onnx_graph import OPSET

    return {
        "format": FORMAT,
        "runtime": format,
        "made_from": origin,
        "opset": OPSET,
        "classes": list(classes.names),
        "input": {"name": "photos", "shape": ["B", "H", "W", 3], "type": "uint8", "least_px": LEAST_PX},
        "made_by": {
            "maskwright": maskwright.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", *PACKAGES[format])},
        },
    }


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ABOUT}


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    paths = [path for path in sorted(folder.iterdir()) if path.name != ABOUT]
    return {path.name: {"digest": file_digest(path), "bytes": path.stat().st_size} for path in paths}
