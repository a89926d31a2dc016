"""maskwright models: the architectures, what they cost, and which weights there are for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.texts import limits, table
from maskwright.cli.verb import Answer, verb
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.weights.table import Entry
    from maskwright.workflow.architectures import Offer


@verb
def models(screen: Screen, size: options.Side = 256, timed: options.Timed = False) -> Answer:
    """The architectures: size, cost, weights.

    Parameters and operations are counted on the spot, for three classes; a multiplication with its addition makes two
    operations. Names go into --model or --set model=.
    """
    from maskwright.workflow.architectures import architectures

    offers = architectures(size_px=size, timed=timed, on_progress=screen.on_progress)
    rows = [
        {
            "name": one.name,
            "parameters": one.parameters,
            "flops": one.flops,
            "seconds": one.seconds,
            "weights": [
                {"name": entry.name, "licence": entry.licence, "commercial": entry.commercial} for entry in one.weights
            ],
        }
        for one in offers
    ]
    from maskwright.models import FAMILIES, installed

    families = {prefix: installed(family) for prefix, family in FAMILIES.items()}
    return Answer({"size_px": size, "models": rows, "extras": families}, _text(offers, size, screen.lang))


def _text(offers: Sequence[Offer], size: int, lang: str) -> str:
    header = [say("cli.model", lang), say("cli.model_parameters", lang), say("cli.model_flops", lang, size=size)]
    timed = offers[0].seconds is not None
    header += [say("cli.model_time", lang)] if timed else []
    lines = [
        [
            one.name,
            f"{one.parameters / 1e6:.1f}",
            f"{one.flops / 1e9:.2f}",
            *([] if one.seconds is None else [f"{1000 * one.seconds:.0f}"]),
        ]
        for one in offers
    ]
    weights = [f"  {one.name}: {_listed(one.weights, lang)}" for one in offers]
    return "\n".join([table([header, *lines]), "", say("cli.model_weights", lang), *weights, "", *_extras(lang)])


def _extras(lang: str) -> list[str]:
    """A line for the architectures of each extra, with how to get it where it is not there."""
    from maskwright.models import FAMILIES, install_command, installed

    return [
        say(
            "cli.model_extra" if installed(family) else "cli.model_extra_missing",
            lang,
            form=family.form,
            example=family.example,
            package=family.package,
            command=install_command(prefix),
        )
        for prefix, family in FAMILIES.items()
    ]


def _listed(entries: Sequence[Entry], lang: str) -> str:
    named = [
        f"{entry.name} ({limit})" if (limit := limits(entry.commercial, lang)) else entry.name for entry in entries
    ]
    return ", ".join(named) or say("cli.model_no_weights", lang)
