"""ClearML: a task per run, on a server or in a session on disk that is imported later.

A task gets a run's curves (one chart per metric, one line per class), hyper-parameters, scores, confusion matrices,
tables, best and worst photos, and the best checkpoint. The server keeps one value for each title, series and iteration,
so that sending again what it already has changes nothing.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.errors import UsageError
from maskwright.storage import file_digest, json_text
from maskwright.trackers.address import folder_meant
from maskwright.trackers.clearml_server import CONFIGURED, Server, open_server
from maskwright.trackers.clearml_session import OfflineSession, open_session
from maskwright.trackers.facts import Checkpoint, Document, Fact, Matrix, Parameters, Picture, Scalar, Summary, Table
from maskwright.trackers.tracker import About, Status

SINGLE_VALUE = -(2**31)
"""The iteration that makes a scalar a line of the table "Summary" and no point of a curve."""


def open_clearml(run: About, uri: str, remote: Mapping[str, Any]) -> ClearmlTask:
    """A run's task on a server; see `Tracker.open`."""
    return ClearmlTask(open_server(run, uri, remote))


def clearml_api(_: Path, uri: str) -> str:
    """The address of the API: as was said, else as the environment or `clearml.conf` say.

    Raises:
        UsageError: what was said is no address of a server.
    """
    address = uri or os.environ.get("CLEARML_API_HOST", "") or CONFIGURED
    if address != CONFIGURED and not address.startswith(("http://", "https://")):
        raise UsageError("clearml: the address of a server's API is meant.", expected="http://SERVER:8008")
    return address


def open_clearml_offline(run: About, uri: str, remote: Mapping[str, Any]) -> ClearmlTask:
    """A run's session on disk; see `Tracker.open`."""
    return ClearmlTask(open_session(run, uri, remote))


def clearml_session_folder(folder: Path, uri: str) -> str:
    """Where the session goes: `RUN/trackers/clearml-offline`, with `clearml-offline.zip` beside it.

    Raises:
        UsageError: an address was said.
    """
    said = folder_meant("clearml-offline", uri.removesuffix(".zip")) if uri else None
    return str(said or folder.resolve() / "trackers" / "clearml-offline")


@dataclass
class ClearmlTask:
    """A `Sink` that writes facts as ClearML shows them.

    Args:
        end: what takes them.
    """

    end: Server | OfflineSession

    @property
    def remote(self) -> Mapping[str, Any]:
        """What finds the task again."""
        return self.end.remote

    @property
    def place(self) -> str:
        """The task's page, or what imports the session."""
        return self.end.place

    def send(self, facts: Sequence[Fact]) -> None:
        """Write facts; the other end has them when this returns."""
        events = [event for fact in facts for event in _events(fact)]
        for fact in facts:
            match fact:
                case Picture():
                    events.append(self._picture(fact))
                case Parameters():
                    self.end.set_parameters(fact.group, {name: _text(value) for name, value in fact.values.items()})
                case Document():
                    self._document(fact.file)
                case Checkpoint():
                    self._checkpoint(fact)
        if events:
            self.end.add_events(events)

    def close(self, status: Status, at: float) -> None:  # noqa: ARG002 - the server takes its own time
        """Tell how the run stands."""
        self.end.set_status(status)

    def _picture(self, fact: Picture) -> dict[str, Any]:
        key = f"metrics/{fact.title}/{fact.series}/{fact.file.name}"
        url = self.end.upload(fact.file, key)
        event = _event("training_debug_image", fact.title, f"{fact.series} {fact.caption}", fact.iteration)
        return {**event, "key": f"{self.end.folder}/{key}", "url": url}

    def _document(self, file: Path) -> None:
        if file.suffix == ".yaml":
            self.end.set_configuration(file.name, file.read_text(encoding="utf-8"))
        else:
            self._artifact(file)

    def _checkpoint(self, fact: Checkpoint) -> None:
        if isinstance(self.end, Server):
            self.end.add_model(fact.file, fact.iteration)
        else:  # a session remembers a model by its path on this computer; an artifact moves with it
            self._artifact(fact.file)

    def _artifact(self, file: Path) -> None:
        uri = self.end.upload(file, f"artifacts/{file.stem}/{file.name}")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.end.add_artifact(
            {
                "key": file.name,
                "type": "custom",
                "mode": "output",
                "uri": uri,
                "content_size": file.stat().st_size,
                "hash": file_digest(file),
                "type_data": {"content_type": kind},
            }
        )


def _events(fact: Fact) -> Iterator[dict[str, Any]]:
    """What a fact is among the events of a task; nothing where it is kept otherwise, or needs a file."""
    match fact:
        case Scalar():
            yield _scalar(fact.metric, fact.series, fact.iteration, fact.value, fact.at)
        case Summary():
            for name, value in fact.values.items():
                yield _scalar("Summary", f"{fact.title} {name}", SINGLE_VALUE, value, fact.at)
        case Matrix():
            yield _matrix(fact)
        case Table():
            yield _table(fact)


def _event(kind: str, metric: str, variant: str, iteration: int) -> dict[str, Any]:
    return {"type": kind, "metric": metric, "variant": variant, "iter": iteration}


def _scalar(metric: str, variant: str, iteration: int, value: float, at: float) -> dict[str, Any]:
    return {**_event("training_stats_scalar", metric, variant, iteration), "value": value, "timestamp": int(at * 1000)}


def _plot(
    title: str, series: str, iteration: int, data: Mapping[str, Any], layout: Mapping[str, Any]
) -> dict[str, Any]:
    return {**_event("plot", title, series, iteration), "plot_str": json_text({"data": [data], "layout": layout})}


def _matrix(fact: Matrix) -> dict[str, Any]:
    """A heatmap of shares, because the background would outshine everything; the pixels stand in the tooltip."""
    labelled = fact.counts.sum(axis=1, keepdims=True)
    share = 100 * fact.counts / np.maximum(labelled, 1)
    texts = [[f"{count:,} px" for count in row] for row in fact.counts.tolist()]
    labels = list(fact.labels)
    data = {"type": "heatmap", "x": labels, "y": labels, "z": np.round(share, 3), "text": texts, "zmin": 0, "zmax": 100}
    axes = {"xaxis": {"title": "predicted"}, "yaxis": {"title": "labelled", "autorange": "reversed"}}
    return _plot(fact.title, "% of labelled", fact.iteration, data, {"title": fact.title, **axes})


def _table(fact: Table) -> dict[str, Any]:
    columns = [[_cell(cell) for cell in column] for column in zip(*fact.rows, strict=True)]
    data = {
        "type": "table",
        "header": {"values": list(fact.head), "align": "left"},
        "cells": {"values": columns, "align": "left"},
    }
    return _plot(fact.title, "table", 0, data, {"title": fact.title})


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def _text(value: Any) -> str:
    """A parameter as ClearML shows it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json_text(value)
