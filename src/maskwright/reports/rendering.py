"""Templates, styles and scripts of the pages."""

from __future__ import annotations

from importlib import resources

import jinja2
from markupsafe import Markup

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
