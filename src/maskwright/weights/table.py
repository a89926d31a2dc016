"""The pretrained weights that are known by name: where from, how large, for what, under which licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from maskwright.errors import WeightsError, nearest
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.recipe.recipe import Channels

Commercial = Literal["yes", "no", "not stated"]
Part = Literal["encoder", "whole"]

HUB = "https://huggingface.co"
IMAGENET_MEAN: Channels = (123.675, 116.28, 103.53)
IMAGENET_STD: Channels = (58.395, 57.12, 57.375)
HALF: Channels = (127.5, 127.5, 127.5)
"""Mean and deviation of what takes its pixels as x / 127.5 - 1."""


@dataclass(frozen=True)
class Hub:
    """A file on the Hugging Face hub.

    Args:
        repo: the repository, as owner/name.
        files: names of the file, in the order of preference: the first one that the repository has is taken.
        revision: the commit; or "main", and then the commit of the first download is required from then on.
    """

    repo: str
    files: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")
    revision: str = "main"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Weights known by name.

    Args:
        name: what `--weights` and `maskwright weights get` take.
        fits: the architectures that start from them.
        part: whether they are an encoder's, or a whole segmentation model's.
        mean_rgb: what was taken off each channel of the photos, in grey levels.
        std_rgb: what each channel was divided by, in grey levels.
        hub: where to download them; None for what has to be added as a file.
        mb: size of the file in 10^6 bytes, about: four bytes for each number of the published architecture.
        sha256: digest of the file in hex; empty where the file was never held.
        licence: the SPDX identifier, or the licence's name where it has none.
        commercial: whether the licence allows commercial use.
        training_data: what they were trained on.
        evidence: how the digest is known; empty without a digest.
        note: what else to know.
    """

    name: str
    fits: tuple[str, ...]
    part: Part
    mean_rgb: Channels = IMAGENET_MEAN
    std_rgb: Channels = IMAGENET_STD
    hub: Hub | None
    mb: float
    sha256: str = ""
    licence: str
    commercial: Commercial
    training_data: str
    evidence: str = ""
    note: str = ""

    @property
    def verified(self) -> bool:
        """Whether the file was held and loaded by those who wrote this table."""
        return bool(self.sha256 and self.evidence)

    @property
    def source(self) -> str:
        """Where they come from, in a few words."""
        return f"{HUB}/{self.hub.repo}" if self.hub else "a file to add"

    @property
    def url(self) -> str:
        """Where a browser finds the file; empty for what has to be added as a file."""
        return f"{HUB}/{self.hub.repo}/resolve/{self.hub.revision}/{self.hub.files[0]}" if self.hub else ""


def find(name: str) -> Entry:
    """The weights of a name.

    Raises:
        WeightsError: there are none of this name.
    """
    for entry in ENTRIES:
        if entry.name == name:
            return entry
    raise WeightsError(
        f"{name}: no weights of this name are known. {nearest(name, [entry.name for entry in ENTRIES])}",
        do="All of them: maskwright weights list. A file of your own: maskwright weights add FILE",
    )


def fitting(architecture: str) -> tuple[Entry, ...]:
    """The weights that an architecture can start from, the best choice first.

    Args:
        architecture: its name, e.g. "mlp-mobilenetv2".
    """
    return tuple(entry for entry in ENTRIES if architecture in entry.fits)


def terms(licence: str, commercial: Commercial, lang: str = "en") -> str:
    """A licence in words: its name, and whether it allows commercial use."""
    key = {"yes": "terms_yes", "no": "terms_no", "not stated": "terms_not_stated"}[commercial]
    return say(f"weights.{key}", lang, licence=licence)


FIRST_DOWNLOAD = "the commit is written down at the first download and required from then on"
SEEN_COMMIT = "the commit is one that a public script names; its files were never looked at here"
NVIDIA = "NVIDIA Source Code License for SegFormer"
NO_SPDX = "no SPDX name on the model card"


def _timm(name: str, mb: float, *fits: str, licence: str = "Apache-2.0", commit: str = "main") -> Entry:
    """An ImageNet encoder of timm's, by the name of its repository."""
    return Entry(
        name=name,
        fits=fits,
        part="encoder",
        hub=Hub(f"timm/{name}", revision=commit),
        mb=mb,
        licence=licence,
        commercial="yes",
        training_data="ImageNet-1k",
        note=FIRST_DOWNLOAD if commit == "main" else SEEN_COMMIT,
    )


def _nvidia(name: str, mb: float, fits: str, *, part: Part, training_data: str, commit: str = "main") -> Entry:
    """A SegFormer, or its encoder, as its authors published it."""
    return Entry(
        name=name,
        fits=(fits,),
        part=part,
        hub=Hub(f"nvidia/{name}", revision=commit),
        mb=mb,
        licence=NVIDIA,
        commercial="no",
        training_data=training_data,
        note=FIRST_DOWNLOAD if commit == "main" else SEEN_COMMIT,
    )


def _google(name: str, mb: float, *fits: str, part: Part, training_data: str) -> Entry:
    """A MobileNetV2 of the TensorFlow models, as it was carried over to the hub."""
    return Entry(
        name=name,
        fits=fits,
        part=part,
        mean_rgb=HALF,
        std_rgb=HALF,
        hub=Hub(f"google/{name}"),
        mb=mb,
        licence=NO_SPDX,
        commercial="not stated",
        training_data=training_data,
        note=FIRST_DOWNLOAD,
    )


ENTRIES = (
    _timm("mobilenetv2_100.ra_in1k", 14.2, "mlp-mobilenetv2", "deeplabv3plus-mobilenetv2"),
    Entry(
        name="mobilenetv2-imagenet",
        fits=("mlp-mobilenetv2", "deeplabv3plus-mobilenetv2"),
        part="encoder",
        mean_rgb=HALF,
        std_rgb=HALF,
        hub=None,
        mb=4.7,
        sha256="087a32f1748d52b7a005b1a7c5ea8eeb6dc1ed3b56d4f276f54a389be14360ba",
        licence="Apache-2.0",
        commercial="yes",
        training_data="ImageNet-1k",
        evidence="held: loaded and compared in tests",
        note="dequantised from google-coral/test_data, tf2_mobilenet_v2_1.0_224_ptq.tflite; batch norms re-estimated",
    ),
    _google(
        "mobilenet_v2_1.0_224",
        14.2,
        *("mlp-mobilenetv2", "deeplabv3plus-mobilenetv2"),
        part="encoder",
        training_data="ImageNet-1k",
    ),
    _google(
        "deeplabv3_mobilenet_v2_1.0_513",
        10.2,
        "deeplabv3plus-mobilenetv2",
        part="whole",
        training_data="PASCAL VOC 2012, on an encoder from ImageNet-1k",
    ),
    _timm("resnet18.a1_in1k", 46.8, "mlp-r18", "deeplabv3plus-r18"),
    _timm("resnet18.tv_in1k", 46.8, "mlp-r18", "deeplabv3plus-r18", licence="BSD-3-Clause"),
    _timm("resnet50c.gluon_in1k", 102.6, "deeplabv3plus-r50"),
    _timm(
        "resnet50.a1_in1k",
        102.5,
        *("mlp-r50", "deeplabv3plus-r50"),
        commit="767268603ca0cb0bfe326fa87277f19c419566ef",
    ),
    _timm("resnet50.tv_in1k", 102.5, "mlp-r50", "deeplabv3plus-r50", licence="BSD-3-Clause"),
    _timm("resnet101.a1h_in1k", 178.8, "deeplabv3plus-r101"),
    _nvidia(
        "mit-b0",
        14.3,
        "segformer-b0",
        part="encoder",
        training_data="ImageNet-1k",
        commit="ed0b85c75627eab6a3c6989627450cf95f115381",
    ),
    _nvidia("mit-b1", 54.7, "segformer-b1", part="encoder", training_data="ImageNet-1k"),
    _nvidia("mit-b2", 98.8, "segformer-b2", part="encoder", training_data="ImageNet-1k"),
    _nvidia("mit-b3", 178.3, "segformer-b3", part="encoder", training_data="ImageNet-1k"),
    _nvidia("mit-b4", 245.4, "segformer-b4", part="encoder", training_data="ImageNet-1k"),
    _nvidia("mit-b5", 327.8, "segformer-b5", part="encoder", training_data="ImageNet-1k"),
    _nvidia("segformer-b0-finetuned-ade-512-512", 15.0, "segformer-b0", part="whole", training_data="ADE20K"),
    _nvidia("segformer-b1-finetuned-ade-512-512", 54.9, "segformer-b1", part="whole", training_data="ADE20K"),
    _nvidia("segformer-b2-finetuned-ade-512-512", 109.9, "segformer-b2", part="whole", training_data="ADE20K"),
    _nvidia("segformer-b3-finetuned-ade-512-512", 189.4, "segformer-b3", part="whole", training_data="ADE20K"),
    _nvidia("segformer-b4-finetuned-ade-512-512", 256.4, "segformer-b4", part="whole", training_data="ADE20K"),
    _nvidia("segformer-b5-finetuned-ade-640-640", 338.8, "segformer-b5", part="whole", training_data="ADE20K"),
)
"""Every one once; for each architecture in the order in which they are best tried."""
