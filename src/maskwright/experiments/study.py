"""What is tried next: a study of Optuna, which is asked for settings and told what became of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from maskwright.errors import UsageError
from maskwright.experiments.space import Choice, Range, Space
from maskwright.storage import json_text

FILE = "study.db"
Sampler = Literal["grid", "random", "tpe"]
Pruner = Literal["none", "asha", "hyperband"]
State = Literal["running", "complete", "pruned", "stopped", "failed"]

REDUCTION = 3
"""One trial in three is trained on at each rung (Li et al. 2020)."""
FIRST_RUNG_PERCENT = 11
"""Rungs at 11 %, 33 % and 100 % of a training: before it the warm-up is hardly over."""


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Args:
        number: from 0.
        settings: the settings that were varied, by name.
        state: "complete", "pruned" (worse than others at the same share of the training), "stopped" (the time was
            over), "failed", or "running".
        value: the score of the weights that it kept, as a fraction; None where there is none.
        course: (percent of its training, the score of the weights that it had kept by then), in order.
        seconds: how long it trained.
        error: why it failed.
    """

    number: int
    settings: Mapping[str, Any]
    state: State
    value: float | None = None
    course: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    error: str = ""

    def value_at(self, percent: int) -> float | None:
        """The score that it had when so much of its training was done; None before its first validation."""
        before = [value for share, value in self.course if share <= percent]
        return before[-1] if before else None


class Study:
    """A study that lies in a file; a killed process goes on with it, and nothing is told twice.

    Args:
        path: the SQLite file; a new study is begun where there is none.
        space: what is tried.
        sampler: "grid" tries every point, in an order drawn by `seed`; "random" draws; "tpe" learns from what it was
            told (tree-structured Parzen estimator, Bergstra et al. 2011) after ten random trials.
        pruner: "none"; "asha": asynchronous successive halving (Li et al. 2020); "hyperband": several of these, that
            begin to judge at different shares (Li et al. 2018).
        seed: seed of the draws.
        points: those of a grid.

    Raises:
        UsageError: Optuna is not installed.
    """

    def __init__(
        self,
        path: Path,
        space: Space,
        *,
        sampler: Sampler,
        pruner: Pruner,
        seed: int,
        points: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        optuna = _optuna()
        from sqlalchemy import URL

        url = URL.create("sqlite", database=str(path.resolve())).render_as_string()
        storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
        self._sampler: Callable[[int], Any] = {
            "grid": lambda drawn: optuna.samplers.RandomSampler(seed=drawn),
            "random": lambda drawn: optuna.samplers.RandomSampler(seed=drawn),
            "tpe": lambda drawn: optuna.samplers.TPESampler(seed=drawn),
        }[sampler]
        rungs = {"min_resource": FIRST_RUNG_PERCENT, "reduction_factor": REDUCTION}
        make_pruner: Callable[[], Any] = {
            "none": optuna.pruners.NopPruner,
            "asha": partial(optuna.pruners.SuccessiveHalvingPruner, **rungs),
            "hyperband": partial(optuna.pruners.HyperbandPruner, max_resource=100, **rungs),
        }[pruner]
        self._study = optuna.create_study(
            storage=storage,
            sampler=self._sampler(seed),
            pruner=make_pruner(),
            study_name="maskwright",
            direction="maximize",
            load_if_exists=True,
        )
        self._optuna, self._space, self._seed = optuna, space, seed
        self._points = random.Random(seed).sample(list(points), len(points))

    def ask(self) -> Trial | None:
        """The next trial; None where a grid has none left."""
        known = self._study.get_trials(deepcopy=False)
        waiting = sum(each.state.name == "WAITING" for each in known)
        if self._points and not waiting:  # a kill after this line leaves one waiting, which is asked for then
            if len(known) == len(self._points):
                return None
            labels = _labels(self._space, self._points[len(known)])
            self._study.enqueue_trial(labels)
        # A sampler of its own for each trial: after a kill the draws are what they would have been.
        self._study.sampler = self._sampler(self._seed * 1_000_003 + len(known) - waiting)
        return self._begun(self._study.ask())

    def unfinished(self) -> list[Trial]:
        """The trials that were asked for and not told of, as after a kill."""
        found = self._study.get_trials(deepcopy=False)
        return [self._begun(self._open(each.number)) for each in found if each.state.name == "RUNNING"]

    def report(self, number: int, course: Sequence[tuple[int, float]]) -> bool:
        """Tell how far a running trial is, as `Trial.course`; what is known already is passed over.

        Returns:
            Whether it is to be stopped because it is worse than others were.
        """
        trial = self._open(number)
        known = self._study.get_trials(deepcopy=False)[number].intermediate_values
        new = [(percent, value) for percent, value in course if percent > max(known, default=0)]
        for percent, value in new:
            trial.report(value, percent)
        if not new or new[-1][0] >= 100 or not trial.should_prune():
            return False
        trial.set_user_attr("pruned", True)  # survives a kill: it is not trained on
        return True

    def is_pruned(self, number: int) -> bool:
        """Whether it was decided that a trial is not trained on."""
        return bool(self._study.get_trials(deepcopy=False)[number].user_attrs.get("pruned"))

    def tell(
        self, number: int, state: State, *, value: float | None = None, seconds: float = 0.0, error: str = ""
    ) -> None:
        """Tell what became of a running trial, once.

        Args:
            number: of it.
            state: how it ended.
            value: its score; wanted where it is complete.
            seconds: how long it trained.
            error: why it failed.
        """
        trial = self._open(number)
        for name, fact in (("state", state), ("seconds", seconds), ("error", error), ("value", value)):
            trial.set_user_attr(name, fact)
        names = {"complete": "COMPLETE", "pruned": "PRUNED", "stopped": "PRUNED", "failed": "FAIL"}
        told = self._optuna.trial.TrialState[names[state]]
        self._study.tell(number, value if state == "complete" else None, state=told)

    def keep_error(self, number: int, error: str, *, seconds: float = 0.0) -> None:
        """Keep why a trial failed without telling it: it stays unfinished, and is tried again when a sweep goes on.

        Args:
            number: of it.
            error: why.
            seconds: how long it trained.
        """
        trial = self._open(number)
        for name, fact in (("seconds", seconds), ("error", error)):
            trial.set_user_attr(name, fact)

    def trials(self) -> tuple[Trial, ...]:
        """All trials, in the order in which they were asked for."""
        return tuple(
            self._trial(each) for each in self._study.get_trials(deepcopy=False) if each.state.name != "WAITING"
        )

    @property
    def seconds(self) -> float:
        """How long this study has been worked on, as last kept."""
        return float(self._study.user_attrs.get("seconds", 0.0))

    def keep_seconds(self, seconds: float) -> None:
        """Keep how long it has been worked on."""
        self._study.set_user_attr("seconds", seconds)

    def _open(self, number: int) -> Any:
        found = self._study.get_trials(deepcopy=False)[number]
        return self._optuna.trial.Trial(self._study, found._trial_id)

    def _begun(self, trial: Any) -> Trial:
        """A running trial; a setting that a kill kept from being drawn is drawn now."""
        for name, each in self._space.searched.items():
            _suggest(trial, name, each)
        return self._trial(self._study.get_trials(deepcopy=False)[trial.number])

    def _trial(self, found: Any) -> Trial:
        about = found.user_attrs
        unfinished: State = "failed" if about.get("error") else "running"
        state: State = about.get("state", "running") if found.state.is_finished() else unfinished
        return Trial(
            number=found.number,
            settings={
                name: _value(self._space.searched[name], given)
                for name, given in found.params.items()
                if name in self._space.searched
            },
            state=state,
            value=about.get("value") if found.state.is_finished() else None,
            course=tuple(sorted(found.intermediate_values.items())),
            seconds=float(about.get("seconds", 0.0)),
            error=str(about.get("error", "")),
        )


def check_optuna() -> None:
    """Refuse a sweep where Optuna is not installed.

    Raises:
        UsageError: it is not.
    """
    _optuna()


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            "A sweep needs Optuna, which is not installed here.",
            found=" ".join(str(error).split())[:200],
            do="pip install 'maskwright[optuna]'",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _suggest(trial: Any, name: str, each: Range | Choice) -> None:
    if isinstance(each, Choice):
        trial.suggest_categorical(name, [_label(option) for option in each.options])
    elif each.whole:
        trial.suggest_int(name, int(each.low), int(each.high), step=int(each.step or 1), log=each.log)
    else:
        trial.suggest_float(name, each.low, each.high, step=each.step, log=each.log)


def _labels(space: Space, point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _label(value) if isinstance(space.searched[name], Choice) else value for name, value in point.items()}


def _label(option: Any) -> Any:
    """How Optuna keeps a value: lists as JSON text."""
    return json_text(option) if isinstance(option, list | dict) else option


def _value(each: Range | Choice, given: Any) -> Any:
    if isinstance(each, Range):
        return given
    return next(option for option in each.options if _label(option) == given)
