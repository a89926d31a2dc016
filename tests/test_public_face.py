"""What `import maskwright` gives and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import maskwright


def test_the_list_of_names_is_sorted_and_whole() -> None:
    assert maskwright.__all__ == sorted(maskwright.__all__)
    assert set(maskwright.__all__) == set(maskwright._HOME)
    assert set(dir(maskwright)) == {*maskwright.__all__, "__version__"}


@pytest.mark.parametrize("name", maskwright.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    meant = getattr(maskwright, name)
    assert meant.__module__.startswith("maskwright.")
    assert inspect.getdoc(meant), f"{name} has no docstring"
    if inspect.isfunction(meant):
        given = [one for one in inspect.signature(meant).parameters if f"{one}:" not in (meant.__doc__ or "")]
        assert given == [], f"{name}: the docstring does not tell of {given}"


def test_a_verb_stays_a_verb_when_its_package_is_imported() -> None:
    import maskwright.audit.folder

    assert inspect.isfunction(maskwright.audit)
    assert maskwright.audit.__module__ == "maskwright.workflow.audit"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        getattr(maskwright, "trian")  # noqa: B009


@pytest.mark.parametrize("module", ["maskwright", "maskwright.cli.main"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module};"
        "heavy = {'torch', 'numpy', 'scipy', 'cv2', 'pydantic', 'plotly'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("module", ["data.reading", "reports.report", "workflow.run", "inference.load"])
def test_only_what_needs_torch_loads_it(module: str) -> None:
    code = f"import sys, maskwright.{module}; sys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_predicting_starts_without_what_it_seldom_needs() -> None:
    code = (
        "import sys, maskwright.inference.predict;"
        "heavy = {'torch', 'scipy', 'pydantic', 'fsspec'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
