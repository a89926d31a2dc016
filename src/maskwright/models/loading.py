"""Weights into a model: its own, exactly, or those of others, with every tensor accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from maskwright.errors import RecipeError, WeightsError, nearest, shown
from maskwright.models import ARCHITECTURES, Architecture, build_model, family_of, options_of
from maskwright.models.checkpoint_file import find_state, read_checkpoint
from maskwright.models.importers import ORIGINS, origin_of
from maskwright.models.importers.rules import Mapped, Origin, mapped
from maskwright.recipe.recipe import make_recipe
from maskwright.weights.metadata import ours

CLASSIFIERS = ("head.classifier.", "auxiliary.classifier.")
"""What is drawn anew where the file tells other classes apart."""

WIDTHS = ("head.norm.weight", "head.joined.1.weight")
"""Tensors whose length is the width of a decoder."""

COMPUTES = ("form", "output_stride", "decoder_channels", "architecture_config")
"""Options that change what weights compute."""


@dataclass(frozen=True)
class Loaded:
    """What became of every tensor.

    Args:
        origin: where the weights come from.
        loaded: names of the model's tensors that were filled.
        left_out: tensors of the file that were not used, each with why, by our name where there is one, else by theirs.
        new: names of the model's tensors that keep their fresh draw, each with why.
        options: options of the architecture that were changed so that the weights fit.
        place: where in a checkpoint they stood, and what lay beside them; "" for a file of nothing but tensors.
        unread: names of pickled classes in the checkpoint that were passed over.
    """

    origin: str
    loaded: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    new: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """Tensors out of a file.

    Args:
        tensors: by their names in the file.
        metadata: what the file says of itself.
        unread: names of pickled classes that were passed over.
        place: where in a checkpoint the tensors stood, and what lay beside them.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    place: str = ""

    @property
    def same_padding(self) -> bool:
        """Whether the file says that it wants TensorFlow's padding."""
        return self.metadata.get("padding", "").startswith("TensorFlow SAME")

    @property
    def architecture(self) -> Architecture | None:
        """What a file of ours says that its weights were trained in; of the options those that it computes by."""
        about = ours(self.metadata)
        name, said = str(about.get("model", "")), about.get("options")
        if name not in ARCHITECTURES and family_of(name) is None:  # code of one's own is never taken from a file
            return None
        said = said if isinstance(said, dict) else {}
        try:
            options = {option: said[option] for option in COMPUTES if said.get(option) and option in options_of(name)}
            make_recipe(options, source="metadata")
        except RecipeError:
            return None
        return Architecture(name, 0, options)


def load_into(model: nn.Module, path: Path) -> None:
    """Read weights into a model that they fit exactly.

    Raises:
        WeightsError: the file is missing or damaged, or names and shapes differ.
    """
    tensors, _ = read_tensors(path)
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    theirs = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = sorted(name for name in own.keys() | theirs.keys() if own.get(name) != theirs.get(name))
    if wrong:
        raise WeightsError(
            f"{shown(path)}: these weights do not fit the model.",
            expected=f"{wrong[0]} {own.get(wrong[0], 'not there')}",
            found=f"{theirs.get(wrong[0], 'not there')}, and {len(wrong) - 1} more differences",
            do="Were recipe.yaml or classes.yaml changed after training? Restore them.",
        )
    model.load_state_dict(tensors)


def load_weights(
    model: nn.Module, weights: Mapping[str, Tensor | NDArray[Any]] | State | Path | str, *, source: str = ""
) -> Loaded:
    """Fill a model with weights of MMSegmentation, Hugging Face, torchvision, timm, SegFormer's authors or Maskwright.

    Where the weights want another form of the architecture (padding, stem, head) or width of the decoder, the model
    takes it on. A classifier of other classes and heads that the file has not keep their fresh draw.

    Args:
        model: of `build_model`; changed in place.
        weights: tensors or arrays by name, or a file: safetensors, or a checkpoint of torch, of which nothing is
            executed.
        source: what messages call the weights; the file by default.

    Returns:
        What became of every tensor.

    Raises:
        WeightsError: the file cannot be read, its names are not known, or something does not fit; nothing is changed.
    """
    if isinstance(weights, str | Path):
        source = source or shown(weights)
        weights = read_state(Path(weights))
    source = source or "These weights"
    state = weights if isinstance(weights, State) else _state_of(weights, source)
    architecture: Architecture | None = getattr(model, "architecture", None)
    if architecture is None:
        raise WeightsError(f"{source}: the model was not built by build_model.", do="Load them with load_state_dict.")
    plan = fitting(architecture, state, source=source)
    if plan.options:
        _take_on(model, architecture, plan.options)
    with torch.no_grad():
        own = model.state_dict()
        for name in plan.loaded:
            own[name].copy_(plan.tensors[name])
    return Loaded(plan.origin, plan.loaded, plan.left_out, plan.new, plan.options, state.place, state.unread)


@dataclass(frozen=True)
class Fit(Loaded):
    """How weights would fill an architecture."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)


def fitting(architecture: Architecture, state: State, *, source: str) -> Fit:
    """How weights fill an architecture, in the first of its forms that they fit.

    Raises:
        WeightsError: they fit none; the message says what is wrong with the likeliest.
    """
    if architecture.name not in ARCHITECTURES:
        return _fitting_foreign(architecture, state, source)
    origin, whole = _mapped(state, source)
    forms = _forms(architecture, state, origin)
    if not forms:
        raise _no_form(architecture, origin, source)
    failed: Misfit | None = None
    for form in forms:
        changed = _changed(architecture, origin, whole, form)
        options = {**architecture.options, **changed}
        with torch.device("meta"):
            model = build_model(architecture.name, classes=architecture.classes, **options)
        try:
            return replace(_filled(model.state_dict(), origin, whole, architecture, source), options=changed)
        except Misfit as error:
            failed = min(failed or error, error, key=lambda one: one.count)
    assert failed is not None
    raise failed


def _forms(architecture: Architecture, state: State, origin: Origin) -> list[str]:
    """The forms of an architecture that weights may have, the likeliest first: what they say, then what it has now."""
    known = options_of(architecture.name).get("form", ("own",))
    possible = [form for form in (origin.forms or known) if form in known]
    said = str(state.architecture.options.get("form", "own")) if state.architecture else ""
    padded = "tensorflow" if said == "huggingface" else said
    likely = (said, padded, architecture.options.get("form", "own"), *possible)
    return list(dict.fromkeys(form for form in likely if form in possible))


def architecture_of(state: State, *, classes: int, source: str) -> tuple[Architecture, Fit]:
    """The architecture that takes most of some weights, with how it does.

    Raises:
        WeightsError: they fit none, or not the one that they say they are of.
    """
    if (said := state.architecture) is not None:
        said = replace(said, classes=classes)
        fit = fitting(said, state, source=source)
        return replace(said, options={**said.options, **fit.options}), fit
    name, fit = next(iter(fits_of(state, classes=classes, source=source).items()))
    return Architecture(name, classes, fit.options), fit


def fits_of(state: State, *, classes: int, source: str) -> dict[str, Fit]:
    """How weights fill every architecture that they fit, that first which takes the most of them.

    Args:
        state: the weights.
        classes: number of classes that the model shall tell apart.
        source: what messages call the weights.

    Raises:
        WeightsError: they fit none.
    """
    fits, reasons, said = {}, [], state.architecture
    for name in dict.fromkeys((*ARCHITECTURES, *([said.name] if said else ()))):
        options = said.options if said is not None and said.name == name else {}
        try:
            fits[name] = fitting(Architecture(name, classes, options), state, source=source)
        except WeightsError as error:
            reasons.append(error)
    if not fits:
        raise min(reasons, key=lambda error: (not isinstance(error, Misfit), getattr(error, "count", 0)))
    return dict(sorted(fits.items(), key=lambda item: -len(item[1].loaded)))


def read_state(path: Path) -> State:
    """The tensors of a file of weights, floating point ones as float32.

    Args:
        path: safetensors, or a checkpoint that torch wrote.

    Raises:
        WeightsError: the file is missing or damaged, or holds no tensors by name.
    """
    if is_safetensors(path):
        tensors, metadata = read_tensors(path)
        return State({name: _tensor(one) for name, one in tensors.items()}, metadata)
    checkpoint = read_checkpoint(path)
    tensors, place = find_state(checkpoint.content, path, checkpoint.unread)
    return State({name: _tensor(one) for name, one in tensors.items()}, {}, checkpoint.unread, place)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file by name, and its metadata.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{shown(path)}: cannot be read as safetensors.",
            found=str(error) if path.exists() else "no such file",
            do="Copy the file again, whole.",
        ) from None


OWN = Origin(name="Maskwright", told_by=(), rules=(), forms=())


class Misfit(WeightsError):
    """Weights whose names are known, of which `count` tensors do not fit."""

    count = 0


def _fitting_foreign(architecture: Architecture, state: State, source: str) -> Fit:
    """How weights fill a model of others: a run's by their names, published ones as their package does."""
    model: Any = build_model(architecture.name, classes=architecture.classes, **architecture.options)
    own = model.state_dict()
    origin, whole = OWN, Mapped(state.tensors)
    parts, theirs = ({name.partition(".")[0] for name in names} for names in (own, state.tensors))
    if family_of(architecture.name) is not None and not parts <= theirs:
        origin, whole = model.origin, model.translated(state.tensors, source)
        _refuse_unknown(origin, whole, source)
    more = build_model(architecture.name, classes=architecture.classes + 1, **architecture.options).state_dict()
    classifiers = tuple(name for name in own if own[name].shape != more[name].shape)
    return _filled(own, origin, whole, architecture, source, classifiers)


def _mapped(state: State, source: str) -> tuple[Origin, Mapped]:
    """The tensors under our names, and where they come from."""
    if any(name.startswith("encoder.") for name in state.tensors) and "head.classifier.weight" in state.tensors:
        family = state.architecture.name.partition("-")[0] if state.architecture else ""
        return replace(OWN, family=family), Mapped(state.tensors)
    origin = origin_of(state.tensors, same_padding=state.same_padding)
    if origin is None:
        raise WeightsError(
            f"{source}: the names of the tensors are of no origin that is known here.",
            expected=", ".join(one.name for one in ORIGINS),
            found=", ".join([*list(state.tensors)[:4], *(f"{one} (not run)" for one in state.unread[:4])])
            + f" ... ({len(state.tensors)} tensors)",
            do="Give a state dict of one of these.",
        )
    whole = _at_our_epsilon(mapped(origin, state.tensors), state.metadata)
    _refuse_unknown(origin, whole, source)
    return origin, whole


def _refuse_unknown(origin: Origin, whole: Mapped, source: str) -> None:
    if whole.unknown:
        raise WeightsError(
            f"{source}: {len(whole.unknown)} tensors are not known of {origin.name}.",
            found=", ".join(whole.unknown[:6]),
            do="Is it a variant with other layers? Only what is named in docs/models.md can be taken over.",
        )


def _at_our_epsilon(whole: Mapped, metadata: Mapping[str, str]) -> Mapped:
    """Variances such that our epsilon of 0.00001 does what the file's own does: the sum of the two is the same."""
    try:
        more = float(metadata.get("bn_eps", "1e-5")) - 1e-5
    except ValueError:
        return whole
    if abs(more) < 1e-9:
        return whole
    tensors = {name: one + more if name.endswith("running_var") else one for name, one in whole.tensors.items()}
    return replace(whole, tensors=tensors)


def _changed(architecture: Architecture, origin: Origin, whole: Mapped, form: str) -> dict[str, Any]:
    """The options in which the architecture has to differ so that the weights fit."""
    changed: dict[str, Any] = {}
    known = options_of(architecture.name)
    if "form" in known and form != architecture.options.get("form", "own"):
        changed["form"] = form
    width = next((len(whole.tensors[name]) for name in WIDTHS if name in whole.tensors), None)
    if width is not None and "decoder_channels" in known and _same_head(architecture, origin):
        with torch.device("meta"):
            plain = build_model(
                architecture.name, classes=architecture.classes, **{**architecture.options, **changed}
            ).state_dict()
        own = next((len(plain[name]) for name in WIDTHS if name in plain), None)
        if own != width:
            changed["decoder_channels"] = width
    return changed


def _same_head(architecture: Architecture, origin: Origin) -> bool:
    known = bool(origin.family) or origin.name != OWN.name  # a state dict of ours does not say whose head it has
    return not known or (bool(origin.family) and architecture.name.startswith(origin.family))


def _filled(
    own: Mapping[str, Tensor],
    origin: Origin,
    whole: Mapped,
    architecture: Architecture,
    source: str,
    classifiers: tuple[str, ...] = CLASSIFIERS,
) -> Fit:
    """Which of the model's tensors are filled; names that begin like one of `classifiers` may be of other classes.

    Raises:
        WeightsError: something does not fit, all of it at once.
    """
    theirs, out = dict(whole.tensors), dict(whole.left_out)
    for name in list(theirs):
        why = _not_wanted(name, own, architecture, origin)
        if why:
            out[name] = why
            del theirs[name]
    loaded, new, problems = [], {}, []
    for name, tensor in own.items():
        part = name.split(".")[0] + "."
        other = theirs.get(name)
        if other is not None and not _is_sound(other):
            problems.append(f"{name}: holds numbers that are not finite, or complex")
        elif other is not None and other.shape == tensor.shape:
            loaded.append(name)
        elif other is not None and name.startswith(classifiers) and other.shape[1:] == tensor.shape[1:]:
            new[name] = f"the file tells {len(other)} classes apart, the model {len(tensor)}"
            out[name] = new[name]
        elif other is None and part != "encoder." and not any(one.startswith(part) for one in theirs):
            new[name] = f"the file holds no {part[:-1]} for this architecture"
        elif other is None and name.endswith("num_batches_tracked"):
            new[name] = "a counter that the file leaves out"
        else:
            found = "not there" if other is None else tuple(other.shape)
            problems.append(f"{name}: expected {tuple(tensor.shape)}, found {found}")
    problems += [f"{name}: the model has no such tensor" for name in theirs if name not in own]
    if problems:
        error = Misfit(
            f"{source}: these weights ({origin.name}) do not fit {architecture.name}.",
            found="; ".join(problems[:4]) + (f"; and {len(problems) - 4} more" if len(problems) > 4 else ""),
            do="Name another architecture: --set model=...; maskwright models lists them.",
        )
        error.count = len(problems)
        raise error
    return Fit(origin.name, tuple(loaded), out, new, tensors=theirs)


def _is_sound(tensor: Tensor) -> bool:
    finite = tensor.is_meta or bool(torch.isfinite(tensor).all())  # on "meta" only names and shapes are compared
    return finite and not tensor.is_complex()


def _not_wanted(name: str, own: Mapping[str, Tensor], architecture: Architecture, origin: Origin) -> str:
    """Why a tensor is left out though it is known, or ""."""
    if name.startswith("encoder.features.18.") and name not in own:
        return "the convolution before pooling is not used by this architecture"
    if name.startswith(("head.", "auxiliary.")) and not _same_head(architecture, origin):
        return "the head of another architecture"
    if name.startswith("auxiliary.") and not any(one.startswith("auxiliary.") for one in own):
        return "the model is built without an auxiliary head"
    return ""


def _take_on(model: nn.Module, architecture: Architecture, options: Mapping[str, Any]) -> None:
    """Give a model the modules of other options of its architecture."""
    whole = {**architecture.options, **options}
    other = build_model(architecture.name, classes=architecture.classes, **whole)
    other.train(model.training).to(next(model.parameters()).device)
    for name in {**model._modules, **other._modules}:
        setattr(model, name, getattr(other, name))  # an auxiliary head may be one or None
    model.architecture = replace(architecture, options=whole)  # type: ignore[assignment]


def _no_form(architecture: Architecture, origin: Origin, source: str) -> WeightsError:
    fits = [name for name in ARCHITECTURES if set(origin.forms) & set(options_of(name).get("form", ("own",)))]
    return WeightsError(
        f"{source}: weights of {origin.name} do not fit {architecture.name}.",
        expected=f"weights for {architecture.name}",
        do=nearest(architecture.name, fits),
    )


def is_safetensors(path: Path) -> bool:
    """By its first bytes: the length of the header, then the header, which is JSON."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError:
        return path.suffix == ".safetensors"
    return start[8:9] == b"{" or path.suffix == ".safetensors"


def _state_of(content: Mapping[str, Any], source: str) -> State:
    """The tensors among what was given: a state dict, or a checkpoint that holds one."""
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{source}: no weights.",
            expected="tensors by name (a state dict, or what torch.load gave), or the path of a file",
            found=type(content).__name__,
            do="Of a model, give model.state_dict().",
        )
    tensors, place = find_state(_plain(content), Path(source))
    return State({name: _tensor(one) for name, one in tensors.items()}, {}, (), place)


def _plain(content: Any) -> Any:
    """What `find_state` looks through: plain dictionaries, and tensors in the place of arrays."""
    if isinstance(content, Mapping):
        return {name: _plain(one) for name, one in content.items()}
    return _tensor(np.asarray(content)) if isinstance(content, np.ndarray | np.generic) else content


def _tensor(one: Tensor | NDArray[Any]) -> Tensor:
    tensor = one if isinstance(one, Tensor) else torch.from_numpy(np.array(one))
    return tensor.float() if tensor.is_floating_point() else tensor
