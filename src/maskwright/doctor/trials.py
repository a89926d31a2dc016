"""Importing what may be broken, each in a process of its own: whatever it does there, the doctor lives on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from maskwright.doctor.world import Trial

SLOW_S = 60.0
"""Longest wait for one trial: from a cold network disk, torch takes half a minute."""

LIBRARIES = {
    "numpy": "numpy",
    "scipy.ndimage": "scipy",
    "cv2": "opencv-python-headless",
    "PIL.Image": "pillow",
    "pydantic": "pydantic",
    "safetensors": "safetensors",
    "huggingface_hub": "huggingface-hub",
    "jinja2": "jinja2",
    "plotly": "plotly",
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "filelock": "filelock",
}
"""What Maskwright imports beside torch, and the package that it comes from."""

TORCH = """
import warnings
import torch
at("facts")
said["threads"] = torch.get_num_threads()
said["capability"] = torch.backends.cpu.get_cpu_capability()
said["bf16"] = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    said["cuda"] = torch.cuda.is_available()
said["cuda_problem"] = " ".join(str(told[0].message).split()) if told else ""
at("arithmetic")
torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3)).sum().item()
at("numpy")
torch.zeros(1).numpy()
"""

TORCHVISION = """
import torchvision
"""

EACH_LIBRARY = """
import importlib
said["errors"] = {}
for name in sys.argv[1:]:
    at(name)
    try:
        if getattr(importlib.import_module(name), "__file__", None) is None:
            raise ImportError(f"of {name} only a folder without a module is left")
    except BaseException as error:
        said["errors"][name] = line(error)
"""

AROUND = """
import json, sys

def line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:400]

def at(step):
    print(json.dumps({"step": step}), flush=True)

said = {}
try:
%s
except BaseException as error:
    said["error"] = line(error)
print(json.dumps(said), flush=True)
"""

PROGRAMS = {"torch": TORCH, "torchvision": TORCHVISION, "libraries": EACH_LIBRARY}
"""What is tried, in Python."""


def trial(name: str, *, slow_s: float = SLOW_S) -> Trial:
    """Run one of the programs.

    Args:
        name: of the program.
        slow_s: longest wait, in seconds.
    """
    command = [sys.executable, "-P", "-W", "ignore", "-c", AROUND % indent(PROGRAMS[name].strip(), "    "), *LIBRARIES]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            timeout=slow_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Trial(outcome="slow", error=f"{slow_s:.0f} s")
    except OSError as error:
        return Trial(outcome="failed", error=str(error))
    return _told(ended)


def _told(ended: subprocess.CompletedProcess[str]) -> Trial:
    said: dict[str, Any] = {}
    for text in ended.stdout.splitlines():  # what is imported may print lines of its own in between
        said.update(_value(text))
    step, error = said.pop("step", ""), said.pop("error", "")
    if ended.returncode:
        return Trial(outcome="killed", error=_ending(ended), step=step, said=said)
    return Trial(outcome="failed" if error else "worked", error=error, step=step, said=said)


def _value(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _ending(ended: subprocess.CompletedProcess[str]) -> str:
    """The signal that ended a process, or its last words."""
    if ended.returncode < 0:
        return signal.Signals(-ended.returncode).name
    last = ended.stderr.strip().splitlines()[-1:] or [""]
    return f"{' '.join(last[0].split())[:400]} ({ended.returncode})".strip()
