"""The one training loop."""

from __future__ import annotations

import copy
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from maskwright.data.dataset import Dataset
from maskwright.errors import Interrupted, shown
from maskwright.metrics.scores import scores
from maskwright.models import build_for
from maskwright.models.forward import autocast, normalised, settled_device
from maskwright.models.layers import settle_norms
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.files import write_recipe
from maskwright.recipe.plan import longest_training
from maskwright.recipe.recipe import GIVEN, Recipe, with_settings
from maskwright.recipe.soup import ends_member, into_member, usable
from maskwright.storage import clear_leftovers, read_json, write_json
from maskwright.training.batches import Batch, batches, training_photos
from maskwright.training.checkpoint import Standing, load_state, save_state, save_weights
from maskwright.training.initial import load_initial
from maskwright.training.losses import total_loss
from maskwright.training.memory import keep_freed_memory
from maskwright.training.optimiser import add_member, lr_at, make_optimiser, set_lr, update_average
from maskwright.training.presence import training_in
from maskwright.training.resumable import state_path
from maskwright.training.run import Run, append_log, cut_log, refuse_lost_state
from maskwright.training.sharing import ALONE, Share
from maskwright.training.validation import validation_counts

LOG_INTERVAL = 20
"""Iterations that one line of the log averages over."""

SOUP_MARGIN = 0.01
"""How far below the best validation mDice a soup with another member may be and still be kept.

On 120 photos soups of two to five members lay within 0.6 points of each other, and after tuning the largest was as
good as the one with the best score, or better.
"""


def fit(
    dataset: Dataset,
    recipe: Recipe,
    run: Run,
    *,
    deadline: float | None = None,
    share: Share = ALONE,
    on_progress: OnProgress = silent,
) -> Standing:
    """Train by a recipe, from the beginning or from the state that lies in the run.

    Args:
        dataset: with labelled samples in "train" and "val".
        recipe: complete; class weights are a list or "none".
        run: where everything is written.
        deadline: `time.monotonic()` at which training must have ended; the length is then adapted at validations, and
            each change is written into the run's recipe. None trains the recipe as it stands, and so does a recipe
            whose `iterations` were given.
        share: which of several processes this one is that train one model; each has a run of its own, beginning with
            the same state, and what counts is in the first one's.
        on_progress: told after every iteration.

    Returns:
        Where training stood at its end.

    Raises:
        Interrupted: the user pressed Ctrl-C, or another process asked for it; the state is on disk.
        RunError: another process trains this run, or its state is damaged or gone.
    """
    train, val = training_photos(dataset, recipe), dataset.split("val").labelled.spread(recipe.validation_photos)
    torch.set_num_threads(recipe.threads)
    keep_freed_memory()
    learner = make_learner(recipe, len(dataset.classes), share)
    with training_in(run.folder) as asked_to_stop, _interruptible() as interrupted, ExitStack() as until_the_end:
        for own in ("state", "weights"):  # a training that was killed may have left them half written
            clear_leftovers(run.folder / own)
        standing = _resume(run, learner)
        began = time.monotonic() - standing.seconds
        pace, adapted = _Pace(), standing
        stream = until_the_end.enter_context(closing(batches(train, recipe, start=standing.iteration, share=share)))
        while standing.iteration < recipe.final_length and not _out_of_patience(recipe, standing):
            iteration = standing.iteration
            step_began = time.perf_counter()
            batch = next(stream)
            waited = time.perf_counter() - step_began
            lr = lr_at(iteration, recipe)
            loss, finite = train_step(learner, batch, recipe, iteration, lr)
            pace.add(loss=loss, waited=waited, seconds=time.perf_counter() - step_began, lr=lr)
            standing = replace(
                standing,
                iteration=iteration + 1,
                seconds=time.monotonic() - began,
                skipped=standing.skipped + (not finite),
            )
            recipe = _ended_in_time(recipe, run, standing, deadline, share)
            last = standing.iteration == recipe.final_length
            due = last or into_member(standing.iteration, recipe) % recipe.validation_interval == 0
            if due or standing.iteration % LOG_INTERVAL == 0:
                append_log(run.folder / "log.jsonl", pace.entry(standing))
            if due:
                before, standing = standing, _with_member(learner, recipe, standing)
                ends = standing.members > before.members
                if ends or not standing.members:  # within a later member the soup is what it was
                    standing = _validate(learner, val, recipe, run, standing, began)
                each_s = share.agreed(_iteration_s(recipe, adapted, before, standing))
                recipe = _adapted(recipe, run, standing, deadline, each_s=each_s, share=share, photos=len(train))
                adapted = standing
                if ends and standing.iteration < recipe.final_length:
                    _begin_anew(learner, recipe)
                _save(learner, run, standing)
            on_progress(_progress(standing, recipe, loss))
            if share.agreed(interrupted() or asked_to_stop()) and standing.iteration < recipe.final_length:
                _save(learner, run, standing)
                raise _interruption(run, recipe, standing)
        why = "patience" if standing.iteration < recipe.final_length else "length"
        _log(run, "end", standing, why=why, best_iteration=standing.best_iteration, best_mDice=standing.best_mdice)
    return standing


def begin(recipe: Recipe, run: Run, *, classes: int) -> None:
    """Write the state that training begins from, where none lies in the run: others need no weights of their own."""
    if not state_path(run.folder).exists():
        _resume(run, make_learner(recipe.model_copy(update={"device": "cpu"}), classes))


@dataclass
class Learner:
    """What changes while training."""

    model: nn.Module
    average: nn.Module | None
    optimiser: torch.optim.Optimizer
    device: torch.device
    network: nn.Module
    """The model as it is called: where several processes train it, wrapped so that gradients are those of all."""
    share: Share = ALONE
    soup: nn.Module | None = None
    """The mean of the members that have ended; None where the recipe makes no soup."""
    initial: nn.Module | None = None
    """What each member of a soup begins with."""

    @property
    def member(self) -> nn.Module:
        """What the present training would leave if it ended here."""
        return self.model if self.average is None else self.average

    def judged(self, standing: Standing) -> nn.Module:
        """The weights that are validated and kept."""
        return self.soup if self.soup is not None and standing.members else self.member

    @property
    def models(self) -> dict[str, nn.Module]:
        """All that have weights of their own."""
        named = {"model": self.model, "average": self.average, "soup": self.soup, "initial": self.initial}
        return {name: model for name, model in named.items() if model is not None}


def train_step(learner: Learner, batch: Batch, recipe: Recipe, iteration: int, lr: float) -> tuple[float, bool]:
    """One iteration: forward, loss, backward, update.

    Returns:
        The loss, and whether the gradient was finite; where it was not, the update is skipped.
    """
    # Drop path and dropout: a function of (seed, iteration) and the process.
    torch.manual_seed(recipe.seed * 1_000_003 + iteration + (learner.share.rank << 32))
    set_lr(learner.optimiser, lr)
    learner.optimiser.zero_grad()
    images = normalised(batch.images, recipe, learner.device)
    masks = torch.from_numpy(batch.masks).to(learner.device).long()
    with autocast(learner.device, recipe.precision):
        logits = learner.network(images)
    loss = total_loss(logits, masks, recipe, learner.share)
    loss.backward()  # type: ignore[no-untyped-call]
    limit = recipe.grad_clip or float("inf")
    norm = torch.nn.utils.clip_grad_norm_(learner.model.parameters(), limit)
    finite = bool(torch.isfinite(norm))
    if finite:
        learner.optimiser.step()
        if learner.average is not None:
            done = into_member(iteration, recipe)
            update_average(learner.average, learner.model, decay=recipe.ema_decay, iteration=done)
    return loss.item(), finite


def make_learner(recipe: Recipe, classes: int, share: Share = ALONE) -> Learner:
    """A freshly drawn model with its averaged copy and optimiser."""
    device = torch.device(settled_device(recipe.device))
    torch.manual_seed(recipe.seed)
    model = build_for(recipe, classes=classes).to(device)
    settle_norms(getattr(model, "encoder", model), recipe.encoder_norm)
    average, soup, initial = (
        copy.deepcopy(model).eval().requires_grad_(False) if wanted else None
        for wanted in (recipe.ema_decay, recipe.soup_iterations, recipe.soup_iterations)
    )
    optimiser = make_optimiser(model, recipe)
    return Learner(model.train(), average, optimiser, device, share.joined(model), share, soup, initial)


def _out_of_patience(recipe: Recipe, standing: Standing) -> bool:
    first = recipe.soup_iterations and not standing.members  # it is not the soup's validations that are stale
    return bool(recipe.patience) and standing.stale >= recipe.patience and not first


def _interruption(run: Run, recipe: Recipe, standing: Standing) -> Interrupted:
    return Interrupted(
        f"Stopped after {standing.iteration} of {recipe.final_length} iterations; nothing is lost.",
        do=f"Go on with the same command and --resume; the run lies in {shown(run.folder)}.",
    )


def _resume(run: Run, learner: Learner) -> Standing:
    if not state_path(run.folder).exists():
        refuse_lost_state(run.folder)
        cut_log(run.folder / "log.jsonl", after=-1)
        initial = load_initial(learner.model, run.recipe)
        for copied in (learner.average, learner.initial):
            if copied is not None:
                copied.load_state_dict(learner.model.state_dict())
        write_json(run.folder / "initial_weights.json", initial)
        _log(run, "start", Standing(), iterations=run.recipe.final_length, time=time.time())
        _save(learner, run, Standing())
        return Standing()
    standing = load_state(state_path(run.folder), models=learner.models, optimiser=learner.optimiser)
    cut_log(run.folder / "log.jsonl", after=standing.iteration)
    _log(run, "resume", standing)
    return standing


def _begin_anew(learner: Learner, recipe: Recipe) -> None:
    """Give the learner the weights that each member begins with, and an optimiser that has seen nothing."""
    assert learner.initial is not None
    for model in (learner.model, learner.average):
        if model is not None:
            model.load_state_dict(learner.initial.state_dict())
    learner.optimiser = make_optimiser(learner.model, recipe)


def _with_member(learner: Learner, recipe: Recipe, standing: Standing) -> Standing:
    """Where the training stands with the member that ends here, if one does, in the soup.

    From the end of the first one on only soups are kept.
    """
    if learner.soup is None or not ends_member(standing.iteration, recipe, members=standing.members):
        return standing
    best = standing if standing.members else replace(standing, best_mdice=-1.0, peak_mdice=-1.0, stale=0)
    add_member(learner.soup, learner.member, standing.members + 1)
    return replace(best, members=standing.members + 1)


def _keep(learner: Learner, run: Run, name: str, standing: Standing, **about: Any) -> None:
    path, initial = run.folder / "weights" / f"{name}.safetensors", read_json(run.folder / "initial_weights.json")
    about = {"iteration": standing.iteration, "members": standing.members, **about}
    save_weights(learner.judged(standing), path, recipe=run.recipe, initial=initial, about=about)


def _save(learner: Learner, run: Run, standing: Standing) -> None:
    _keep(learner, run, "last", standing)
    # Last: it is what resuming believes.
    save_state(state_path(run.folder), standing, models=learner.models, optimiser=learner.optimiser)


def _validate(learner: Learner, val: Dataset, recipe: Recipe, run: Run, standing: Standing, began: float) -> Standing:
    """Judge the weights, keep them when they are the best so far, or a soup with another member, and log it."""
    judged_began = time.monotonic()
    model = learner.judged(standing)
    learner.share.align(model)
    judged = scores(validation_counts(model, val, recipe, learner.share))
    seconds, peak = time.monotonic() - began, standing.peak_mdice
    better = judged.mDice > peak
    kept = better or (standing.members > 1 and judged.mDice > peak - SOUP_MARGIN)
    standing = replace(standing, peak_mdice=max(peak, judged.mDice), stale=0 if better else standing.stale + 1)
    if kept:
        _keep(learner, run, "best", standing, val_mDice=judged.mDice)
        standing = replace(standing, best_mdice=judged.mDice, best_iteration=standing.iteration)
    _log(
        run,
        "validation",
        standing,
        metrics=judged.summary(),
        per_class=judged.per_class(val.classes.names),
        validation_s=time.monotonic() - judged_began,
        seconds=seconds,
        best=kept,
    )
    return replace(standing, seconds=seconds)


def _iteration_s(recipe: Recipe, since: Standing, until: Standing, judged: Standing) -> float:
    """Seconds of an iteration at the pace `since` then `until` then, with its part of a validation, over when `judged`.

    The latest pace, not the mean: a machine that was busy for a while may be free again.
    """
    judging_s = (judged.seconds - until.seconds) / (recipe.soup_iterations or recipe.validation_interval)
    return (until.seconds - since.seconds) / (until.iteration - since.iteration) + judging_s


def _adapted(
    recipe: Recipe, run: Run, standing: Standing, deadline: float | None, *, each_s: float, share: Share, photos: int
) -> Recipe:
    """The recipe with its length changed to what the time still allows at `each_s` an iteration, written first.

    It is not made longer than is good for a training from few `photos`, or for a soup.
    """
    length = recipe.final_length
    if deadline is None or standing.iteration >= length or recipe.reason("iterations") == GIVEN:
        return recipe
    left_s = share.agreed(deadline - time.monotonic())
    wanted = standing.iteration + (max(1, int(left_s / each_s)) if left_s > 0 else 0)
    wanted = min(wanted, max(longest_training(recipe, photos), length))
    if recipe.soup_iterations:
        wanted = usable(wanted, standing.iteration, recipe)
    # Pace is noisy: a change of less than a twentieth of what remains can wait for the next validation, or be left.
    if left_s > 0 and abs(wanted - length) <= 0.05 * (length - standing.iteration):
        return recipe
    return _with_length(recipe, run, standing, wanted)


def _ended_in_time(recipe: Recipe, run: Run, standing: Standing, deadline: float | None, share: Share) -> Recipe:
    """The recipe, ending with this iteration where the time is over: a machine may become busy between validations."""
    if deadline is None or recipe.reason("iterations") == GIVEN:
        return recipe
    over = share.agreed(time.monotonic() >= deadline)
    return _with_length(recipe, run, standing, standing.iteration) if over else recipe


def _with_length(recipe: Recipe, run: Run, standing: Standing, wanted: int) -> Recipe:
    changes = (*recipe.length_changes, (standing.iteration, wanted))
    recipe = with_settings(
        recipe, {"length_changes": changes}, source="the time budget", reason="measured: what the budget allowed"
    )
    write_recipe(recipe, run.folder / "recipe.yaml")
    _log(run, "length", standing, iterations=wanted, why="budget")
    return recipe


def _log(run: Run, event: str, standing: Standing, **facts: Any) -> None:
    append_log(run.folder / "log.jsonl", {"event": event, "iteration": standing.iteration, **facts})


def _progress(standing: Standing, recipe: Recipe, loss: float) -> Progress:
    facts = {"loss": loss} | ({"mDice": standing.best_mdice} if standing.best_mdice >= 0 else {})
    length = recipe.final_length
    left_s = (length - standing.iteration) * standing.seconds / standing.iteration
    return Progress("stage.train", standing.iteration, length, facts, seconds_left=left_s)


class _Pace:
    """Sums since the last line of the log."""

    def __init__(self) -> None:
        self.count, self.loss, self.waited, self.seconds, self.lr = 0, 0.0, 0.0, 0.0, 0.0

    def add(self, *, loss: float, waited: float, seconds: float, lr: float) -> None:
        self.count += 1
        self.loss += loss
        self.waited += waited
        self.seconds += seconds
        self.lr = lr

    def entry(self, standing: Standing) -> dict[str, Any]:
        """The line of the log, after which the sums start anew."""
        entry = {
            "event": "train",
            "iteration": standing.iteration,
            "loss": self.loss / self.count,
            "lr": self.lr,
            "iteration_s": self.seconds / self.count,
            "data_wait_frac": self.waited / self.seconds,
            "skipped_updates": standing.skipped,
            "seconds": standing.seconds,
        }
        self.count, self.loss, self.waited, self.seconds = 0, 0.0, 0.0, 0.0
        return entry


@contextmanager
def _interruptible() -> Iterator[Any]:
    """Turn the first Ctrl-C into a flag that is read between iterations; the second one stops at once."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag.is_set
        return

    def note(*_: Any) -> None:
        flag.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield flag.is_set
    finally:
        signal.signal(signal.SIGINT, before)
