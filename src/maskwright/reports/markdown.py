"""A model card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from maskwright.reports.card_sections import Section, Table


def markdown(title: str, lead: Sequence[str], sections: Sequence[Section], farewell: str) -> str:
    """The text of a Markdown file; names of others cannot become marks or HTML in it.

    Args:
        title: its heading.
        lead: paragraphs before the first section.
        sections: its parts.
        farewell: the last line.
    """
    blocks = [f"# {escaped(title)}", *map(escaped, lead)]
    for section in sections:
        blocks += [f"## {escaped(section.title)}", *_blocks(section)]
    return "\n\n".join([*blocks, "---", escaped(farewell)]) + "\n"


def escaped(text: str) -> str:
    """Text as Markdown shows it: no character of it is a mark, a tag or a new line."""
    line = " ".join(text.split())
    marked = re.sub(r"([\\`*_{}\[\]<>#|~&!$@])", r"\\\1", line)
    return re.sub(r"^(\d+)([.)])(\s|$)|^([-+])(?=\s|$)", r"\1\\\2\3" if re.match(r"\d", marked) else r"\\\4", marked)


def _blocks(section: Section) -> Iterator[str]:
    yield from map(escaped, section.text)
    for table in section.tables:
        if table.title:
            yield f"**{escaped(table.title)}**"
        yield _table(table)
    if section.items:
        yield "\n".join(f"- {escaped(item)}" for item in section.items)
    for kind, code in section.code:
        yield f"```{kind}\n{code}\n```"


def _table(table: Table) -> str:
    ruler = " | ".join(["---", *["---:"] * (len(table.head) - 1)])
    head, *rows = (" | ".join(escaped(str(cell)) for cell in row) for row in (table.head, *table.rows))
    return "\n".join(f"| {line} |" for line in (head, ruler, *rows))
