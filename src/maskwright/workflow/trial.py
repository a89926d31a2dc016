"""One training of a sweep: in this process, or in one of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.errors import DiskError, Interrupted, MaskwrightError
from maskwright.evaluation.evaluate import evaluate
from maskwright.experiments.trials import Job
from maskwright.inference.load import load
from maskwright.recipe.files import read_recipe
from maskwright.storage import json_text
from maskwright.training.run import is_begun
from maskwright.workflow.train import train


def run_trial(job: Job) -> None:
    """Train a job, or go on with it; whatever is wrong with it is written into its folder.

    Args:
        job: what is trained.
    """
    try:
        job.data.stat()  # a mount that is gone is no fault of the data
        dataset = read(job.data, **job.reading)
        _train(job, dataset)
        if job.judged:
            _judge(job, dataset)
    except Interrupted:
        return  # it was asked to stop
    except (OSError, MemoryError) as error:
        _fail_outside(job, error)
    except MaskwrightError as error:
        job.fail(str(error))
    except Exception as error:
        from maskwright.training.machine import is_out_of_memory

        if is_out_of_memory(error):
            _fail_outside(job, error)
            return
        traceback.print_exc()
        job.fail(f"{type(error).__name__}: {error}")


def _fail_outside(job: Job, error: Exception) -> None:
    """Write an error that the job has no part in, so that it is tried again."""
    if not isinstance(error, MaskwrightError):
        traceback.print_exc()
    job.fail(str(error) if isinstance(error, DiskError) else f"{type(error).__name__}: {error}", again=True)


def start_process(job: Job) -> Process:
    """Begin a job in a process of its own, whose output goes to `<folder>.log`; it ends when this process ends.

    Args:
        job: what is trained.
    """
    return Process(job)


class Process:
    """A job in a process of its own.

    Args:
        job: what is trained.
    """

    def __init__(self, job: Job) -> None:
        job.folder.parent.mkdir(parents=True, exist_ok=True)
        waiting = {} if "OMP_WAIT_POLICY" in os.environ else {"GOMP_SPINCOUNT": "1000"}  # see cli/main.py
        with job.folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "maskwright.workflow.trial"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**waiting, **os.environ},
                start_new_session=True,  # Ctrl-C is for the one who started it, who asks it to stop
            )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(job_text(job).encode() + b"\n")
            self._process.stdin.flush()  # and stays open: its end is the end of this process
        except BrokenPipeError:
            pass  # it was killed at once; whoever looks sees that it ended

    def ended(self) -> bool:
        """Whether the process is gone."""
        if self._process.poll() is None:
            return False
        assert self._process.stdin is not None
        self._process.stdin.close()
        return True

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        self.ended()


def job_text(job: Job) -> str:
    """A job as a line of JSON."""
    return json_text({**vars(job), "data": str(job.data), "folder": str(job.folder),
                      "recipe": None if job.recipe is None else str(job.recipe)})  # fmt: skip


def read_job(text: str) -> Job:
    """A job from its line of JSON."""
    about: dict[str, Any] = json.loads(text)
    paths = {name: None if about[name] is None else Path(about[name]) for name in ("data", "folder", "recipe")}
    return Job(**{**about, **paths})


def _train(job: Job, dataset: Dataset) -> None:
    if not (job.folder / "format").is_file():
        shutil.rmtree(job.folder, ignore_errors=True)  # what a kill left in the first moment
    begun = is_begun(job.folder)
    recipe = None if job.recipe is None or begun else read_recipe(job.recipe)
    machine: dict[str, Any] = {"threads": job.threads, "device": job.device}
    settings = dict(job.settings)
    if recipe is not None:
        settings |= {name: value for name, value in machine.items() if value not in (None, "auto")}
        if settings.get("model", recipe.model) != recipe.model:
            settings.setdefault("weights", "auto")  # the recipe's are of another architecture
    if recipe is not None or begun:
        machine = {}
    train(
        dataset,
        out=job.folder,
        recipe=recipe,
        settings={"model": read_recipe(job.folder / "recipe.yaml").model} if begun else settings,
        budget_s=None if begun else job.budget_s,
        resume=True,
        **machine,
    )


def _judge(job: Job, dataset: Dataset) -> None:
    recipe = read_recipe(job.folder / "recipe.yaml")
    predictor = load(job.folder, device=recipe.device, threads=recipe.threads, model=recipe.model)
    evaluate(predictor, dataset, split="val").save(job.folder / "evaluation" / "val")


def main() -> None:
    """Train the job on standard input; end when it closes, because then the one who started this has ended."""
    job = read_job(sys.stdin.readline())

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    run_trial(job)


if __name__ == "__main__":
    main()
