"""maskwright ladder: the recipes that stand ready, one after the other, in one table."""

from __future__ import annotations

from collections.abc import Iterable

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.compare import comparison_text
from maskwright.cli.names import classes_for, refuse_unnamed, run_folder
from maskwright.cli.screen import Screen
from maskwright.cli.settings import chosen_settings
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say


@verb
def ladder(
    screen: Screen,
    data: options.Data,
    out: options.Out = None,
    classes: options.Names = None,
    budget: options.BudgetOfRung = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    offline: options.Offline = False,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
    resume: options.Resume = False,
) -> Answer:
    """Climb the recipes that stand ready, and compare them.

    Three experiments that a first user made by hand, then what Maskwright plans for these data: each is trained and
    judged as a run of its own, and the table tells which differ by more than chance. --budget is the time of each rung;
    without it the experiments take their 8000 iterations. Without -o, the ladder goes to ladders/NAME.
    """
    budget_s = None if budget is None else seconds(budget)
    refuse_unnamed(out, resume=resume, kind="ladder")
    folder = out or run_folder(data, kind="ladder")
    from maskwright.data.reading import read
    from maskwright.workflow.ladder import RUNGS, best_rung, ladder_lines, too_short
    from maskwright.workflow.ladder import ladder as climb

    chosen_settings(None, offline=offline)
    first = folder / f"01-{RUNGS[0]}"
    class_names = classes_for(classes, data, first if resume else None)
    dataset = read(data, classes=class_names, strict=strict, allow_leak=allow_leak, on_progress=screen.on_progress)
    made = climb(
        dataset,
        folder,
        budget_s=budget_s,
        seed=seed,
        threads=threads,
        device=device,
        resume=resume,
        lang=screen.lang,
        on_progress=screen.on_progress,
    )
    short, best = too_short(made, screen.lang), best_rung(made)
    following = (
        say("ladder.no_best", screen.lang) if best is None else say("ladder.next", screen.lang, run=shown(best.folder))
    )
    text = [
        comparison_text(made.comparison, screen.lang),
        _listed("rungs", ladder_lines(made, screen.lang), screen.lang),
        *([_listed("short", short.values(), screen.lang)] if short else []),
        say("ladder.page", screen.lang, file=shown(made.page)) + "\n" + following,
    ]
    about = {"best": None if best is None else best.name, "too_short": list(short)}
    value = {"ladder": str(folder), "page": str(made.page), **about, **made.comparison.to_json()}
    return Answer(value, "\n\n".join(text))


def _listed(title: str, lines: Iterable[str], lang: str) -> str:
    return "\n".join([say(f"ladder.{title}", lang), *(f"  {line}" for line in lines)])
