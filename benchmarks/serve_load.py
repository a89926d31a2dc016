"""`maskwright serve` under load: answers, latency and memory, as JSON.

    python benchmarks/serve_load.py [RUN] [--seconds 60] [--clients 32] [--requests 10000] [--side 256] [--workers 1]

Two parts. First so many clients ask as fast as they are answered, each over a connection that stays open, for so
long; told are the answers by status (503 is honest, anything else beside 200 is an error), latencies of the 200s, and
photos a second. Then so many requests with small photos, and the server's resident memory after each tenth of them:
flat is what does not grow after the first. Without RUN a network that nobody trained is served (mlp-mobilenetv2, 256
pixels). The clients run in a process of their own, but on the same cores: what a second computer would see is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import psutil

SMALL_PX = 64


def main() -> None:
    """Serve, ask, and print."""
    given = arguments()
    if given.ask:
        print(json.dumps(ask(given.ask, given.clients, given.seconds, photo(given.side, 1))))
        return
    with tempfile.TemporaryDirectory() as made:
        run = given.run or untrained(Path(made) / "run")
        server, address = serve(run, given.workers, Path(made) / "log")
        try:
            loaded = loaded_by(address, given)
            memory = memory_over(server, address, given.requests)
        finally:
            server.terminate()
            code = server.wait(timeout=60)
        last = json.loads((Path(made) / "log").read_text().splitlines()[-1])
    about = {"benchmark": "serve_load", "run": given.run.name if given.run else "untrained mlp-mobilenetv2"}
    about |= {"cores": len(os.sched_getaffinity(0)), "workers": given.workers, "load": round(os.getloadavg()[0], 1)}
    print(json.dumps({**about, "side_px": given.side, **loaded, "memory": memory, "exit_code": code, "last": last}))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--ask", default="", help=argparse.SUPPRESS)  # how it starts its own clients
    for name, usual in (("seconds", 60.0), ("clients", 32), ("requests", 10_000), ("side", 256), ("workers", 1)):
        parser.add_argument(f"--{name}", type=type(usual), default=usual)
    return parser.parse_args()


def untrained(folder: Path) -> Path:
    """A run whose network nobody trained."""
    import torch
    from safetensors.torch import save_file

    from maskwright.data.classes import classes_yaml, make_classes
    from maskwright.models import build_for
    from maskwright.recipe.files import write_recipe
    from maskwright.recipe.recipe import make_recipe
    from maskwright.training.run import make_run

    recipe = make_recipe({"model": "mlp-mobilenetv2", "short_side_px": 256}, source="benchmark")
    run, classes = make_run(folder), make_classes(["background", "cat", "dog"])
    write_recipe(recipe, folder / "recipe.yaml")
    (folder / "classes.yaml").write_text(classes_yaml(classes))
    torch.manual_seed(0)
    run.best_weights.parent.mkdir(parents=True, exist_ok=True)
    tensors = build_for(recipe, classes=3).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, run.best_weights)
    return folder


def serve(run: Path, workers: int, log: Path) -> tuple[subprocess.Popen[str], str]:
    """The server, and its address."""
    command = [sys.executable, "-m", "maskwright", "serve", str(run), "--port", "0", "--no-browser", "--json"]
    command += ["--workers", str(workers)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log.open("w"), text=True)
    assert server.stdout is not None
    said = json.loads(server.stdout.readline())
    if "address" not in said:
        raise SystemExit(f"serve did not start: {said}")
    address = str(said["address"])
    once(HTTPConnection(urlsplit(address).netloc, timeout=120), photo(SMALL_PX, 0))  # it is warm now
    return server, address


def photo(side_px: int, seed: int) -> bytes:
    """A JPEG of smooth noise, as large as a photo's compresses to."""
    noise = np.random.default_rng(seed).integers(0, 255, (side_px, side_px, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", cv2.GaussianBlur(noise, (0, 0), 3) * 2)[1].tobytes())


def loaded_by(address: str, given: argparse.Namespace) -> dict[str, Any]:
    """What so many clients get in so many seconds; they are in a process of their own."""
    options = ["--ask", address, "--clients", str(given.clients), "--seconds", str(given.seconds)]
    command = [sys.executable, __file__, *options, "--side", str(given.side)]
    value: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return value


def ask(address: str, clients: int, seconds: float, content: bytes) -> dict[str, Any]:
    """Ask as fast as answers come."""
    place, ends = urlsplit(address).netloc, time.perf_counter() + seconds
    statuses: Counter[str] = Counter()
    latencies: list[float] = []

    def go_on() -> None:
        connection = HTTPConnection(place, timeout=120)
        while time.perf_counter() < ends:
            began = time.perf_counter()
            status = once(connection, content)
            statuses[status] += 1
            if status == "200":
                latencies.append(time.perf_counter() - began)
            elif status == "503":
                time.sleep(0.5)
        connection.close()

    threads = [threading.Thread(target=go_on) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "clients": clients,
        "seconds": seconds,
        "answers": dict(statuses),
        "errors": sum(count for status, count in statuses.items() if status not in ("200", "503")),
        "photos_per_s": round(len(latencies) / seconds, 2),
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
        "longest_ms": round(1000 * max(latencies), 1),
    }


def once(connection: HTTPConnection, content: bytes) -> str:
    """The status of one request, or the error that took its place."""
    try:
        connection.request("POST", "/v1/segment", content, {"content-type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, HTTPException) as error:
        connection.close()
        return type(error).__name__


def memory_over(server: subprocess.Popen[str], address: str, requests: int) -> dict[str, Any]:
    """Resident memory of all processes of the server while it answers so many requests with small photos."""
    photos, place, size = [photo(SMALL_PX, seed) for seed in range(8)], urlsplit(address).netloc, []
    connection, wrong = HTTPConnection(place, timeout=120), 0
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    for number in range(1, requests + 1):
        wrong += once(connection, photos[number % len(photos)]) != "200"
        if number % max(1, requests // 10) == 0:
            size.append(round(sum(each.memory_info().rss for each in processes) / 1e6, 1))
    connection.close()
    grown = round(max(size[1:]) - size[0], 1)
    return {"requests": requests, "side_px": SMALL_PX, "errors": wrong, "resident_mb": size, "grown_mb": grown}


if __name__ == "__main__":
    main()
