"""Choosing what a training starts from: the architecture, its weights, and the settings that these want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.errors import WeightsError, shown
from maskwright.inference.opening import weights_in
from maskwright.progress import OnProgress, silent
from maskwright.recipe.pretraining import DRAWINGS, knows_photos
from maskwright.recipe.recipe import GIVEN, Recipe, with_settings
from maskwright.weights.download import offline
from maskwright.weights.hub import PREFIX, hub_weights
from maskwright.weights.store import Stored, cached, described, open_verified, stored
from maskwright.weights.table import ENTRIES, fitting
from maskwright.workflow.weights import get_weights

if TYPE_CHECKING:
    from maskwright.models.huggingface import Published

DEFAULT_MODEL = "mlp-mobilenetv2"
"""What a CPU gets furthest with in a given time, with pretrained weights and without."""

SMP = "smp:"
"""How the names of models of segmentation_models_pytorch begin."""

IMAGENET = "imagenet"
"""What `weights` says to start the encoder of one of these from what its authors published."""

LIGHT = "rule: the lightest, whose pretrained weights reach furthest in the time of a coffee"

Choices = dict[str, tuple[Any, str]]
"""Settings by name: each with its value and the reason for it."""


def choose_start(given: Mapping[str, Any], *, classes: int, on_progress: OnProgress = silent) -> Choices:
    """Settle `model` and `weights`, and what the weights want.

    Args:
        given: settings that the user chose: of interest are `model` and `weights` ("auto" where there is none).
        classes: number of classes.
        on_progress: told how far a download is.

    Returns:
        These settings; of those that the user chose only `weights`, by the name of what was found.

    Raises:
        WeightsError: weights that were asked for by name are not to be had, or do not fit the model that was asked for.
    """
    wanted = str(given.get("weights", "auto"))
    model = given.get("model")
    theirs = _published(str(model), given)
    said = {} if theirs is None else _said(theirs, str(model), given)
    if wanted == "none":
        return {**_without(given, GIVEN), **said}
    if wanted == "auto" and str(model).startswith(PREFIX):
        wanted = f"{model}@{theirs.commit}" if theirs is not None and "@" not in str(model) else str(model)
    found: _Found | str
    if wanted == IMAGENET:
        found = _imagenet(str(model), on_progress)
    elif wanted == "auto":
        found = _automatic(str(model or DEFAULT_MODEL), on_progress)
        if isinstance(found, str):
            return _without(given, f"rule: {found}")
    else:
        found = _named(wanted, on_progress)
    whole = {**{name: value for name, (value, _) in said.items()}, **given}
    chosen = _with(found, whole, model or (DEFAULT_MODEL if wanted == "auto" else None), classes)
    return {**chosen, **said}


def settled(recipe: Recipe, *, classes: int, on_progress: OnProgress = silent) -> Recipe:
    """A recipe given by hand, its weights settled: "auto" and names without a digest are looked up.

    So is what a model of the Hugging Face hub says of its architecture, where the recipe does not.

    Raises:
        WeightsError: as `choose_start`.
    """
    given = {"model": recipe.model, "architecture_config": recipe.architecture_config}
    theirs = _published(recipe.model, given)
    if theirs is not None:
        recipe = _over_defaults(recipe, _said(theirs, recipe.model, {}))
    if recipe.weights == "none" or recipe.weights_digest:
        return recipe
    given |= {"weights": recipe.weights, "architecture_config": recipe.architecture_config}
    return _over_defaults(recipe, choose_start(given, classes=classes, on_progress=on_progress))


def _over_defaults(recipe: Recipe, choices: Choices) -> Recipe:
    """A recipe with choices where it has not been given anything else."""
    plain = Recipe()
    for name, (value, reason) in choices.items():
        if getattr(recipe, name) == getattr(plain, name) or name.startswith("weights"):
            recipe = with_settings(recipe, {name: value}, source="weights", reason=reason)
    return recipe


def check_weights(wanted: str) -> None:
    """Refuse a name that is none of weights, without looking on the network.

    Raises:
        WeightsError: it is neither the name of weights nor a file.
    """
    named = wanted in ("auto", "none", IMAGENET) or wanted.startswith(PREFIX)
    known = named or cached(wanted) or any(entry.name == wanted for entry in ENTRIES)
    if not (known or Path(wanted).expanduser().exists()):
        raise _no_weights(wanted)


@dataclass(frozen=True)
class _Found:
    """A file of weights, and what is said of it."""

    name: str
    path: Path
    about: Stored
    instead: str = ""
    """Why there are no better ones."""

    @property
    def why(self) -> str:
        use = {"yes": "", "no": ", not for commercial use", "not stated": ", commercial use not stated"}
        better = f"; {self.instead}" if self.instead else ""
        return f"{self.name}: licence {self.about.licence}{use[self.about.commercial]}{better}"


def _published(model: str, given: Mapping[str, Any]) -> Published | None:
    """What a model of the hub brings along beside its weights, where that is not given; None for other models."""
    if not model.startswith(PREFIX) or given.get("architecture_config"):
        return None
    from maskwright.models.huggingface import published

    return published(model.removeprefix(PREFIX))


def _said(theirs: Published, model: str, given: Mapping[str, Any]) -> Choices:
    reason = f"measured: what {model} says of itself, commit {theirs.commit[:12]}"
    choices: Choices = {
        "architecture_config": (theirs.config, reason),
        "mean_rgb": (theirs.mean_rgb, reason),
        "std_rgb": (theirs.std_rgb, reason),
    }
    return {name: choice for name, choice in choices.items() if not given.get(name)}


def _imagenet(model: str, on_progress: OnProgress) -> _Found:
    """What an encoder's authors published, for a model of segmentation_models_pytorch."""
    if not model.startswith(SMP):
        raise WeightsError(
            f"--weights {IMAGENET}: is for models of segmentation_models_pytorch (smp:...).",
            found=model,
            do="maskwright weights lists what there is for the others.",
        )
    from maskwright.models.smp import imagenet

    place, mean, std = imagenet(model.removeprefix(SMP))
    item = hub_weights(f"{place.name}@{place.revision}", on_progress=on_progress)
    item = replace(item, mean_rgb=mean, std_rgb=std, part="encoder")
    return _Found(item.name, item.path, item)


def _automatic(model: str, on_progress: OnProgress) -> _Found | str:
    """The best weights for an architecture that may be taken unasked; or why there are none.

    What was learned from drawings comes last: it knows no photos.
    """
    found = _of_photos(model, on_progress)
    if not isinstance(found, str):
        return found
    drawn = next((item for item in stored() if item.name == f"{DRAWINGS}{model}"), None)
    return found if drawn is None else _Found(drawn.name, open_verified(drawn), drawn, instead=found)


def _of_photos(model: str, on_progress: OnProgress) -> _Found | str:
    """The best weights that learned from photos, for an architecture; or why there are none."""
    if model.startswith(SMP):
        return f"no weights are taken unasked for {SMP} models; weights: {IMAGENET} takes the encoder's own"
    order = [entry.name for entry in fitting(model)]
    items = [item for item in stored() if model in item.fits and item.commercial != "no" and knows_photos(item.name)]
    items.sort(key=lambda item: order.index(item.name) if item.name in order else len(order))
    if items:
        return _Found(items[0].name, open_verified(items[0]), items[0])
    free = [entry for entry in fitting(model) if entry.hub and entry.commercial == "yes"]
    if not free:
        names = ", ".join(entry.name for entry in fitting(model)) or "none"
        return f"no weights for {model} that may be taken unasked ({names}: see maskwright weights)"
    if offline():
        return f"offline, and no weights for {model} in the cache; maskwright weights get {free[0].name} has some"
    try:
        item = get_weights(free[0].name, on_progress=on_progress)
    except WeightsError as error:
        return f"{free[0].name} was not to be had ({' '.join(error.where.split())})"
    return _Found(item.name, open_verified(item), item)


def _named(wanted: str, on_progress: OnProgress) -> _Found:
    """Weights by their name in the cache or the table, on the hub, as a file, or as a run or bundle."""
    if wanted.startswith(PREFIX):
        theirs = hub_weights(wanted, on_progress=on_progress)
        return _Found(theirs.name, theirs.path, theirs)
    item = cached(wanted)
    if item is None and any(entry.name == wanted for entry in ENTRIES):
        item = get_weights(wanted, on_progress=on_progress)
    if item is not None:
        return _Found(item.name, open_verified(item), item)
    path = Path(wanted).expanduser()
    if path.is_dir():
        path = weights_in(path)
    if not path.is_file():
        raise _no_weights(wanted)
    return _Found(shown(path), path, described(path))


def _no_weights(wanted: str) -> WeightsError:
    return WeightsError(
        f"--weights {wanted}: neither the name of weights nor a file.",
        expected="auto, none, a file, a run, or one of " + ", ".join(entry.name for entry in ENTRIES),
        do="maskwright weights lists them.",
    )


def _with(found: _Found, given: Mapping[str, Any], model: str | None, classes: int) -> Choices:
    from maskwright.models import Architecture, options_of
    from maskwright.models.loading import COMPUTES, architecture_of, read_state
    from maskwright.models.loading import fitting as fit_of

    state = read_state(found.path)
    if model is None:
        architecture, fit = architecture_of(state, classes=classes, source=found.name)
        reason = f"rule: what fits {found.name}"
    else:
        known, said = options_of(model), state.architecture
        theirs = said.options if said is not None and said.name == model else {}
        asked = {name: given[name] for name in COMPUTES if given.get(name) and name in known}
        architecture = Architecture(model, classes, {**theirs, **asked})
        fit, reason = fit_of(architecture, state, source=found.name), LIGHT
    wants = "rule: what the weights were trained with"
    choices: Choices = {
        "model": (architecture.name, reason),
        "weights": (found.name if found.about.name == found.name else str(found.path.resolve()), f"rule: {found.why}"),
        "weights_digest": (found.about.sha256, "measured: SHA-256 of the file"),
        "mean_rgb": (found.about.mean_rgb, wants),
        "std_rgb": (found.about.std_rgb, wants),
        **{name: (value, wants) for name, value in {**architecture.options, **fit.options}.items()},
    }
    return {name: choice for name, choice in choices.items() if name not in given or name == "weights"}


def _without(given: Mapping[str, Any], reason: str) -> Choices:
    model: Choices = {"model": (DEFAULT_MODEL, "measured: without weights the fastest to learn cats and dogs")}
    return {**({} if "model" in given else model), "weights": ("none", reason)}
