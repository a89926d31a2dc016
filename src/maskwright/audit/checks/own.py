"""A check of one's own, named on the command line."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable

from maskwright.audit.view import SampleView
from maskwright.data.finding import Finding
from maskwright.errors import UsageError


def own_check(name: str) -> Callable[[SampleView], Iterable[Finding]]:
    """The function that a person names: it looks at one sample and gives findings of the check "own".

    Args:
        name: `package.module:function`; its findings say what they say as the fact "sentence".

    Raises:
        UsageError: it cannot be imported, or is no function of one argument.
    """
    module, sign, function = name.partition(":")
    try:
        if not sign:
            raise ImportError("no colon between module and function")
        found: Callable[[SampleView], Iterable[Finding]] = getattr(importlib.import_module(module), function)
        inspect.signature(found).bind(None)
        return found
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"--check {name}: cannot be used as a check.",
            expected="package.module:function that takes a SampleView and gives findings",
            found=str(error),
            do="Name a function that Python can import from here; PYTHONPATH=. takes the present folder.",
        ) from None
