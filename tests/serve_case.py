"""`maskwright serve` for tests: a quick predictor, an application in this process, a real port, a real run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from starlette.testclient import TestClient

from broken_files import encoded
from drawn_run import drawn_run
from maskwright.data.classes import make_classes
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.recipe.recipe import make_recipe
from maskwright.web.door import Door, behind
from maskwright.web.heads import Heads
from maskwright.web.intake import Bounds
from maskwright.web.meters import Meters
from maskwright.web.security import LOOPBACK, our_hosts
from maskwright.web.serve import serve_app
from maskwright.web.serve_log import Observed
from maskwright.web.served_models import Model
from maskwright.web.service import Service
from tiny import tiny_dataset

PORT = 8765
ADDRESS = f"http://127.0.0.1:{PORT}"
DOOR = Door(PORT, hosts=our_hosts(LOOPBACK, PORT))
CLASSES = make_classes(["background", "cat", "dog"], colours=[(0, 0, 0), (69, 160, 245), (176, 204, 57)])
SRC = Path(__file__).resolve().parents[1] / "src"


class Bright:
    """Background where a photo is dark, cat where it is grey, dog where it is bright.

    Args:
        seconds: how long a batch takes.
    """

    runtime = "torch"

    def __init__(self, seconds: float = 0.0) -> None:
        self.classes, self.recipe, self.digest = CLASSES, make_recipe({}, source="test"), "bright"
        self.seconds, self.batches = seconds, []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return self.many([image])[0]

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.batches.append(len(images))
        self.free.wait(60)
        time.sleep(self.seconds)
        return [self._probs(image) for image in images]

    @staticmethod
    def _probs(image: np.ndarray) -> np.ndarray:
        grey = image.mean(axis=2, dtype=np.float32) / 255
        scores = np.stack([-((grey - centre) ** 2) * 30 for centre in (0.15, 0.5, 0.85)])
        shifted = np.exp(scores - scores.max(axis=0))
        return (shifted / shifted.sum(axis=0)).astype(np.float32)


def three_bands(height: int = 48, width: int = 60) -> np.ndarray:
    """A photo whose left third is dark, whose middle is grey, and whose right is bright."""
    image = np.zeros((height, width, 3), np.uint8)
    for place, grey in enumerate((30, 128, 220)):
        image[:, place * width // 3 : (place + 1) * width // 3] = grey
    return image


def png(image: np.ndarray) -> bytes:
    """A photo's file."""
    return encoded(image, "PNG")


def model(name: str = "bright", predictor: Any = None, post: PostProcess | None = None) -> Model:
    """A model of that predictor."""
    predictor = predictor or Bright()
    return Model(name, Path("nowhere"), PostProcessed(predictor, post) if post else predictor)


def service(*models: Model, **bounds: Any) -> Service:
    """What serves some models; without any, one."""
    return Service(models or [model()], replace(Bounds(), **bounds), Meters())


def application(served: Service, door: Door = DOOR, lang: str = "en") -> Observed:
    """All that stands before a service, as `maskwright serve` puts it together."""
    return Observed(behind(serve_app(served, lang=lang), door, lang=lang), served.meters)


def client(served: Service | None = None, door: Door = DOOR) -> TestClient:
    """A client in this process."""
    app = application(served or service(), door)
    return TestClient(app, base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=False)


@contextmanager
def on_a_port(served: Service, lang: str = "en") -> Iterator[str]:
    """The address of a real server in a thread of this process."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(128)
        port = bound.getsockname()[1]
        app = application(served, Door(port, hosts=our_hosts(LOOPBACK, port)), lang)
        server = uvicorn.Server(uvicorn.Config(app, http=Heads, log_config=None, access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
            served.close()


def tiny_run(folder: Path) -> Path:
    """A run folder with drawn weights of a real network, which nobody has trained."""
    drawn_run(folder, replace(tiny_dataset(train=1, val=1), classes=CLASSES), short_side_px=64)
    return folder


@dataclass(frozen=True)
class Process:
    """`maskwright serve` as a process of its own.

    Args:
        process: to be ended.
        value: what it printed with --json.
        said: its standard error.
    """

    process: subprocess.Popen[str]
    value: dict[str, Any]
    said: Path

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.value["address"]))

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.value["address"])
        assert parts.hostname is not None and parts.port is not None
        return parts.hostname, parts.port

    def events(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.said.read_text(encoding="utf-8").splitlines()]


@contextmanager
def serving(said: Path, *arguments: str | Path, **environment: str) -> Iterator[Process]:
    """Start `maskwright serve`; it is killed at the end where it still runs.

    Args:
        said: where its log goes.
        arguments: of the command.
        environment: further variables.
    """
    command = [sys.executable, "-m", "maskwright", "serve", *map(str, arguments), "--json", "--no-browser"]
    command += [] if "--port" in arguments else ["--port", "0"]
    variables = {**os.environ, "PYTHONPATH": str(SRC), **environment}
    with said.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, said.read_text()
        yield Process(process, json.loads(line), said)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
