"""The description of the API as a page: out of its OpenAPI document, without scripts and without a network."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from maskwright.web.pages import add_page


def add_api_page(app: FastAPI, lang: str) -> None:
    """Add `/docs` to an application, which tells of the paths that it has by now.

    Args:
        app: the application.
        lang: language of the page's own words where the request asks for none; the descriptions are in English.
    """
    document = app.openapi()
    add_page(app, "/docs", "api.html.jinja", "api_page.", lang=lang, about=document["info"], paths=paths_of(document))


def paths_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of an OpenAPI document, as the template shows them."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "parts": operation.get("description", "").split("`"),  # every second one is code
            "parameters": [_parameter(each) for each in operation.get("parameters", ())],
            "body": list(operation.get("requestBody", {}).get("content", ())),
            "answers": [
                {"status": status, "what": answer["description"], "kinds": list(answer.get("content", ()))}
                for status, answer in operation["responses"].items()
            ],
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _parameter(each: dict[str, Any]) -> dict[str, Any]:
    schema = each["schema"]
    kinds = [schema, *schema.get("anyOf", ())]
    values = [value for kind in kinds for value in kind.get("enum", ())]
    return {"name": each["name"], "values": values, "what": each.get("description", schema.get("description", ""))}
