"""Weights by name, and files of one's own."""

from __future__ import annotations

from pathlib import Path

from maskwright.errors import WeightsError, shown
from maskwright.progress import OnProgress, silent
from maskwright.recipe.pretraining import knows_photos
from maskwright.weights import store
from maskwright.weights.download import download
from maskwright.weights.hub import PREFIX, hub_file, hub_weights, repository
from maskwright.weights.names import refuse_name, safe_name
from maskwright.weights.store import Stored, cached, open_verified
from maskwright.weights.table import find


def get_weights(name: str, *, on_progress: OnProgress = silent) -> Stored:
    """Weights out of the cache, downloaded first where they are not in it.

    Args:
        name: of the table of weights, of a file that was added, or `hf:owner/name` for a model of the hub, which comes
            with its `config.json` and lies in the hub's own cache.
        on_progress: told how far a download is.

    Raises:
        WeightsError: there are none of this name, or they cannot be had.
    """
    if name.startswith(PREFIX):
        hub_file(repository(name), ("config.json",), on_progress=on_progress)
        return hub_weights(name, on_progress=on_progress)
    item = cached(name) or download(find(name), on_progress=on_progress)
    open_verified(item)
    return item


def add_weights(path: Path | str, *, name: str | None = None) -> Stored:
    """Put a file of one's own into the cache, together with the architectures that can start from it.

    Args:
        path: the file.
        name: what to call it; None chooses.

    Raises:
        WeightsError: the file cannot be used, fits no architecture, or the name is taken.
    """
    path = Path(path)
    refuse_name(name)
    if not knows_photos(called := name or safe_name(path.stem)):
        raise WeightsError(
            f"{called}: so are called the weights that maskwright weights draw makes.",
            expected="another name",
            do=f"For instance: --name my-{called}",
        )
    return with_fits(path, name=name)


def with_fits(path: Path, *, name: str | None, source: str | None = None) -> Stored:
    """Put a file into the cache, together with the architectures that can start from it.

    Args:
        path: the file.
        name: what to call it; None chooses.
        source: where it is from, where that is not the file.

    Raises:
        WeightsError: as `add_weights`.
    """
    if not path.is_file():
        return store.add(path, name=name)  # which says what is wrong
    from maskwright.models.loading import fits_of, read_state

    fits = fits_of(read_state(path), classes=2, source=shown(path))
    likeliest = next(iter(fits.values()))
    return store.add(
        path,
        name=name,
        source=source,
        fits=tuple(fits),
        part="whole" if any(one.startswith("head.") for one in likeliest.loaded) else "encoder",
    )
