"""A task on a ClearML server.

Everything goes through the package's API session, which knows `clearml.conf`, the environment and the token, and
through its storage. Its `Task` is left alone: opened, it patches frameworks, looks for Git and imports, asks for newer
versions of itself, and waits at its end for threads that may never be done.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.errors import TrackerError, shown
from maskwright.trackers.tracker import About, Status

API_VERSION = "2.13"
"""Of every request: what ClearML servers have understood since their version 1.0, of 2021."""

CONFIGURED = "the server of clearml.conf"
"""The address where none was said: whatever server the package is set up for, which is not imported to find out."""

ANSWER_TIMEOUT_S = (5.0, 30.0)
"""To connect, and to answer; the package itself would wait for five minutes."""

TRIES_AGAIN = 2
"""When no connection comes about; the package itself would try 240 times, two minutes apart."""


@dataclass
class Server:
    """A task on a server.

    Args:
        session: of the package, logged in.
        run: what is sent.
        task: the task's id.
        project: the id of its project.
        status: how the task stands, in the server's words.
    """

    session: Any
    run: About
    task: str
    project: str
    status: str

    @property
    def remote(self) -> Mapping[str, Any]:
        """What finds the task again."""
        return {"task": self.task}

    @property
    def place(self) -> str:
        """The address of its page."""
        return f"{self.session.get_app_server_host()}/projects/{self.project}/experiments/{self.task}/output/log"

    @property
    def folder(self) -> str:
        """In which the task's files lie on the file server."""
        return f"{self.run.project}/{self.run.name}.{self.task}"

    def set_parameters(self, section: str, values: Mapping[str, str]) -> None:
        """Write one section of hyper-parameters, in the place of what stood there."""
        items = [{"section": section, "name": name, "value": value} for name, value in values.items()]
        self._task("edit_hyper_params", hyperparams=items, replace_hyperparams="section", force=True)

    def set_configuration(self, name: str, text: str) -> None:
        """Keep a text as an object of configuration."""
        item = {"name": name, "value": text, "type": Path(name).suffix.lstrip(".")}
        self._task("edit_configuration", configuration=[item], force=True)

    def upload(self, file: Path, key: str) -> str:
        """Put a file on the file server.

        Args:
            file: a small one or a checkpoint.
            key: its path there, below the task's folder; what lies there is replaced.

        Returns:
            Its address.
        """
        from clearml import StorageManager
        from clearml.config import config

        where = config.get("development.default_output_uri", "") or self.session.get_files_server_host()
        with contextlib.redirect_stderr(io.StringIO()):  # it would draw a progress bar
            return str(StorageManager.upload_file(str(file), f"{where.rstrip('/')}/{self.folder}/{key}", retries=1))

    def add_artifact(self, artifact: Mapping[str, Any]) -> None:
        """List an uploaded file among the task's artifacts, in the place of one with the same key."""
        self._task("add_or_update_artifacts", artifacts=[artifact], force=True)

    def add_model(self, file: Path, iteration: int) -> None:
        """Upload a checkpoint as the task's output model, in the place of the one that it had."""
        uri = self.upload(file, f"models/{file.name}")
        told = {"name": f"{self.run.name} {file.stem}", "uri": uri, "framework": "PyTorch"}
        there = _ask(self.session, "models", "get_all", task=[self.task], only_fields=["id"])["models"]
        if there:
            model = there[0]["id"]
            _ask(self.session, "models", "edit", model=model, iteration=iteration, **told)
        else:
            model = _ask(self.session, "models", "create", task=self.task, project=self.project, **told)["id"]
        self._task("add_or_update_model", name=file.stem, model=model, type="output", iteration=iteration)

    def add_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add points of curves, plots and pictures; the server keeps one for each title, series and iteration."""
        lines = [{**event, "task": self.task} for event in events]
        answers = self.session.send_request_batch("events", "add_batch", version=API_VERSION, json=lines)
        for answer in answers or []:
            told = _data(answer, "events", "add_batch")
            if told.get("errors"):
                raise ConnectionError(f"events.add_batch: {told.get('errors_info')}")

    def set_status(self, status: Status) -> None:
        """Tell how the run stands, where the server does not know."""
        action, told = {
            "training": ("started", "in_progress"),
            "stopped": ("stopped", "stopped"),
            "ended": ("completed", "completed"),
        }[status]
        if told != self.status:
            self._task(action, force=True)
            self.status = told

    def _task(self, action: str, **told: Any) -> dict[str, Any]:
        return _ask(self.session, "tasks", action, task=self.task, **told)


def open_server(run: About, uri: str, remote: Mapping[str, Any]) -> Server:
    """The task of a run: the one that was made before, found by the run's identity, or a new one.

    Args:
        run: what is sent.
        uri: of the API, or `CONFIGURED`.
        remote: what an earlier process noted down.

    Raises:
        TrackerError: there are no credentials, or the task is no longer there.
    """
    session = _log_in(uri)
    fields = ["id", "project", "status"]
    # A process that was killed before it had noted down the task's id has made the task all the same.
    wanted = {"id": [remote["task"]]} if "task" in remote else {"system_tags": [task_mark(run)]}
    found = _ask(session, "tasks", "get_all", **wanted, only_fields=fields)["tasks"]
    if "task" in remote and not found:
        raise TrackerError(
            "clearml: the task that this run was sent to is no longer on the server.",
            found=f"{remote['task']}, as {shown(run.folder / 'trackers' / 'clearml.json')} says",
            do="Delete that file; the next push makes a new task and sends everything.",
        )
    if "task" not in remote:
        project = _project(session, run)
        found = [task for task in found if task["project"] == project] or [_make(session, run, project)]
    task = found[0]
    server = Server(session, run, task["id"], task["project"], task["status"])
    if task["status"] != "completed":
        server.set_status("training")  # its curves grow from here on
    return server


def task_mark(run: About) -> str:
    """A tag that the page does not show, by which a run's task is found again, also one that was imported."""
    return f"maskwright-{run.identity}"


def _log_in(uri: str) -> Any:
    from clearml.backend_api import Session
    from clearml.backend_api.session.defs import MissingConfigError
    from clearml.backend_interface.base import InterfaceBase
    from clearml.config import config_obj

    logging.getLogger("clearml").setLevel(logging.CRITICAL)  # what goes wrong is told once, by what is raised
    storage = config_obj.get("sdk")
    storage.put("http.download.max_retries", TRIES_AGAIN)  # it counts for uploads
    storage.put("http.timeout.total", ANSWER_TIMEOUT_S[1])
    for name in ("_session_initial_timeout", "_session_timeout", "_write_session_timeout"):
        setattr(Session, name, ANSWER_TIMEOUT_S)  # it offers no other way
    # Not after the server may have done what was asked: what is made twice would stand there twice.
    retries = {"total": TRIES_AGAIN, "read": 0, "status": 0, "backoff_factor": 0.5}
    try:
        session = Session(host=None if uri == CONFIGURED else uri, http_retries_config=retries)
    except MissingConfigError:
        raise TrackerError(
            "clearml: there are no credentials for a server.",
            expected="clearml.conf, or CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY",
            do="Make the file with clearml-init. Without a server, write a session that can be imported later: "
            "maskwright runs push RUN --to clearml-offline",
        ) from None
    InterfaceBase._default_session = session  # the storage logs in with it, and would make one of endless patience
    return session


def _project(session: Any, run: About) -> str:
    """The id of the run's project, made where it is not there yet."""
    name = f"^{re.escape(run.project)}$"
    there = _ask(session, "projects", "get_all", name=name, only_fields=["id"])["projects"]
    return str((there or [_ask(session, "projects", "create", name=run.project, description="")])[0]["id"])


def _make(session: Any, run: About, project: str) -> dict[str, Any]:
    told = {"name": run.name, "type": "training", "project": project, "system_tags": [task_mark(run)]}
    return {"id": _ask(session, "tasks", "create", **told)["id"], "project": project, "status": "created"}


def _ask(session: Any, service: str, action: str, **told: Any) -> dict[str, Any]:
    answer = session.send_request(service, action, version=API_VERSION, json=told)
    return _data(answer, service, action)


def _data(answer: Any, service: str, action: str) -> dict[str, Any]:
    """What an answer of the API holds.

    Raises:
        ConnectionError: the server refused.
    """
    try:
        told = answer.json()
    except ValueError:
        told = {}
    if answer.status_code != 200 or "data" not in told:
        why = told.get("meta", {}).get("result_msg") or answer.reason
        raise ConnectionError(f"{service}.{action}: the server answered {answer.status_code}, {why}")
    return dict(told["data"])
