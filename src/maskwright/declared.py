"""Settings that are declared once: name, default, meaning, reason, unit and range; documents and messages follow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from maskwright.errors import RecipeError, nearest


def setting(default: Any, help: str, *, reason: str, unit: str = "", **limits: Any) -> Any:
    """Declare one setting: its default, what it means, why the default is what it is, its unit and range."""
    return Field(default=default, description=help, json_schema_extra={"reason": reason, "unit": unit}, **limits)


@dataclass(frozen=True)
class Setting:
    """The declaration of one setting, for documents, forms and messages."""

    name: str
    type: str
    default: Any
    unit: str
    range: str
    help: str
    reason: str


def declared(model: type[BaseModel]) -> list[Setting]:
    """All settings of a model of them, in the order in which they are declared."""
    schema = model.model_json_schema()["properties"]
    return [
        Setting(
            name=name,
            type=_type_text(schema[name]),
            default=field.default,
            unit=_extra(model, name)["unit"],
            range=_range_text(schema[name]),
            help=field.description or "",
            reason=_extra(model, name)["reason"],
        )
        for name, field in model.model_fields.items()
        if field.json_schema_extra is not None
    ]


def reason(model: type[BaseModel], name: str) -> str:
    """Why the default of a setting is what it is."""
    return _extra(model, name)["reason"]


def problems(model: type[BaseModel], error: ValidationError) -> str:
    """Everything that is wrong with given settings, a line each."""
    return "\n  ".join(_problem(model, dict(problem)) for problem in error.errors())


def whats_wrong(model: type[BaseModel], name: str, value: Any) -> str:
    """What is wrong with one value of one declared setting by itself, as a sentence; "" where it is right."""
    field = model.model_fields[name]
    try:
        checked: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        checked.validate_python(value)
    except ValidationError as error:
        entry = next(entry for entry in declared(model) if entry.name == name)
        return f"{_expected(entry)}, found {value!r} ({error.errors()[0]['msg']})."
    return ""


def setting_line(name: str, value: Any, reason: str) -> str:
    """A setting as a line of YAML with its reason behind it: `name: value  # reason`."""
    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=10**6, allow_unicode=True)
    return f"{name}: {text.removesuffix(chr(10)).removesuffix('...').strip()}  # {' '.join(reason.split())}"


def reasons_in(text: str) -> dict[str, str]:
    """The reasons that stand behind the settings in a YAML text, by the settings' names."""
    return dict(re.findall(r"^(\w+):.*?\s{2}# (.*)$", text, flags=re.MULTILINE))


def parse_assignments(assignments: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    """Settings from `--set key=value`, values read as YAML.

    Args:
        assignments: "key=value" each.
        known: the names of all settings.

    Raises:
        RecipeError: an assignment has no "=", or names no setting.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign:
            raise RecipeError(f"--set {assignment}: no value.", expected="--set key=value")
        if name not in known:
            raise RecipeError(f"--set {assignment}: there is no setting {name!r}.", do=nearest(name, known))
        try:
            values[name] = as_number(yaml.safe_load(text))
        except yaml.YAMLError:
            raise RecipeError(
                f"--set {assignment}: the value is not YAML.", expected="a number, a word or a list"
            ) from None
    return values


def as_number(value: Any) -> Any:
    """A value of YAML as it was meant: YAML 1.1 takes 1e-3 for a text; people write it for a number."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value):
        return float(value)
    return value


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _problem(model: type[BaseModel], problem: dict[str, Any]) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such setting. {nearest(name, [entry.name for entry in declared(model)])}"
    if not name:
        return str(problem["msg"]).removeprefix("Value error, ") + "."
    entry = next(entry for entry in declared(model) if entry.name == name)
    return f"{name}: {_expected(entry)}, found {problem['input']!r} ({problem['msg']})."


def _expected(entry: Setting) -> str:
    return "expected " + " ".join(part for part in (entry.type, entry.range, entry.unit) if part)


def _extra(model: type[BaseModel], name: str) -> dict[str, str]:
    extra = model.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return {key: str(text) for key, text in extra.items()}


def _type_text(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type_text(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        parts = schema.get("prefixItems")
        return f"[{', '.join(map(_type_text, parts))}]" if parts else f"[{_type_text(schema['items'])}, ...]"
    return {"integer": "whole number", "number": "number", "string": "text"}.get(schema.get("type", ""), "value")


def _range_text(schema: Mapping[str, Any]) -> str:
    signs = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
    return ", ".join(f"{sign} {schema[key]:g}" for key, sign in signs if key in schema)
