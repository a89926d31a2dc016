"""What a command shows while it works: a bar on a terminal, plain lines anywhere else, always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from maskwright.progress import Progress
from maskwright.sentences import say, table

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

LINE_INTERVAL_S = 15.0
"""Seconds from one plain line of a stage to the next."""


class Screen:
    """Where a command tells how far it is.

    Args:
        lang: "en" or "ru".
        quiet: `show` prints nothing, because standard output is for one JSON value.
    """

    def __init__(self, lang: str = "en", *, quiet: bool = False) -> None:
        self.lang = lang
        self.quiet = quiet
        self._stage = ""
        self._bar: Bar | None = None
        self._shown_at = 0.0
        self._line = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage()

    def show(self, text: str) -> None:
        """Print a text for a person on standard output, between two stages."""
        self._end_stage()
        if not self.quiet:
            print(text, flush=True)  # noqa: T201

    def on_progress(self, progress: Progress) -> None:
        """Show how far the work is."""
        began = progress.stage != self._stage
        if began:
            self._end_stage()
            self._stage = progress.stage
        if progress.note is not None:
            self._end_stage()
            print(progress.note(self.lang), file=sys.stderr, flush=True)  # noqa: T201
            self._stage = progress.stage
        if sys.stderr.isatty():
            self._draw(progress)
        else:
            self._print(progress, began=began)

    def _end_stage(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._stage = None, ""

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = _bar()
            self._bar.add_task(say(progress.stage, self.lang), about="")
            self._bar.start()
        task = self._bar.task_ids[0]
        self._bar.update(task, completed=progress.done, total=progress.total, about=_about(progress, self.lang))

    def _print(self, progress: Progress, *, began: bool) -> None:
        ended = progress.done == progress.total
        if not began and not ended and time.monotonic() - self._shown_at < LINE_INTERVAL_S:
            return
        count = f" {progress.done}/{progress.total}" if progress.total else f" {progress.done}" * bool(progress.done)
        line = f"{say(progress.stage, self.lang)}{count}  {_about(progress, self.lang)}".rstrip()
        if line != self._line:
            print(line, file=sys.stderr, flush=True)  # noqa: T201
        self._line, self._shown_at = line, time.monotonic()


def duration(seconds: float) -> str:
    """A time as a clock shows it: 0:42, 12:05, 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _about(progress: Progress, lang: str) -> str:
    known = table(lang)
    facts = [f"{known.get(name, name)} {value:.4g}" for name, value in progress.facts.items()]
    left_s = progress.seconds_left
    left = (
        [say("cli.left", lang, time=duration(left_s))] if left_s is not None and progress.done != progress.total else []
    )
    return "  ".join([*left, *facts])


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[about]}", markup=False),
    )
    return Bar(*columns, console=Console(stderr=True), refresh_per_second=4)
