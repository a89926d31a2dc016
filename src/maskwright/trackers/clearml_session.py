"""A ClearML session on disk, as the package's offline mode leaves one, for `Task.import_offline_session`.

It is written without the package, whose own offline mode takes seconds to open and to close and cannot hold a model.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.errors import TrackerError, shown
from maskwright.storage import json_text, read_json, refuse_occupied, replacing, write_json
from maskwright.trackers.clearml_server import task_mark
from maskwright.trackers.tracker import About, Status


@dataclass
class OfflineSession:
    """A folder that becomes a task when it is imported; `FOLDER.zip` holds the same.

    Args:
        where: the folder.
        task: what `task.json` tells.
        events_bytes: how much of `metrics.jsonl` is whole.
    """

    where: Path
    task: dict[str, Any]
    events_bytes: int

    @property
    def remote(self) -> Mapping[str, Any]:
        """How much of the file of events is whole."""
        return {"events_bytes": self.events_bytes}

    @property
    def place(self) -> str:
        """What imports the session."""
        return f'clearml.Task.import_offline_session("{self.packed}")'

    @property
    def packed(self) -> Path:
        """The session in one file."""
        return self.where.with_name(f"{self.where.name}.zip")

    def set_parameters(self, section: str, values: Mapping[str, str]) -> None:
        """Write one section of hyper-parameters, in the place of what stood there."""
        items = {name: {"section": section, "name": name, "value": value} for name, value in values.items()}
        self.task["hyperparams"][section] = items
        self._write_task()

    def set_configuration(self, name: str, text: str) -> None:
        """Keep a text as an object of configuration."""
        self.task["configuration"][name] = {"name": name, "value": text, "type": Path(name).suffix.lstrip(".")}
        self._write_task()

    def upload(self, file: Path, key: str) -> str:
        """Copy a file into the session.

        Args:
            file: a small one or a checkpoint.
            key: its path below the task's folder; what lies there is replaced.

        Returns:
            Where it lies, in the session.
        """
        where = f"data/{self.folder}/{key}"
        with replacing(self.where / where) as temporary:
            shutil.copyfile(file, temporary)
        return where

    @property
    def folder(self) -> str:
        """In which the task's files lie on the file server; the import puts the new task's id in."""
        return f"{self.task['project_name']}/{self.task['name']}.{self.task['id']}"

    def add_artifact(self, artifact: Mapping[str, Any]) -> None:
        """List a copied file among the task's artifacts, in the place of one with the same key."""
        artifacts = self.task["execution"]["artifacts"]
        artifacts[:] = [*(other for other in artifacts if other["key"] != artifact["key"]), artifact]
        self._write_task()

    def add_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add points of curves, plots and pictures."""
        path = self.where / "metrics.jsonl"
        line = json_text([{**event, "task": self.task["id"]} for event in events]) + "\n"
        with path.open("r+b") as file:
            file.truncate(self.events_bytes)  # what a killed process wrote beyond it comes again
            file.seek(self.events_bytes)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
            self.events_bytes = file.tell()

    def set_status(self, status: Status) -> None:  # noqa: ARG002 - what is imported is completed
        """Pack the session into one file: nothing more comes for now."""
        with replacing(self.packed) as temporary, zipfile.ZipFile(temporary, "w") as packed:
            for path in sorted(self.where.rglob("*")):
                if path.is_file():  # pictures and weights do not get smaller
                    text = path.suffix in {".json", ".jsonl", ".html"}
                    kind = zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED
                    packed.write(path, path.relative_to(self.where).as_posix(), compress_type=kind)

    def _write_task(self) -> None:
        write_json(self.where / "task.json", self.task)


def open_session(run: About, uri: str, remote: Mapping[str, Any]) -> OfflineSession:
    """The session of a run: as it was left, or a new one.

    Args:
        run: what is sent.
        uri: the folder.
        remote: what an earlier process noted down.

    Raises:
        TrackerError: it is no longer there as it was left, or something else is there.
    """
    where = Path(uri)
    told, events = where / "task.json", where / "metrics.jsonl"
    new = {
        "id": f"offline-{run.identity}",
        "name": run.name,
        "project_name": run.project,
        "type": "training",
        "system_tags": [task_mark(run)],
        "hyperparams": {},
        "configuration": {},
        "execution": {"artifacts": [], "parameters": {}},
        "offline_folder": "",
        "offline_output_models": [],
    }
    if "events_bytes" in remote:
        whole = int(remote["events_bytes"])
        if not told.is_file() or not events.is_file() or events.stat().st_size < whole:
            raise TrackerError(
                f"clearml-offline: {shown(where)} is no longer as it was left.",
                do=f"Delete {shown(run.folder / 'trackers' / 'clearml-offline.json')}; the next push writes it anew.",
            )
        return OfflineSession(where, read_json(told), whole)
    if not (told.is_file() and read_json(told).get("id") == new["id"]):
        refuse_occupied(where)
    session = OfflineSession(where, new, 0)
    write_json(told, new)
    events.touch()
    return session
