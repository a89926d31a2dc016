"""A page of the product: its template and sentences, its files, and how its errors are answered."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

import jinja2
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from maskwright.errors import MaskwrightError
from maskwright.sentences import table
from maskwright.web.answers import failed, refused

Language = Literal["en", "ru"]
FOLDER = Path(str(resources.files("maskwright.web")))
"""Where templates and the pages' own files lie."""


def page_app(path: str, template: str, sentences: str, *, lang: str, **facts: Any) -> FastAPI:
    """An application with one page and the files that pages need; what the page asks for is added to it.

    Args:
        path: of the page, e.g. "/review".
        template: its file.
        sentences: how the keys of its sentences begin, e.g. "review_page.".
        lang: language of the page where the request asks for none.
        facts: what else the template is given.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    answer_errors(app)
    add_page(app, path, template, sentences, lang=lang, **facts)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    return app


def answer_errors(app: FastAPI) -> None:
    """Have an application answer errors in JSON, in the language of the request."""
    app.add_exception_handler(MaskwrightError, refused)
    app.add_exception_handler(RequestValidationError, refused)
    app.add_exception_handler(OSError, failed)
    app.add_exception_handler(Exception, failed)


def add_page(app: FastAPI, path: str, template: str, sentences: str, *, lang: str, **facts: Any) -> None:
    """Add a page to an application; the arguments are those of `page_app`."""
    usual = lang
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True)

    @app.get(path, include_in_schema=False)
    def page(lang: Language | None = None) -> Response:
        every = table(lang or usual)
        words = {key.removeprefix(sentences): text for key, text in every.items() if key.startswith(sentences)}
        text = pages.get_template(template).render(lang=lang or usual, t=words, **facts)
        return HTMLResponse(text.encode(errors="backslashreplace"))  # a folder's name may be no letters
