"""Driving a sweep: what is trained next, what is stopped early, and which ones are trained again."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from maskwright.errors import RunError
from maskwright.experiments.study import Study, Trial
from maskwright.experiments.sweeps import SweepPlan, finalist_folder, ranked, trial_folder
from maskwright.experiments.trials import Job, Start, carry_out
from maskwright.progress import OnProgress, Progress
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.training.training_log import TrainingLog

OVERHEAD_S = 15.0
"""Seconds of a trial around its training: importing torch, reading the photos, judging."""
SAME_ERRORS = 3
"""After so many trials in a row that fail with the same words, the next would, too."""
OUTSIDE = "Mend that, then go on with the same command and --resume: these trials are tried again."
INSIDE = "Mend the space or the settings, and begin another sweep; --resume goes on without these trials."
LEAST_TRIALS_SHARE = 0.5
"""Of the time: what the finalists leave for the search, however long they take."""


@dataclass(frozen=True)
class Work:
    """All that a sweep is driven by.

    Args:
        folder: of the sweep.
        plan: how it goes about it.
        study: what is tried next.
        template: a trial without its folder and its own settings.
        start: begins a job.
        on_progress: told how many trials have ended.
        began: `time.monotonic()` now, less what the sweep has taken before.
    """

    folder: Path
    plan: SweepPlan
    study: Study
    template: Job
    start: Start
    on_progress: OnProgress
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long the sweep was worked on, over all resumes."""
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float:
        """The time that is left."""
        return math.inf if self.plan.budget_s is None else self.plan.budget_s - self.seconds

    @property
    def trial_s(self) -> float:
        """How long a trial takes, as far as that is known; 0 where it is not."""
        known = [trial.seconds for trial in self.study.trials() if trial.state == "complete"]
        if known:
            return median(known) + OVERHEAD_S
        return (self.plan.trial_budget_s or -OVERHEAD_S) + OVERHEAD_S

    @property
    def search_left_s(self) -> float:
        """The time that is left for trials: finalists take theirs off the end."""
        if self.plan.budget_s is None:
            return math.inf
        rounds = math.ceil(self.plan.finalists * self.plan.seeds / self.plan.workers)
        return self.left_s - min(rounds * self.trial_s, (1 - LEAST_TRIALS_SHARE) * self.plan.budget_s)


def search(work: Work) -> None:
    """Carry out trials until there are enough, the grid has no more, or the time is over.

    Raises:
        RunError: three in a row failed with the same words.
        KeyboardInterrupt: Ctrl-C; nothing is lost.
    """
    numbers: dict[Path, int] = {}
    errors: list[str] = []
    seen_bytes: dict[Path, int] = {}
    pruned: set[Path] = set()

    def look(job: Job) -> bool:
        size_bytes = job.log_bytes
        if seen_bytes.get(job.folder) != size_bytes:
            seen_bytes[job.folder] = size_bytes
            if work.study.report(numbers[job.folder], course_of(job.log(), work.plan.metric)):
                pruned.add(job.folder)
            work.study.keep_seconds(work.seconds)
            _tell_progress(work)
        return job.folder in pruned or work.search_left_s <= 0

    def ended(job: Job) -> None:
        _tell_study(work, numbers[job.folder], job)
        work.study.keep_seconds(work.seconds)
        _tell_progress(work)
        errors.append(job.error.replace(job.folder.name, "NNNN"))  # a full disk names a file of each trial
        last = errors[-SAME_ERRORS:]
        if len(last) == SAME_ERRORS and last[0] and len(set(last)) == 1:
            raise RunError(
                f"{SAME_ERRORS} trials in a row failed with the same words; the others have not been tried.",
                found=job.error,
                do=OUTSIDE if job.may_go_again else INSIDE,
            )

    carry_out(_trials(work, numbers), work.start, workers=work.plan.workers, look=look, ended=ended)


def train_again(work: Work) -> dict[int, tuple[Path, ...]]:
    """Train the recipes of the best trials again, each with new seeds, and judge them: the best of many was lucky, too.

    Returns:
        By the number of the trial the run folders that are complete, the best trial first.

    Raises:
        KeyboardInterrupt: Ctrl-C; nothing is lost.
    """
    best = ranked(work.study.trials())[: work.plan.finalists]
    chosen = [_jobs_again(work, trial) for trial in best]
    # One seed of each first: where the time ends early, as many recipes as possible can be compared.
    jobs = [job for of_seed in zip(*chosen, strict=True) for job in of_seed]
    for job in jobs:
        job.try_again()
    left = [job for job in jobs if not job.is_complete and not job.error]

    def look(_: Job) -> bool:
        done = sum(job.is_complete for job in jobs)
        work.on_progress(Progress("stage.finalists", done, len(jobs)))
        return work.left_s <= 0

    def in_time() -> Iterator[Job]:
        for job in left:
            if work.left_s <= 0:
                return
            yield job

    carry_out(
        in_time(),
        work.start,
        workers=work.plan.workers,
        look=look,
        ended=lambda _: work.study.keep_seconds(work.seconds),
    )
    return {
        trial.number: tuple(job.folder for job in each if job.is_complete)
        for trial, each in zip(best, chosen, strict=True)
    }


def course_of(log: TrainingLog, metric: str) -> list[tuple[int, float]]:
    """How good the weights were that a training kept: (percent of its length, score) after each validation.

    Args:
        log: of the training; its weights are kept by mDice.
        metric: the score.
    """
    course: list[tuple[int, float]] = []
    kept = math.nan
    for event in log.validations:
        if event.get("best"):
            kept = float(event["metrics"][metric] or 0.0)
        percent = min(100, round(100 * int(event["iteration"]) / max(1, log.iterations or 1)))
        if not math.isnan(kept) and percent > (course[-1][0] if course else 0):
            course.append((percent, kept))
    return course


def _trials(work: Work, numbers: dict[Path, int]) -> Iterator[Job]:
    """First the trials that a kill left, then new ones."""
    for trial in work.study.unfinished():
        job = _job(work, trial)
        job.try_again()
        numbers[job.folder] = trial.number
        if job.is_complete or job.error or work.study.is_pruned(trial.number):
            _tell_study(work, trial.number, job)
        else:
            yield job
    while _wants_more(work) and (trial_or_none := work.study.ask()) is not None:
        job = _job(work, trial_or_none)
        numbers[job.folder] = trial_or_none.number
        yield job


def _wants_more(work: Work) -> bool:
    known = work.study.trials()
    if work.plan.trials is not None and len(known) >= work.plan.trials:
        return False
    tried = any(trial.state == "complete" for trial in known)
    return work.search_left_s > (work.trial_s if tried else 0.0)


def _job(work: Work, trial: Trial) -> Job:
    settings = {**work.template.settings, **trial.settings}
    return replace(work.template, folder=trial_folder(work.folder, trial.number), settings=settings)


def _tell_study(work: Work, number: int, job: Job) -> None:
    log = job.log()
    seconds = 0.0 if log.last is None else float(log.last["seconds"])
    course = course_of(log, work.plan.metric)
    if job.may_go_again:
        work.study.keep_error(number, job.error, seconds=seconds)
    elif job.error:
        work.study.tell(number, "failed", seconds=seconds, error=job.error)
    elif not job.is_complete:
        work.study.tell(number, "pruned" if work.study.is_pruned(number) else "stopped", seconds=seconds)
    elif not course:
        work.study.tell(number, "failed", seconds=seconds, error="No validation had a score.")
    else:
        work.study.tell(number, "complete", value=course[-1][1], seconds=seconds)


def _tell_progress(work: Work) -> None:
    known = work.study.trials()
    best = ranked(known)
    done = sum(trial.state != "running" for trial in known)
    facts = {work.plan.metric: best[0].value or 0.0} if best else {}
    left = None if work.plan.budget_s is None else max(0.0, work.left_s)
    work.on_progress(Progress("stage.sweep", done, work.plan.trials, facts, seconds_left=left))


def _jobs_again(work: Work, trial: Trial) -> list[Job]:
    """The trainings of a finalist, one for each new seed."""
    path = work.folder / "finalists" / f"{trial.number:04}.yaml"
    if not path.is_file():
        write_recipe(_as_trained(read_recipe(trial_folder(work.folder, trial.number) / "recipe.yaml")), path)
    return [
        replace(
            work.template,
            folder=finalist_folder(work.folder, trial.number, seed),
            settings={"seed": seed},
            recipe=path,
            budget_s=None,
            judged=True,
        )
        for seed in range(work.plan.seed + 1, work.plan.seed + 1 + work.plan.seeds)
    ]


def _as_trained(recipe: Recipe) -> Recipe:
    """The recipe with the length that the training had in the end."""
    if not recipe.length_changes:
        return recipe
    length = {"iterations": recipe.final_length, "length_changes": ()}
    return with_settings(recipe, length, source="the trial", reason="measured: what the trial had time for")
