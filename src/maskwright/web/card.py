"""The application behind the card of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from fastapi import FastAPI, Request, Response

from maskwright.errors import MaskwrightError
from maskwright.reports.card import bundle_page
from maskwright.web.answers import failed, packed, refused
from maskwright.web.pages import Language
from maskwright.web.runs import ALONE
from maskwright.web.security import App

PATH = "/card"
BODY_BYTES = 1000
"""The longest body of a request: nothing is sent to this page."""


def card_app(bundle: Path, *, lang: str = "en") -> App:
    """The card, made anew from the bundle's facts for each request; it has to be guarded (`web.security.guarded`).

    Args:
        bundle: a folder or a zip.
        lang: language of the page where the request asks for none.
    """
    app, usual = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False), lang
    app.add_exception_handler(MaskwrightError, refused)
    app.add_exception_handler(Exception, failed)

    @app.get(PATH)
    def card(request: Request, lang: Language | None = None) -> Response:
        text = bundle_page(bundle, lang=lang or usual)
        answer = packed(request, text.encode(errors="backslashreplace"), "text/html; charset=utf-8")
        answer.headers["content-security-policy"] = ALONE
        answer.headers["cross-origin-opener-policy"] = "unsafe-none"  # a sandboxed page may have no other
        return answer

    return cast(App, app)
