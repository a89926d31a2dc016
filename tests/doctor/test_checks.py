"""Every check, in a world with one thing wrong: what it says, how bad it is, and the exact commands."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from doctor import machine_cases, package_cases, torch_cases
from doctor.worlds import Case, built_for_gpu, having, together, with_torchvision
from maskwright.doctor import checks
from maskwright.doctor.examination import CHECKS, judge
from maskwright.doctor.world import Pip, World
from maskwright.sentences import LANGUAGES, table

CASES = {**package_cases.CASES, **torch_cases.CASES, **machine_cases.CASES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_check_finds_it(case: Case, healthy: World) -> None:
    findings = [one for one in judge(case.change(healthy)).findings if one.says == case.says]
    assert findings, case.says
    first = findings[0]
    assert first.state == case.state
    for words in case.words:
        assert words in first.sentence()
    if case.fix or case.state == "ok":
        assert first.fix == case.fix
    assert all(line.isascii() and "\n" not in line for line in first.fix)
    for lang in LANGUAGES:
        assert first.sentence(lang).strip()


def test_nothing_else_is_found(healthy: World) -> None:
    """What is wrong with one thing is not told by the checks of others too."""
    twice = [
        name
        for name, case in CASES.items()
        if case.state != "ok"
        and len({one.says for one in judge(case.change(healthy)).findings if one.state != "ok"}) > 1
    ]
    expected = {
        *("half an extra", "torchvision of the extra smp", "torchvision that others need"),  # timm is half of smp
        *("torchvision beside transformers", "what an extra asks for is too new"),
        *("32 bits", "musl", "old glibc", "a Mac with Intel's processor"),  # there is no torch either
        *("an old processor and no torch", "a quota", "CUDA without a GPU, torchvision with it"),
    }
    assert set(twice) <= expected, set(twice) - expected


def test_a_healthy_computer_is_healthy(healthy: World) -> None:
    examination = judge(healthy)
    assert examination.state == "ok"
    assert {one.says for one in examination.findings if one.fix} == {"extra_absent"}
    assert json.loads(json.dumps(examination.to_json("ru")))["state"] == "ok"


def test_a_package_of_a_gpu_is_never_asked_for(healthy: World) -> None:
    """What CUDA's build lacks is not told as missing: the build for CPUs is the way out."""
    world = together(built_for_gpu, having(without=("triton",)))(healthy)
    assert not any("triton" in one.sentence() for one in judge(world).findings if one.check == "packages")


def test_uv_and_pipx_are_told_which_python(healthy: World) -> None:
    pip = Pip(call="uv pip", after=" --python /v/bin/python")
    fixed = with_torchvision()(replace(healthy, pip=pip))
    fixes = {one.check: one.fix for one in judge(fixed).findings if one.state == "broken"}
    assert fixes == {"torchvision": ("uv pip uninstall --python /v/bin/python -y torchvision",)}


def test_every_sentence_is_read_by_a_case() -> None:
    said = _said_by_checks()
    assert len(said) > 50
    assert said - {case.says for case in CASES.values()} == set()
    assert said - {key.removeprefix("doctor.") for key in table("en")} == set()


def test_no_sentence_is_left_over() -> None:
    of_the_page = ("name_", "state_", "page_", "summary_", "answer_", "fix", "change")
    keys = {key.removeprefix("doctor.") for key in table("en") if key.startswith("doctor.")}
    assert {key for key in keys if not key.startswith(of_the_page)} == _said_by_checks()


def test_every_check_has_a_name(healthy: World) -> None:
    checked = {one.check for case in CASES.values() for one in judge(case.change(healthy)).findings}
    assert {f"doctor.name_{name}" for name in checked} <= set(table("en"))
    assert len(CHECKS) == len(set(CHECKS))


def _said_by_checks() -> set[str]:
    """The third argument of every `Ailment` in the checks; those put together at run time, written out."""
    said = {f"cache_{step}" for step in ("write", "rename", "map")}
    said |= {f"variable_{name}" for name in ("MASKWRIGHT_CACHE", "MASKWRIGHT_CACHE_GIB", "MASKWRIGHT_SHARED")}
    said |= {"variable_HF_ENDPOINT"}
    for path in Path(next(iter(checks.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Ailment":
                said |= {
                    one.value
                    for one in ast.walk(node.args[2])
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and not one.value.endswith("_")
                }
    return said
