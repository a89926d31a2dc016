"""Templates, styles and scripts of the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from maskwright import __version__
from maskwright.reports.language import Language

LIMIT_BYTES = 15_000_000
"""What a report may weigh: it can still be sent by mail."""
PICTURE_BYTES = 6_800_000
"""What its pictures may weigh together: plotly.js takes 4.8 MB, and base64 makes a third more of them."""

_TEMPLATES = resources.files(__package__) / "templates"


def environment() -> jinja2.Environment:
    """The templates of this package; whatever they are given is escaped, and a missing value is an error."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_TEMPLATES / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def joined(*names: str) -> Markup:
    """Styles or scripts that lie beside the templates, one after the other, as text that is not escaped."""
    return Markup("\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names))


def page_text(
    template: str,
    language: Language,
    *,
    css: Sequence[str],
    js: Sequence[str],
    figures: Mapping[str, Any] | None = None,
    **facts: Any,
) -> str:
    """A page that needs no network and no other file, as HTML text.

    Args:
        template: its file.
        language: of its sentences.
        css: its styles, see `joined`.
        js: its scripts, see `joined`.
        figures: what is drawn on it; plotly.js comes along where there are any.
        facts: what else the template is given.
    """
    from plotly.offline import get_plotlyjs

    return environment().get_template(template).render(
        **facts,
        language=language,
        t=language.t,
        figures=figures or {},
        css=joined(*css),
        js=joined(*js),
        plotly=Markup(get_plotlyjs()) if figures else "",
        made=language.moment(datetime.now().astimezone()),
        version=__version__,
    )  # fmt: skip
