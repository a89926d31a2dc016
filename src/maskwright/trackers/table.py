"""The trackers that are known."""

from __future__ import annotations

from collections.abc import Mapping

from maskwright.errors import UsageError, nearest
from maskwright.trackers.clearml import clearml_api, clearml_session_folder, open_clearml, open_clearml_offline
from maskwright.trackers.mlflow import mlflow_address, open_mlflow
from maskwright.trackers.tensorboard import open_tensorboard, tensorboard_folder
from maskwright.trackers.tracker import Tracker


def tracker_named(name: str) -> Tracker:
    """A tracker.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in TRACKERS:
        raise UsageError(f"{name}: not a tracker of Maskwright.", do=nearest(name, list(TRACKERS)))
    return TRACKERS[name]


TRACKERS: Mapping[str, Tracker] = {
    "clearml": Tracker("clearml", clearml_api, open_clearml, "CLEARML_PROJECT"),
    "clearml-offline": Tracker(  # nothing else is needed
        "maskwright", clearml_session_folder, open_clearml_offline, "CLEARML_PROJECT"
    ),
    "mlflow": Tracker("mlflow", mlflow_address, open_mlflow, "MLFLOW_EXPERIMENT_NAME", "maskwright {}"),
    "tensorboard": Tracker("tensorboard", tensorboard_folder, open_tensorboard),
}
