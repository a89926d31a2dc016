"""What commands say of trackers: the option --track, which lets them follow a training, and what a push has done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.cli.screen import Screen
from maskwright.errors import UsageError, shown
from maskwright.progress import OnProgress, Progress
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.trackers.follow import Follower
    from maskwright.trackers.push import Pushed


@contextmanager
def tracked(screen: Screen, folder: Path, track: Sequence[str] | None, on_progress: OnProgress) -> Iterator[OnProgress]:
    """Let trackers follow a training, from its first iteration on; at the end, say of each what it has not taken yet.

    Args:
        screen: where that is said.
        folder: the run that will be there.
        track: what `--track` was given: "mlflow", "mlflow,tensorboard" or "mlflow=ADDRESS,tensorboard".
        on_progress: told of the training all the same.

    Returns:
        A context manager giving what is to be told of the training instead.

    Raises:
        UsageError, TrackerError: a tracker is not known or not installed, or its address cannot be used or is on a
            network that is forbidden.
    """
    wanted = _wanted(track) if track else {}
    if wanted:
        from maskwright.trackers.destination import destination_of

        for name, uri in wanted.items():
            destination_of(name, folder, uri)
    followers: list[Follower] = []
    failed: list[str] = []

    def start(progress: Progress) -> None:
        if progress.stage == "stage.train" and wanted:
            from maskwright.trackers.follow import follow

            for name, uri in wanted.items():
                try:
                    followers.append(follow(folder, name, uri=uri))
                except OSError:  # the training is worth more
                    failed.append(name)
            wanted.clear()
        on_progress(progress)

    try:
        yield start
    finally:
        if followers:
            from maskwright.trackers.follow import let_go

            let_go(followers)
        states = [(follower.tracker, follower.state()) for follower in followers]
        for name, state in (*states, *((name, "failed") for name in failed)):
            if state != "sent":
                screen.show(say(f"trackers.{state}", screen.lang, tracker=name, run=shown(folder)))


def pushed_text(pushed: Pushed, lang: str) -> str:
    """What `runs push` has done."""
    key = "pushed" if pushed.sent else "nothing_new"
    lines = [say(f"trackers.{key}", lang, tracker=pushed.tracker, sent=pushed.sent, place=pushed.place)]
    lines += [say("trackers.left_out", lang, file=file, mb=f"{mb:.1f}") for file, mb in pushed.left_out]
    return "\n".join(lines)


def _wanted(track: Sequence[str]) -> dict[str, str]:
    """Trackers with their addresses, "" where none was given.

    A comma parts two of them where the name of a tracker follows; any other one belongs to an address.

    Raises:
        UsageError: one has two addresses.
    """
    from maskwright.trackers.table import TRACKERS

    wanted: dict[str, str] = {}
    known = "|".join(map(re.escape, TRACKERS))
    for text in (part for given in track for part in re.split(rf",(?=\s*(?:{known})\s*(?:[=,]|$))", given)):
        names, _, uri = text.partition("=")
        *others, last = (name.strip() for name in names.split(","))
        for name, where in (*((other, "") for other in others), (last, uri.strip())):
            if wanted.setdefault(name, where) != where:
                raise UsageError(f"--track: {name} is named twice, with different addresses.", do="Name it once.")
    return wanted
