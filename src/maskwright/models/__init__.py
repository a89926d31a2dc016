"""Architectures by name. Importing this module loads no torch; building a model does."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maskwright.errors import RecipeError, nearest
from maskwright.recipe.recipe import GIVEN, Recipe, make_recipe

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES = {
    "mlp-mobilenetv2": "maskwright.models.mlp:mlp_mobilenetv2",
    "mlp-r18": "maskwright.models.mlp:mlp_r18",
    "mlp-r50": "maskwright.models.mlp:mlp_r50",
    "segformer-b0": "maskwright.models.segformer:segformer_b0",
    "segformer-b1": "maskwright.models.segformer:segformer_b1",
    "segformer-b2": "maskwright.models.segformer:segformer_b2",
    "segformer-b3": "maskwright.models.segformer:segformer_b3",
    "segformer-b4": "maskwright.models.segformer:segformer_b4",
    "segformer-b5": "maskwright.models.segformer:segformer_b5",
    "deeplabv3plus-mobilenetv2": "maskwright.models.deeplabv3plus:deeplabv3plus_mobilenetv2",
    "deeplabv3plus-r18": "maskwright.models.deeplabv3plus:deeplabv3plus_r18",
    "deeplabv3plus-r50": "maskwright.models.deeplabv3plus:deeplabv3plus_r50",
    "deeplabv3plus-r101": "maskwright.models.deeplabv3plus:deeplabv3plus_r101",
}
"""A name, and the function `(classes, **options) -> nn.Module` that builds it; the lighter ones first.

A model takes normalised images `(B, 3, H, W)` and gives logits `(B, C, H, W)` at the same size; in training one with an
auxiliary head gives a pair of them. Its options are the keyword arguments of its function, of those in `OPTIONS`.
"""


@dataclass(frozen=True)
class Family:
    """Architectures of a package that is installed as an extra, named `prefix:name`.

    Args:
        module: ours, that wraps them; it has the two functions.
        function: `(name, classes, **options) -> nn.Module`.
        package: the one whose architectures they are.
        form: of their names.
        example: one of them.
    """

    module: str
    function: str
    package: str
    form: str
    example: str


FAMILIES = {
    "smp": Family(
        "maskwright.models.smp",
        "smp_model",
        "segmentation_models_pytorch",
        "smp:Architecture/encoder",
        "smp:Unet/resnet34",
    ),
    "hf": Family(
        "maskwright.models.huggingface",
        "huggingface_model",
        "transformers",
        "hf:owner/name",
        "hf:openmmlab/upernet-convnext-tiny",
    ),
}
"""By prefix, which is also what the extra is called."""

OPTIONS: dict[str, Callable[[Recipe], Any]] = {
    "form": lambda recipe: recipe.form,
    "output_stride": lambda recipe: recipe.output_stride,
    "decoder_channels": lambda recipe: recipe.decoder_channels,
    "drop_path": lambda recipe: recipe.drop_path,
    "head_dropout": lambda recipe: recipe.head_dropout,
    "auxiliary": lambda recipe: recipe.auxiliary_share > 0,
    "architecture_config": lambda recipe: recipe.architecture_config,
}
"""What an architecture's function may be told, and what a recipe says of it."""

SETTINGS = {"auxiliary": "auxiliary_share"}
"""The setting behind an option, where it has another name."""


@dataclass(frozen=True)
class Architecture:
    """What a model was built from.

    Args:
        name: see `ARCHITECTURES`.
        classes: number of classes C.
        options: what its function was told beside that.
    """

    name: str
    classes: int
    options: Mapping[str, Any] = field(default_factory=dict)


def check_architecture(name: str) -> None:
    """Refuse a name that is no architecture.

    Args:
        name: one of the table's, one of an extra (see `FAMILIES`), or `package.module:function` of one's own.

    Raises:
        RecipeError: there is no such architecture, or its extra is not installed.
    """
    family = family_of(name)
    if family is not None:
        _refuse_missing(name, family)
        importlib.import_module(family.module).check_name(name.partition(":")[2])
    elif name not in ARCHITECTURES and ":" not in name:
        raise RecipeError(f"model={name}: there is no such architecture.", do=nearest(name, list(ARCHITECTURES)))


def is_own_code(name: str) -> bool:
    """Whether a name is that of a function outside of Maskwright."""
    return name not in ARCHITECTURES and family_of(name) is None


def refuse_unnamed_code(name: str, named: Any) -> None:
    """Refuse an architecture outside of Maskwright that a file names: only a person may have such code imported.

    Args:
        name: what the file names.
        named: what the person named, or None.

    Raises:
        RecipeError: the two differ.
    """
    if is_own_code(name) and ":" in name and name != named:
        raise RecipeError(
            f"model={name}: is code outside of Maskwright, which is never imported because a file names it.",
            do=f"Where you trust it, name it yourself: --set model={name}",
        )


def family_of(name: str) -> Family | None:
    """The family that an architecture belongs to, by its prefix; None for our own and one's own."""
    prefix, colon, _ = name.partition(":")
    return FAMILIES.get(prefix) if colon else None


def installed(family: Family) -> bool:
    """Whether the package of a family is there."""
    return importlib.util.find_spec(family.package) is not None


def install_command(prefix: str) -> str:
    """What installs the extra of this prefix."""
    return f'pip install "maskwright[{prefix}]"'


def build_model(name: str, *, classes: int, **options: Any) -> nn.Module:
    """Build an architecture with freshly drawn weights (torch's global generator).

    Args:
        name: see `check_architecture`.
        classes: number of classes C.
        options: see `OPTIONS` and the architecture's own function, e.g. `form="mmsegmentation"`, `output_stride=16`.

    Returns:
        A module `(B, 3, H, W) -> (B, C, H, W)`, in channels_last memory format.

    Raises:
        RecipeError: there is no such architecture, or it has no such option.
    """
    known = options_of(name)
    problems = [_option_problem(name, option, value, known) for option, value in options.items()]
    if any(problems):
        raise RecipeError("\n  ".join(problem for problem in problems if problem))
    if not isinstance(classes, int) or classes < 1:
        raise RecipeError(f"classes={classes!r}: expected a whole number from 1 on.")
    make_recipe({option: value for option, value in options.items() if option in Recipe.model_fields}, source=name)
    function = _function(name)
    if is_own_code(name):
        function = functools.partial(_checked, name, function)
    model: nn.Module = function(classes, **options)
    model.architecture = Architecture(name, classes, options)  # type: ignore[assignment]
    return model


def _checked(name: str, function: Callable[..., Any], classes: int, **options: Any) -> nn.Module:
    """What a function outside of Maskwright gives, once it is sure to be a model as ours are.

    Raises:
        RecipeError: it is none.
    """
    import torch
    from torch import nn

    wanted = "a torch.nn.Module: images (B, 3, H, W) to logits (B, classes, H, W)"
    try:
        model = function(classes, **options)
        if not isinstance(model, nn.Module):
            raise RecipeError(f"model={name}: gives no model.", expected=wanted, found=type(model).__name__)
        with torch.no_grad():
            logits = model.eval()(torch.zeros(1, 3, 64, 96))
        model.train()
        found = tuple(getattr(logits, "shape", ())) or type(logits).__name__
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"model={name}: this code fails.",
            expected=wanted,
            found=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            do=f"It is called as {name.rpartition(':')[2]}({classes}).",
        ) from error
    if found != (1, classes, 64, 96):
        raise RecipeError(
            f"model={name}: answers in another shape.", expected=f"(1, {classes}, 64, 96)", found=f"{found}"
        )
    return model


def build_for(recipe: Recipe, *, classes: int) -> nn.Module:
    """Build the model of a recipe, with the options that the recipe has for it.

    Raises:
        RecipeError: as `build_model`.
    """
    options = {name: OPTIONS[name](recipe) for name in options_of(recipe.model)}
    return build_model(recipe.model, classes=classes, **options)


def check_options(recipe: Recipe) -> None:
    """Refuse settings that the user gave and the architecture does not have, and norms treated where there are none.

    Raises:
        RecipeError: all of them.
    """
    known = options_of(recipe.model)
    settings = {option: SETTINGS.get(option, option) for option in OPTIONS}
    given = [option for option, setting in settings.items() if recipe.reason(setting) == GIVEN or option == "form"]
    values = {option: OPTIONS[option](recipe) for option in given}
    problems = [
        _option_problem(recipe.model, option, value, known, shown=getattr(recipe, settings[option]))
        for option, value in values.items()
        if option != "form" or value != "own"
    ]
    if recipe.encoder_norm != "train" and not has_norms(recipe.model, recipe.architecture_config):
        problems.append(
            f"encoder_norm={recipe.encoder_norm}: the encoder of {recipe.model} has no batch norms. "
            "Leave it at train; encoder_lr_multiplier=0 leaves its weights as they are."
        )
    if any(problems):
        raise RecipeError("\n  ".join(problem for problem in problems if problem))


@functools.cache
def options_of(name: str) -> dict[str, tuple[Any, ...]]:
    """The options of an architecture, each with the values that it may have; none named means any.

    Raises:
        RecipeError: there is no such architecture.
    """
    function = _function(name)
    hints = typing.get_type_hints(getattr(function, "func", function))
    return {
        option: typing.get_args(hints.get(option)) if typing.get_origin(hints.get(option)) is typing.Literal else ()
        for option in inspect.signature(function).parameters
        if option in OPTIONS
    }


@functools.cache
def has_norms(name: str, config: str = "") -> bool:
    """Whether the encoder of an architecture has batch norms; True where that cannot be told for want of a config.

    Args:
        name: of the architecture.
        config: what the recipe says of it as `architecture_config`.
    """
    from maskwright.models.layers import settle_norms

    options = {"architecture_config": config} if "architecture_config" in options_of(name) else {}
    if options and not config:
        return True
    model = build_model(name, classes=2, **options)
    return settle_norms(getattr(model, "encoder", model), "train") > 0


def _option_problem(
    name: str, option: str, value: Any, known: Mapping[str, tuple[Any, ...]], *, shown: Any = None
) -> str:
    said = f"{SETTINGS.get(option, option)}={value if shown is None else shown}"
    if option not in known:
        return f"{said}: {name} has no such setting."
    if known[option] and value not in known[option]:
        return f"{said}: {name} knows {', '.join(map(str, known[option]))}."
    return ""


def _refuse_missing(name: str, family: Family) -> None:
    if not installed(family):
        raise RecipeError(
            f"model={name}: the package {family.package} is not installed.",
            do=install_command(name.partition(":")[0]),
        )


def _function(name: str) -> Callable[..., nn.Module]:
    check_architecture(name)
    family = family_of(name)
    if family is not None:
        whole = getattr(importlib.import_module(family.module), family.function)
        return functools.partial(whole, name.partition(":")[2])
    module, function = ARCHITECTURES.get(name, name).split(":")
    try:
        found: Callable[..., nn.Module] = getattr(importlib.import_module(module), function)
        inspect.signature(found)
        return found
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise RecipeError(
            f"model={name}: cannot be imported.",
            found=str(error),
            do="Name a function as package.module:function that Python can import from here.",
        ) from None
