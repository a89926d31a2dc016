"""TensorBoard: one file of events per run, in the run's own folder unless said otherwise.

How long the file is gets noted down after each `send`. What a killed process had written beyond that is cut off and
written again, so that nothing stands there twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from maskwright.errors import TrackerError, shown
from maskwright.metrics.scores import PER_CLASS, SUMMARY
from maskwright.trackers.address import folder_meant
from maskwright.trackers.facts import Document, Fact, Matrix, Parameters, Picture, Scalar, Summary, Table
from maskwright.trackers.sent import sent_path
from maskwright.trackers.tracker import About, Status


def tensorboard_folder(folder: Path, uri: str) -> str:
    """Where the events go: a folder named after the run in the one that was said, else `RUN/trackers/tensorboard`.

    `tensorboard --logdir` of a folder of runs finds them in either place.

    Raises:
        UsageError: an address was said.
    """
    folder = folder.resolve()
    return str(folder_meant("tensorboard", uri) / folder.name if uri else folder / "trackers" / "tensorboard")


def open_tensorboard(about: About, destination: str, remote: Mapping[str, Any]) -> Events:
    """Open a run's file of events, as long as it was noted down to be.

    Raises:
        TrackerError: it is gone, or shorter than that.
    """
    path = Path(destination) / f"events.out.tfevents.{int(about.started)}.{about.identity[:8]}"
    length = int(remote.get("bytes", 0))
    if length and not (path.is_file() and path.stat().st_size >= length):
        raise TrackerError(
            f"tensorboard: {shown(path)} is no longer as it was left.",
            do=f"Delete {shown(sent_path(about.folder, 'tensorboard'))}; the next push writes it anew.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return Events(path, about, length=length)


class Events:
    """A file of events."""

    def __init__(self, path: Path, about: About, *, length: int) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        self.place = f"tensorboard --logdir {path.parent}"
        self._about = about
        self._file = path.open("r+b")
        self._file.truncate(length)
        self._file.seek(0, os.SEEK_END)
        self._records = RecordWriter(self._file)
        if length == 0:
            self._write(file_version="brain.Event:2")
            self._write(summary=_charts())

    @property
    def remote(self) -> Mapping[str, Any]:
        return {"bytes": self._file.tell()}

    def send(self, facts: Sequence[Fact]) -> None:
        """Write facts; checkpoints and pages have no place in TensorBoard and are passed over."""
        for fact in facts:
            for summary in _summaries(fact, self._about):
                at = getattr(fact, "at", self._about.started)
                self._write(summary=summary, step=getattr(fact, "iteration", 0), wall_time=at)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self, status: Status, at: float) -> None:  # noqa: ARG002 - TensorBoard has no word for it
        self._file.close()

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(**{"wall_time": self._about.started, **content}).SerializeToString())


def _summaries(fact: Fact, about: About) -> Iterator[Any]:
    """A fact as TensorBoard's summaries."""
    if isinstance(fact, Scalar):
        yield _scalar(fact.curve, fact.value)
    elif isinstance(fact, Summary):
        for name, value in fact.values.items():
            yield _scalar(f"kept weights on {fact.title}/{name.replace('/', ' ')}", value)
    elif isinstance(fact, Picture):
        yield _picture(fact)
    elif isinstance(fact, Table):
        yield _text(fact.title, _markdown(fact.head, fact.rows))
    elif isinstance(fact, Matrix):
        rows = [(name, *counts) for name, counts in zip(fact.labels, fact.counts.tolist(), strict=True)]
        yield _text(fact.title, _markdown(("labelled, px / predicted", *fact.labels), rows))
    elif isinstance(fact, Document) and fact.file.suffix == ".yaml":
        lines = fact.file.read_text(encoding="utf-8").splitlines()
        yield _text(fact.file.name, "\n".join(f"    {line}" for line in lines))
    elif isinstance(fact, Parameters):
        yield _text(fact.group, _markdown(("name", "value"), list(fact.values.items())))
        if fact.group == "recipe":
            yield _hyperparameters(fact, about)


def _scalar(tag: str, value: float) -> Any:
    from tensorboard.compat.proto import summary_pb2 as proto

    return proto.Summary(value=[proto.Summary.Value(tag=tag, simple_value=value)])


def _text(tag: str, markdown: str) -> Any:
    from tensorboard.plugins.text.metadata import create_summary_metadata

    return _tensor(tag, [markdown.encode()], create_summary_metadata(tag, ""))


def _picture(fact: Picture) -> Any:
    from tensorboard.plugins.image.metadata import create_summary_metadata

    with Image.open(fact.file) as opened:
        width, height = opened.size
    content = [str(width).encode(), str(height).encode(), fact.file.read_bytes()]
    return _tensor(f"{fact.title}/{fact.series}", content, create_summary_metadata(None, fact.caption))


def _tensor(tag: str, content: Sequence[bytes], metadata: Any) -> Any:
    from tensorboard.compat.proto import summary_pb2 as proto
    from tensorboard.util.tensor_util import make_tensor_proto

    return proto.Summary(value=[proto.Summary.Value(tag=tag, tensor=make_tensor_proto(content), metadata=metadata)])


def _hyperparameters(fact: Parameters, about: About) -> Any:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    values = {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in fact.values.items()
    }
    return hparams_pb(values, trial_id=about.identity, start_time_secs=about.started)


def _charts() -> Any:
    """Which curves belong into one chart of the page "Custom Scalars"."""
    from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MultilineChartContent
    from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG, create_summary_metadata

    def charts(names: Sequence[str]) -> list[Any]:
        return [Chart(title=name, multiline=MultilineChartContent(tag=[f"^{name}/.*"])) for name in names]

    classes = Category(title="per class", chart=charts(PER_CLASS))
    layout = Layout(category=[classes, Category(title="all classes", chart=charts(("loss", *SUMMARY)))])
    return _tensor(CONFIG_SUMMARY_TAG, [layout.SerializeToString()], create_summary_metadata())


def _markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("|", "\\|")
