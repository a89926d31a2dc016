"""maskwright compare: runs side by side, and whether they differ by more than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import read_for
from maskwright.cli.screen import Screen
from maskwright.cli.texts import grouped_lines, setting_text, table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import percent, say

if TYPE_CHECKING:
    from maskwright.evaluation.comparison import Comparison

LONGEST = 24
"""Characters of a setting's value; the page shows all of them."""
MOST_CLASSES = 6
"""More columns of classes fit on no screen; the page has them all."""


@verb
def compare(
    screen: Screen,
    runs: options.RunFolders,
    split: options.Split = "val",
    data: options.JudgeData = None,
    out: options.Page = None,
    classes: options.Names = None,
    threads: options.Threads = None,
    model: options.OwnModel = None,
    allow_leak: options.AllowLeak = False,
) -> Answer:
    """Tell whether runs differ by more than chance.

    Runs or bundles in one table, and for each pair the difference of their mDice with its 95 % interval, a p-value and
    a verdict in words. Runs of one recipe with other seeds are put together; recipes with three seeds or more are
    compared as such. What evaluate or run left in the runs is compared; --data judges all of them anew.
    """
    from maskwright.evaluation.compare import compare as compare_runs

    dataset = None if data is None else read_for(screen, data, classes, runs[0], allow_leak=allow_leak)
    found = compare_runs(runs, split=split, data=dataset, threads=threads, model=model, on_progress=screen.on_progress)
    text = comparison_text(found, screen.lang)
    if out is not None:
        from maskwright.reports.compare_report import compare_report

        text += "\n" + say("compare.page", screen.lang, file=shown(compare_report(found, out, lang=screen.lang)))
    return Answer(found.to_json(), text)


def comparison_text(comparison: Comparison, lang: str) -> str:
    """The comparison as a person reads it on a terminal: the table, the pairs, what differs, what may be concluded."""
    from maskwright.evaluation.compare_words import data_words, doubts_words, overfit_words

    data = [data_words(each, lang) for each in comparison.data] or [say("compare.same_data", lang)]
    parts = [
        say("compare.judged", lang, split=comparison.split, photos=comparison.photos)
        + "\n"
        + _runs_table(comparison, lang),
        *grouped_lines(comparison.photos, comparison.groups, lang),
        _pairs_table(comparison, lang),
        "\n".join([*_recipe_lines(comparison, lang), *_setting_lines(comparison, lang), *data]),
        "\n".join(
            [
                *(overfit_words(each, lang) for each in comparison.overfits),
                *doubts_words(comparison.runs, lang),
                *comparison.verdicts(lang),
            ]
        ),
    ]
    return "\n\n".join(parts)


def _runs_table(comparison: Comparison, lang: str) -> str:
    from maskwright.evaluation.compare_words import run_label

    classes = comparison.classes if len(comparison.classes) <= MOST_CLASSES else ()
    columns = [say(f"compare.{key}", lang) for key in ("recipe", "iterations", "seconds", "megabytes", "latency")]
    rows = [[say("compare.run", lang), columns[0], columns[1], "aAcc", "mIoU", "mDice", *classes, *columns[2:]]]
    for run in comparison.runs:
        scores = run.evaluation.scores
        rows.append(
            [
                run_label(run, lang),
                comparison.recipe_of[run.name],
                str(run.iterations),
                *(percent(value) for value in (scores.aAcc, scores.mIoU, scores.mDice)),
                *(percent(value) for value in scores.dice.tolist() if classes),
                "–" if run.log.iteration_s != run.log.iteration_s else f"{run.log.iteration_s:.3f}",
                "–" if run.weights_bytes is None else f"{run.weights_bytes / 1e6:.1f}",
                "–" if run.latency_ms is None else f"{run.latency_ms:.0f}",
            ]
        )
    return table(rows)


def _pairs_table(comparison: Comparison, lang: str) -> str:
    from maskwright.evaluation.comparison import pair_rows

    head = [say(f"compare.{key}", lang) for key in ("pair", "difference", "interval", "p", "verdict")]
    rows = pair_rows(comparison, lang)
    more = len(comparison.pairs) - len(rows)
    lines = [say("compare.weights_of", lang), table([head, *rows])]
    return "\n".join([*lines, say("compare.more_pairs", lang, count=more)] if more else lines)


def _recipe_lines(comparison: Comparison, lang: str) -> list[str]:
    return [
        say("compare.recipe_single", lang, name=group.name, runs=group.runs[0])
        if len(group.runs) == 1
        else say(
            "compare.recipe_runs",
            lang,
            name=group.name,
            runs=", ".join(group.runs),
            mean=percent(group.mean),
            sd=percent(group.sd),
        )
        for group in comparison.recipes
    ]


def _setting_lines(comparison: Comparison, lang: str) -> list[str]:
    names = [group.name for group in comparison.recipes]
    rows = [[name, *(setting_text(value, LONGEST) for value in values)] for name, values in comparison.settings.items()]
    return [say("compare.settings", lang), table([["", *names], *rows])] if rows else []
