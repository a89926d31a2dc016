"""From a folder of images and masks to a segmentation model you can trust, on a computer without a GPU."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskwright.audit.audit import Audit
    from maskwright.data.classes import Classes, make_classes
    from maskwright.data.convert import convert
    from maskwright.data.dataset import Dataset
    from maskwright.data.finding import Finding
    from maskwright.data.pets.write import draw_dataset
    from maskwright.data.reading import read
    from maskwright.data.sample import Sample
    from maskwright.data.statistics import describe
    from maskwright.doctor import examine
    from maskwright.evaluation.compare import compare
    from maskwright.evaluation.comparison import Comparison
    from maskwright.evaluation.diagnose import diagnose
    from maskwright.evaluation.diagnosis import Diagnosis
    from maskwright.evaluation.evaluate import Evaluation, evaluate
    from maskwright.evaluation.tune import Tuning, tune
    from maskwright.experiments.run_list import runs
    from maskwright.experiments.runs import RunSummary
    from maskwright.experiments.sweeps import Sweep
    from maskwright.inference.ensemble import Ensemble
    from maskwright.inference.load import load
    from maskwright.inference.postprocess.settings import PostProcess
    from maskwright.inference.predict import predict
    from maskwright.inference.predictor import Predictor
    from maskwright.inference.tiling import Tiled
    from maskwright.models import build_model
    from maskwright.models.loading import load_weights
    from maskwright.recipe.recipe import Recipe
    from maskwright.reports.report import report
    from maskwright.review.decision import Decision
    from maskwright.review.mend import mend
    from maskwright.shipping.bundle import Bundle
    from maskwright.shipping.export import export
    from maskwright.trackers.push import Pushed, push
    from maskwright.training.run import Run
    from maskwright.workflow.architectures import architectures
    from maskwright.workflow.audit import audit
    from maskwright.workflow.bench import bench
    from maskwright.workflow.bundle import bundle
    from maskwright.workflow.demo import demo
    from maskwright.workflow.import_mmseg import import_mmseg
    from maskwright.workflow.ladder import Ladder, ladder
    from maskwright.workflow.plan import plan
    from maskwright.workflow.run import run
    from maskwright.workflow.sweep import sweep
    from maskwright.workflow.train import train
    from maskwright.workflow.weights import add_weights, get_weights

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "Bundle",
    "Classes",
    "Comparison",
    "Dataset",
    "Decision",
    "Diagnosis",
    "Ensemble",
    "Evaluation",
    "Finding",
    "Ladder",
    "PostProcess",
    "Predictor",
    "Pushed",
    "Recipe",
    "Run",
    "RunSummary",
    "Sample",
    "Sweep",
    "Tiled",
    "Tuning",
    "add_weights",
    "architectures",
    "audit",
    "bench",
    "build_model",
    "bundle",
    "compare",
    "convert",
    "demo",
    "describe",
    "diagnose",
    "draw_dataset",
    "draw_weights",
    "evaluate",
    "examine",
    "export",
    "get_weights",
    "import_mmseg",
    "ladder",
    "load",
    "load_weights",
    "make_classes",
    "mend",
    "plan",
    "predict",
    "push",
    "read",
    "report",
    "run",
    "runs",
    "sweep",
    "train",
    "tune",
]

_HOME = {
    "Audit": "audit.audit",
    "Bundle": "shipping.bundle",
    "Classes": "data.classes",
    "Comparison": "evaluation.comparison",
    "Dataset": "data.dataset",
    "Decision": "review.decision",
    "Diagnosis": "evaluation.diagnosis",
    "Ensemble": "inference.ensemble",
    "Evaluation": "evaluation.evaluate",
    "Finding": "data.finding",
    "Ladder": "workflow.ladder",
    "PostProcess": "inference.postprocess.settings",
    "Predictor": "inference.predictor",
    "Pushed": "trackers.push",
    "Recipe": "recipe.recipe",
    "Run": "training.run",
    "RunSummary": "experiments.runs",
    "Sample": "data.sample",
    "Sweep": "experiments.sweeps",
    "Tiled": "inference.tiling",
    "Tuning": "evaluation.tune",
    "add_weights": "workflow.weights",
    "architectures": "workflow.architectures",
    "audit": "workflow.audit",
    "build_model": "models",
    "bench": "workflow.bench",
    "bundle": "workflow.bundle",
    "compare": "evaluation.compare",
    "convert": "data.convert",
    "demo": "workflow.demo",
    "describe": "data.statistics",
    "draw_dataset": "data.pets.write",
    "draw_weights": "workflow.drawings",
    "diagnose": "evaluation.diagnose",
    "evaluate": "evaluation.evaluate",
    "examine": "doctor",
    "export": "shipping.export",
    "get_weights": "workflow.weights",
    "import_mmseg": "workflow.import_mmseg",
    "ladder": "workflow.ladder",
    "load": "inference.load",
    "load_weights": "models.loading",
    "make_classes": "data.classes",
    "mend": "review.mend",
    "plan": "workflow.plan",
    "predict": "inference.predict",
    "push": "trackers.push",
    "read": "data.reading",
    "report": "reports.report",
    "run": "workflow.run",
    "runs": "experiments.run_list",
    "sweep": "workflow.sweep",
    "train": "workflow.train",
    "tune": "evaluation.tune",
}


class _Face(ModuleType):
    """This package: `maskwright.audit` stays the verb when the subpackage of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOME or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"maskwright.{_HOME[name]}"), name)
    raise AttributeError(f"module 'maskwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
