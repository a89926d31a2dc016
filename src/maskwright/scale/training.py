"""Training one model on several machines of a Ray cluster: the project's own loop in each, their gradients as one."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.data.dataset import Dataset
from maskwright.errors import Interrupted, MaskwrightError, RecipeError, RunError, shown
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.scale.cluster import connected, machines_for
from maskwright.sentences import say
from maskwright.training.run import Run
from maskwright.training.training_log import read_training_log

if TYPE_CHECKING:
    from maskwright.training.checkpoint import Standing

FAILURES = 5
"""How often training begins again from its state after a process or a machine is lost."""

GROWN_S = 600.0
"""Seconds after which a machine that has come back may join: the others go back to the last state for it."""


LOOK_S = 2.0
"""Seconds between two looks at how far the machines are."""


def fit_on_ray(
    dataset: Dataset,
    recipe: Recipe,
    run: Run,
    *,
    address: str,
    nodes: int | None = None,
    deadline: float | None = None,
    on_progress: OnProgress = silent,
) -> Standing:
    """`fit` with every batch shared among the machines of a Ray cluster.

    The run is the same folder that one machine would write, by the same recipe: `batch_size` is that of all machines
    together. Where one is lost, the others go on from the last state. Files of the data and the run folder must be
    visible to every machine under the same paths.

    Args:
        dataset: as in `fit`.
        recipe: as in `fit`; each machine takes `threads` of its cores, or a GPU where `device` is cuda.
        run: as in `fit`.
        address: as in `connected`.
        nodes: how many machines at most; None takes all that have the cores.
        deadline: as in `fit`.
        on_progress: told every few seconds.

    Returns:
        Where training stood at its end.

    Raises:
        Interrupted: Ctrl-C: the machines save and stop. Where none trains yet, and at the second Ctrl-C, they are ended
            at once, and the state is that of the last validation.
        UsageError: there is no cluster, or none of its machines has the cores.
        RecipeError: a batch has fewer crops than there are machines.
        RunError: training failed on the cluster more often than chance explains.
    """
    from maskwright.training.loop import begin

    try:
        with connected(address) as ray:
            from ray.train.torch import TorchTrainer  # noqa: F401 - in the thread it would outlast a Ctrl-C

            world = _world(ray, recipe, nodes)
            begin(recipe, run, classes=len(dataset.classes))
            left_s = None if deadline is None else deadline - time.monotonic()
            about = {
                "dataset": dataset,
                "recipe": recipe,
                "run": Run(run.folder.resolve()),
                "ends": None if left_s is None else time.time() + left_s,  # clocks of machines agree on nothing else
                "folder": Path.cwd(),
            }
            return _watched(_beside(about, world), run, on_progress)
    finally:
        shutil.rmtree(run.folder / "state" / "ray", ignore_errors=True)


def _world(ray: Any, recipe: Recipe, nodes: int | None) -> int:
    """How many processes train, one on each machine."""
    able = machines_for(ray, threads=recipe.threads, device=recipe.device)
    world = min(able, nodes or able)
    if recipe.batch_size < world:
        raise RecipeError(
            f"batch_size={recipe.batch_size}: fewer crops than the {world} machines that share them.",
            do=f"--nodes {recipe.batch_size}, or a larger batch_size.",
        )
    return world


def _beside(about: Mapping[str, Any], world: int) -> Future[Standing | Interrupted]:
    """`_fit_all` in a thread for which nobody has to wait: Ray waits for its machines as long as it takes."""
    work: Future[Standing | Interrupted] = Future()

    def act() -> None:
        try:
            work.set_result(_fit_all(about, world))
        except BaseException as error:  # told by the one who watches
            work.set_exception(error)

    threading.Thread(target=act, name="ray-train", daemon=True).start()
    return work


def _watched(work: Future[Standing | Interrupted], run: Run, on_progress: OnProgress) -> Standing:
    """Tell the progress that the log shows until the work ends; Ctrl-C is handed on to it, or ends it."""
    from maskwright.training.presence import ask_to_stop, is_training

    stopping = False
    while not work.done():
        try:
            if stopping:
                with suppress(RunError):
                    # Again and again: a training that begins anew, as after the loss of a machine, forgets it.
                    ask_to_stop(run.folder)
            wait([work], timeout=LOOK_S)
            _tell(run, on_progress)
        except KeyboardInterrupt:
            if stopping or not is_training(run.folder):
                raise Interrupted(
                    "Stopped at once; what was trained since the last validation is not kept.",
                    do=f"Go on with the same command and --resume; the run lies in {shown(run.folder)}.",
                ) from None
            stopping = True
            on_progress(Progress("stage.train", 0, note=lambda lang: say("cli.stopping", lang)))
    ended = work.result()
    if isinstance(ended, Interrupted):
        raise ended
    return ended


def _tell(run: Run, on_progress: OnProgress) -> None:
    log = read_training_log(run.folder / "log.jsonl")
    if log.steps and log.iterations is not None:
        last, done = log.steps[-1], log.steps[-1]["iteration"]
        facts = {"loss": last["loss"]} | ({} if log.best is None else {"mDice": log.best["metrics"]["mDice"]})
        left_s = (log.iterations - done) * last["seconds"] / done
        on_progress(Progress("stage.train", done, log.iterations, facts, seconds_left=left_s))


def _fit_all(about: Mapping[str, Any], world: int) -> Standing | Interrupted:
    """Have Ray Train start one process on each machine, again where some are lost."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    run, cuda = about["run"], about["recipe"].device.startswith("cuda")
    trainer = TorchTrainer(
        _member,
        train_loop_config=dict(about),
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if cuda else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=(1, world),
            use_gpu=cuda,
            resources_per_worker={"CPU": about["recipe"].threads} | ({"GPU": 1} if cuda else {}),
            placement_strategy="SPREAD",
            elastic_resize_monitor_interval_s=GROWN_S,
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=str(run.folder / "state"),
            failure_config=FailureConfig(max_failures=FAILURES),
        ),
    )
    try:
        ended: Standing | Interrupted = trainer.fit().return_value
        return ended
    except TrainingFailedError as error:
        raise _refusal(error, run) from error


def _member(about: dict[str, Any]) -> Standing | Interrupted:
    """What each process does; Ray Train has made torch's process group."""
    from ray.train import get_context

    from maskwright.training.loop import fit
    from maskwright.training.sharing import Share

    os.chdir(about["folder"])
    share = Share(get_context().get_world_rank(), get_context().get_world_size())
    deadline = None if about["ends"] is None else time.monotonic() + about["ends"] - time.time()
    with tempfile.TemporaryDirectory(prefix="maskwright-") as scratch:
        run = about["run"] if share.rank == 0 else _copied(about["run"], Path(scratch))
        try:
            return fit(about["dataset"], run.recipe, run, deadline=deadline, share=share)
        except Interrupted as stopped:  # all processes are: it is no failure
            return stopped


def _copied(run: Run, folder: Path) -> Run:
    """A run of its own for a process whose files nobody keeps, standing where the run stands."""
    for name in ("format", "initial_weights.json", "state/state.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(run.folder / name, folder / name)
    write_recipe(run.recipe, folder / "recipe.yaml")
    return Run(folder)


def _refusal(error: Any, run: Run) -> MaskwrightError:
    """Why training failed: what Maskwright itself said on a machine, or what Ray says."""
    for failure in getattr(error, "worker_failures", {}).values():
        causes = (failure, getattr(failure, "cause", None), failure.__cause__)
        own = next((cause for cause in causes if isinstance(cause, MaskwrightError)), None)
        if own is not None:
            return own
    return RunError(
        f"{shown(run.folder)}: training failed on the cluster.",
        found=" ".join(str(error).split())[-300:],
        do="The same command and --resume go on from the last state.",
    )
