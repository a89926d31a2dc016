"""From the values in mask files to class ids, and to the classes themselves where nobody declared them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.annotation import BACKGROUND_NAMES, IGNORE_NAMES
from maskwright.data.classes import IGNORE, Classes, classes_yaml, make_classes
from maskwright.data.decode import MAX_MASK_VALUES, MaskValues, RawMask
from maskwright.data.listing import Note, note
from maskwright.data.sample import Mask
from maskwright.errors import DataError, nearest

SMALL_VALUE = 63
"""255 beside values up to this one is the usual ignore value; beside larger ones it may be a class."""

NO_CLASS = 254
"""Stands where a value belongs to no class until that is refused; class ids end at 253."""

SMEARED_VALUES = 16
"""More undeclared values than that in one mask are blurred edges, not classes that someone forgot to declare."""


def to_ids(raw: RawMask, classes: Classes) -> Mask:
    """The class ids of a mask.

    Args:
        raw: the mask as decoded.
        classes: what its values or colours mean.

    Returns:
        `(H, W) uint8` class ids, 255 for ignore, 254 where a value belongs to no class.
    """
    return id_table(raw.found, classes)[raw.places]


def id_table(found: MaskValues, classes: Classes) -> NDArray[np.uint8]:
    """The class id of each place of a raw mask.

    Index values are tried first for index and palette masks, declared colours first for RGB masks; the other way is
    taken only when it explains the whole mask and the first one does not.

    Returns:
        `(256,) uint8`: place -> class id, 255 for ignore, 254 for no class.
    """
    if found.labels:
        return _label_table(found.labels, classes)
    values = {value: class_id for class_id, value in enumerate(classes.values)} | _known(classes.ignore)
    colours = {_packed(colour): class_id for class_id, colour in enumerate(classes.colours)}
    if classes.ignore_colour is not None:
        colours |= _known(_packed(classes.ignore_colour))
    by_value = [values.get(value, NO_CLASS) for value in found.values]
    by_colour = [colours.get(colour, NO_CLASS) for colour in found.colours]
    ways = [way for way in ((by_colour, by_value) if found.colours_first else (by_value, by_colour)) if way]
    ids = next((way for way in ways if NO_CLASS not in way), by_value or by_colour)
    table = np.full(256, NO_CLASS, np.uint8)
    table[: len(ids)] = ids
    return table


def _label_table(labels: Sequence[str], classes: Classes) -> NDArray[np.uint8]:
    """As `id_table`, for a mask that is drawn from shapes.

    What lies under no shape is the class called background, else the first class, unless shapes name that one too.
    """
    ids = dict.fromkeys(IGNORE_NAMES, IGNORE)
    ground = next((place for place, name in enumerate(classes.names) if name.lower() in BACKGROUND_NAMES), None)
    if ground is not None:
        ids |= dict.fromkeys(BACKGROUND_NAMES, ground)
    ids |= {name: class_id for class_id, name in enumerate(classes.names)}
    bare = ground if ground is not None else NO_CLASS if classes.names[0] in labels else 0
    table = np.full(256, NO_CLASS, np.uint8)
    table[: len(labels)] = [bare if label == "" else ids.get(label, NO_CLASS) for label in labels]
    return table


def is_smeared(found: MaskValues, classes: Classes | None) -> bool:
    """Whether a mask's values were blurred by a lossy format or by resizing with interpolation.

    Args:
        found: the mask's values.
        classes: the declared classes; None where they are still to be inferred, when only blurred black and white
            can be told from many classes.
    """
    if found.labels:
        return False
    if classes is not None:
        return int(np.sum(id_table(found, classes)[: len(found.counts)] == NO_CLASS)) > SMEARED_VALUES
    dark = [value for value in found.values if 1 <= value <= 55]
    bright = [value for value in found.values if 200 <= value <= 254]
    ends = sum(n for n, value in zip(found.counts, found.values, strict=False) if value <= 55 or value >= 200)
    return bool(dark and bright) and len(dark) + len(bright) >= 4 and ends >= 0.9 * sum(found.counts)


def settle_classes(
    declared: Classes | Sequence[str] | None, masks: Mapping[str, MaskValues]
) -> tuple[Classes, tuple[Note, ...]]:
    """The classes of a dataset, and a note of whatever was inferred.

    Declared classes are taken as they are. Names alone get the values 0, 1, 2 ..., but two names for masks that
    hold only 0 and 255 get those. Without names the values found become the classes; 255 is ignore beside
    values up to 63.

    Args:
        declared: classes, names, or None.
        masks: file -> what is in it.

    Returns:
        The classes and notes.

    Raises:
        DataError: a value belongs to no declared class, or no classes can be inferred.
    """
    values = sorted({value for found in masks.values() for value in found.values})
    notes: tuple[Note, ...] = ()
    if isinstance(declared, Classes):
        classes = declared
    elif declared is not None:
        binary = _black_and_white(masks) and len(declared) == 2
        classes = make_classes(declared, values=(0, IGNORE) if binary else ())
        notes = (note("black_and_white", background=declared[0], foreground=declared[1]),) if binary else ()
    else:
        classes = _inferred(values, masks)
        listed = ", ".join(f"{value} {name}" for value, name in zip(classes.values, classes.names, strict=True))
        notes = (note("classes_inferred", classes=listed, yaml=classes_yaml(classes).strip()),)
        if classes.ignore is not None and IGNORE in values:
            notes += (note("ignore_inferred", value=IGNORE),)
    _refuse_outside(classes, masks)
    return classes, notes


def _inferred(values: Sequence[int], masks: Mapping[str, MaskValues]) -> Classes:
    coloured = [file for file, found in masks.items() if not found.values]
    if coloured:
        raise _undeclared_colours(coloured, masks)
    if len(values) > MAX_MASK_VALUES:
        most = max(masks, key=lambda file: len(masks[file].values))
        raise DataError(
            f"{most}: the masks hold {len(values)} different values, too many to take each for a class.",
            found=_some(values),
            do="Name the classes: --classes background,cat,dog  or a classes.yaml in the folder.",
        )
    if IGNORE in values and set(values) <= {0, IGNORE}:
        return make_classes(["background", "foreground"], values=(0, IGNORE), ignore=None)
    small = [value for value in values if value != IGNORE]
    ignored = IGNORE in values and bool(small) and small[-1] <= SMALL_VALUE
    kept = small if ignored else list(values)
    names = ["background" if value == 0 else f"class {value}" for value in kept]
    return make_classes(names, values=kept)


def _undeclared_colours(coloured: Sequence[str], masks: Mapping[str, MaskValues]) -> DataError:
    colours = sorted({colour for file in coloured for colour in masks[file].colours})
    shown = colours[:8]
    lines = ", ".join(f"[{colour >> 16}, {colour >> 8 & 255}, {colour & 255}]" for colour in shown)
    names = ", ".join(f"name{place}" for place in range(len(shown)))
    return DataError(
        f"{coloured[0]}: an RGB mask, and nobody declared what its colours mean"
        + (f" (the same in {len(coloured) - 1} more masks)." if len(coloured) > 1 else "."),
        found=_some([_hex(colour) for colour in colours]),
        do=f"Write a classes.yaml into the folder:\n    names: [{names}]\n    colours: [{lines}]",
    )


def strange_masks(
    declared: Classes | Sequence[str] | None, masks: Mapping[str, MaskValues]
) -> dict[str, tuple[str, dict[str, Any]]]:
    """The masks for whose sake `settle_classes` refuses, each with the check that says so and its facts.

    Args:
        declared: as in `settle_classes`.
        masks: likewise.

    Returns:
        file -> (check, facts); without these masks the others settle.
    """
    if declared is None:
        indexed = {file: found for file, found in masks.items() if found.values}
        values = {value for found in indexed.values() for value in found.values}
        many = indexed if len(values) > MAX_MASK_VALUES else {}
        return {file: ("mask_values_many", {"file": file, "count": len(values)}) for file in many} | {
            file: ("mask_colours_unknown", {"file": file, "colours": _some([_hex(one) for one in found.colours])})
            for file, found in masks.items()
            if not found.values
        }
    classes = declared if isinstance(declared, Classes) else make_classes(declared)
    known = ", ".join(f"{value} {name}" for value, name in zip(classes.values, classes.names, strict=True))
    return {
        file: (
            "mask_value_unknown",
            {"file": file, "values": _some(list(strange)), "percent": _percent(sum(strange.values())), "known": known},
        )
        for file, strange in _outside(classes, masks).items()
        if not (_black_and_white(masks) and len(classes) == 2)
    }


def _black_and_white(masks: Mapping[str, MaskValues]) -> bool:
    values = {value for found in masks.values() for value in found.values}
    return IGNORE in values and values <= {0, IGNORE}


def _percent(share: float) -> str:
    return f"{100 * share:.3g}"


def _refuse_outside(classes: Classes, masks: Mapping[str, MaskValues]) -> None:
    """Refuse values of no class, all files at once."""
    outside = _outside(classes, masks)
    if outside:
        raise _outside_error(classes, masks, outside)


def _outside(classes: Classes, masks: Mapping[str, MaskValues]) -> dict[str, dict[str, float]]:
    """file -> value or colour of no class -> its share of the pixels."""
    outside: dict[str, dict[str, float]] = {}
    for file, found in masks.items():
        places = np.flatnonzero(id_table(found, classes)[: len(found.counts)] == NO_CLASS).tolist()
        if places:
            names = found.values or [_said(label) for label in found.labels] or [_hex(each) for each in found.colours]
            outside[file] = {str(names[place]): found.counts[place] / sum(found.counts) for place in places}
    return outside


def _outside_error(
    classes: Classes, masks: Mapping[str, MaskValues], outside: Mapping[str, Mapping[str, float]]
) -> DataError:
    file, strange = next(iter(outside.items()))
    found = masks[file]
    everything = [str(value) for value in found.values] or [_said(label) for label in found.labels]
    everything = everything or [_hex(colour) for colour in found.colours]
    shares = ", ".join(f"{value} on {100 * share:.3g} % of the pixels" for value, share in strange.items())
    declared = ", ".join(f"{value} {name}" for value, name in zip(classes.values, classes.names, strict=True))
    declared += f", {classes.ignore} ignore" if classes.ignore is not None else ""
    others = [f"{name} ({_some(list(values))})" for name, values in list(outside.items())[1:]]
    value = "the label" if found.labels else "pixel value" if found.values else "colour"
    return DataError(
        f"{file}: {value} {_some(list(strange))} belongs to no class."
        + (f"\n  The same kind in {len(others)} more: {_some(others, 20)}." if others else ""),
        expected=declared,
        found=f"{_some(everything)} ({shares})",
        do=_label_way_out(classes, list(strange))
        if found.labels
        else _way_out(classes, list(strange), masks, colour=not found.values),
    )


def _way_out(classes: Classes, strange: Sequence[str], masks: Mapping[str, MaskValues], *, colour: bool) -> str:
    values = sorted({value for found in masks.values() for value in found.values} - {classes.ignore})
    if colour:
        return "Declare it in classes.yaml under  colours:  or, for pixels not to be judged, as  ignore_colour: ."
    ways = []
    if len(values) == len(classes) and tuple(values) != classes.values:
        offered = ", ".join(f"{name}: {value}" for name, value in zip(classes.names, values, strict=True))
        ways.append(f"If the classes have other values, write  classes: {{{offered}}}  in classes.yaml.")
    if len(strange) == 1:
        ways.append(f'If {strange[0]} means "do not judge", write  ignore: {strange[0]}  in classes.yaml.')
    return "\n  ".join([*ways, "Otherwise name its class, or mend the masks."])


def _label_way_out(classes: Classes, strange: Sequence[str]) -> str:
    if strange == [_said("")]:
        return f"Name the class of the pixels under no shape first: --classes background,{','.join(classes.names)}"
    close = nearest(strange[0], classes.names)
    return (
        f"{close}\n  Otherwise name the class in --classes or classes.yaml, or mend the label in the annotation file."
    )


def _said(label: str) -> str:
    return label or "(no shape)"


def _known(ignored: int | None) -> dict[int, int]:
    return {} if ignored is None else {ignored: IGNORE}


def _packed(colour: Sequence[int]) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _hex(colour: int) -> str:
    return f"#{colour:06x}"


def _some(entries: Sequence[object], most: int = 10) -> str:
    listed = ", ".join(str(entry) for entry in entries[:most])
    return listed + (f" and {len(entries) - most} more" if len(entries) > most else "")
