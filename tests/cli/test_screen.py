"""The bar on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_a_terminal_gets_a_bar_with_the_time_left() -> None:
    import pty

    code = (
        "from maskwright.cli.screen import Screen; from maskwright.progress import Progress\n"
        "with Screen('en') as screen:\n"
        "    screen.on_progress(Progress('stage.read', 3, 3))\n"
        "    screen.show('between')\n"
        "    screen.on_progress(Progress('stage.train', 5, 10, {'loss': 0.5, 'mDice': 0.625}, 65.0))\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    drawn = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "Reading the photos" in drawn
    assert drawn.index("between") < drawn.index("Training")
    assert "5/10" in drawn
    assert "1:05 left  loss 0.5  mDice 0.625" in drawn
