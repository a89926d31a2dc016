"""MLflow: one MLflow run per run, in an SQLite file beside the run folders unless said otherwise.

A run is found again by its id, or by the tag `maskwright.identity`, which it gets as it is made. MLflow keeps one of
two metrics that are equal in name, step, time and value, a parameter once, and a file once per name: what comes twice
stands there once.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from maskwright.errors import TrackerError, UsageError, shown
from maskwright.trackers.address import absolute, without_password
from maskwright.trackers.facts import (
    Checkpoint,
    Document,
    Fact,
    Matrix,
    Parameters,
    Picture,
    Scalar,
    Summary,
    Table,
)
from maskwright.trackers.sent import sent_path
from maskwright.trackers.tracker import About, Status

IDENTITY = "maskwright.identity"
STATUS: Mapping[Status, str] = {"training": "RUNNING", "stopped": "KILLED", "ended": "FINISHED"}

MOST_METRICS, MOST_PARAMETERS, LONGEST_VALUE = 1000, 100, 6000
"""What MLflow takes in one request, and how many characters of a parameter."""

SCHEMES = ("http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc", "uc")
"""Of addresses that MLflow takes without a plugin."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""MLflow's settings where the environment does not give them: it reports home and waits for 15 minutes on its own."""


def mlflow_address(folder: Path, uri: str) -> str:
    """Where MLflow's data go: what was said, else MLFLOW_TRACKING_URI, else `mlflow.db` beside the run folder.

    Raises:
        UsageError: MLflow and its plugins know no addresses of this kind.
    """
    beside = f"sqlite:///{(folder.resolve().parent / 'mlflow.db').as_posix()}"
    address = absolute(uri or os.environ.get("MLFLOW_TRACKING_URI", "") or beside)
    scheme = address.partition("://")[0].partition("+")[0] if "://" in address else SCHEMES[0]
    if scheme not in SCHEMES and scheme not in entry_points(group="mlflow.tracking_store").names:
        raise UsageError(f"mlflow: {scheme}:// is no address of MLflow's.", expected=", ".join(SCHEMES))
    return address


def open_mlflow(about: About, destination: str, remote: Mapping[str, Any]) -> MlflowRun:
    """Open MLflow's run of a run, made where it is not there yet.

    Raises:
        TrackerError: it was there, and is no longer.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    client = MlflowClient(destination)
    experiment = _experiment(client, about, destination)
    known = remote.get("run_id")
    if known is not None and not _is_there(client, known):
        raise TrackerError(
            f"mlflow: the run {known} is no longer there.",
            do=f"Delete {shown(sent_path(about.folder, 'mlflow'))}: then all is sent anew.",
        )
    return MlflowRun(
        client, destination, experiment, known or _found(client, experiment, about) or _made(client, experiment, about)
    )


class MlflowRun:
    """A run in MLflow."""

    def __init__(self, client: Any, destination: str, experiment: str, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self.remote = {"experiment_id": experiment, "run_id": run_id}
        at_server = urlsplit(destination).scheme in ("http", "https")
        page = f"{without_password(destination).rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
        self.place = page if at_server else f"mlflow ui --backend-store-uri {destination}"

    def send(self, facts: Sequence[Fact]) -> None:
        """Log facts; those that are files or tables become artifacts."""
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, round(1000 * at), step) for fact in facts for name, value, at, step in _points(fact)
        ]
        for some in _chunks(metrics, MOST_METRICS):
            self._client.log_batch(self._run_id, metrics=some)
        self._log_parameters({name: value for fact in facts for name, value in _parameters(fact)})
        for fact in facts:
            self._log_file(fact)

    def close(self, status: Status, at: float) -> None:
        """Tell how the run stands."""
        if status == "training":
            self._client.update_run(self._run_id, status=STATUS[status])
        else:
            self._client.set_terminated(self._run_id, STATUS[status], end_time=round(1000 * at))

    def _log_parameters(self, parameters: Mapping[str, str]) -> None:
        """Log parameters; one that has another value by now becomes a tag, since MLflow keeps the first value."""
        from mlflow.entities import Param, RunTag

        if not parameters:
            return
        there = self._client.get_run(self._run_id).data.params
        new = [Param(name, value) for name, value in parameters.items() if name not in there]
        for some in _chunks(new, MOST_PARAMETERS):
            self._client.log_batch(self._run_id, params=some)
        changed = {name: value for name, value in parameters.items() if there.get(name, value) != value}
        for some in _chunks([RunTag(f"changed.{name}", value) for name, value in changed.items()], MOST_PARAMETERS):
            self._client.log_batch(self._run_id, tags=some)

    def _log_file(self, fact: Fact) -> None:
        if isinstance(fact, Picture):
            self._client.log_artifact(self._run_id, str(fact.file), f"pictures/{fact.title}")
        elif isinstance(fact, Table):
            self._client.log_text(self._run_id, _csv(fact.head, fact.rows), f"tables/{fact.title}.csv")
        elif isinstance(fact, Matrix):
            rows = [(name, *counts) for name, counts in zip(fact.labels, fact.counts.tolist(), strict=True)]
            self._client.log_text(
                self._run_id, _csv(("labelled/predicted", *fact.labels), rows), f"tables/{fact.title}.csv"
            )
        elif isinstance(fact, Document):
            self._client.log_artifact(self._run_id, str(fact.file))
        elif isinstance(fact, Checkpoint):
            self._client.log_artifact(self._run_id, str(fact.file), "checkpoint")


def _experiment(client: Any, about: About, destination: str) -> str:
    """The id of the run's experiment."""
    from mlflow.exceptions import MlflowException

    name = about.project
    there = client.get_experiment_by_name(name)
    if there is None:
        beside = (about.folder.resolve().parent / "mlartifacts" / quote(name, safe=" ")).as_uri()
        place = beside if urlsplit(destination).scheme == "sqlite" else None
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException:  # another process has made it by now
            there = client.get_experiment_by_name(name)
            if there is None:
                raise
    return str(there.experiment_id)


def _is_there(client: Any, run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def _found(client: Any, experiment: str, about: About) -> str | None:
    """The id of the run where an earlier process has made it and was killed before it could note it down."""
    found = client.search_runs([experiment], f"tags.`{IDENTITY}` = '{about.identity}'", max_results=1)
    return found[0].info.run_id if found else None


def _made(client: Any, experiment: str, about: About) -> str:
    tags = {IDENTITY: about.identity, "mlflow.source.name": "maskwright", "mlflow.source.type": "LOCAL"}
    started = round(1000 * about.started)
    return str(client.create_run(experiment, start_time=started, tags=tags, run_name=about.name).info.run_id)


def _points(fact: Fact) -> Iterator[tuple[str, float, float, int]]:
    """Metrics of a fact: name, value, unix time in seconds, step."""
    if isinstance(fact, Scalar):
        yield _name(fact.curve), fact.value, fact.at, fact.iteration
    elif isinstance(fact, Summary):
        for name, value in fact.values.items():
            yield _name(f"kept weights on {fact.title}/{name}"), value, fact.at, fact.iteration


def _parameters(fact: Fact) -> Iterator[tuple[str, str]]:
    if isinstance(fact, Parameters):
        for name, value in fact.values.items():
            yield name if fact.group == "recipe" else f"{fact.group}.{name}", str(value)[:LONGEST_VALUE]


def _name(name: str) -> str:
    """A name that MLflow takes; what it does not take becomes the number of the character."""
    return re.sub(r"[^\w./ -]", lambda found: f"_{ord(found[0])}_", name)


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
