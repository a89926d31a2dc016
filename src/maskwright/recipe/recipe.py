"""Every setting of a training, declared once: name, type, unit, range, default, reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maskwright.data.notebook import html_table
from maskwright.declared import Setting, declared, problems, reason, setting
from maskwright.errors import RecipeError
from maskwright.sentences import say

GIVEN = "given"
"""The reason of a setting that the user chose: nothing changes it."""

ClassWeighting = Literal["none", "inverse_frequency", "enet", "effective_number", "background_tenth"]
Form = Literal["own", "mmsegmentation", "huggingface", "torchvision", "tensorflow"]
Channels = tuple[float, float, float]
Positive3 = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Recipe(BaseModel):
    """All settings of one training; complete, so that nothing is looked up later.

    `reasons` holds, for a setting that was planned or given, why it has its value; the others have the reason of their
    declaration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    # What is trained
    model: str = setting("segformer-b0", "Architecture.", reason="fixed: the smallest SegFormer; trains on a CPU")
    form: Form = setting(
        "own",
        "Whose details the architecture has, so that weights from there fit: padding, stem, head, epsilons.",
        reason="fixed: the architecture's own",
    )
    output_stride: Literal[0, 8, 16] = setting(
        0,
        "DeepLabV3+: pixels of the photo per pixel of the deepest features; 0 is the architecture's own.",
        reason="fixed: the architecture's own",
        unit="px",
    )
    decoder_channels: int = setting(
        0,
        "Width of the decoder; 0 is the architecture's own.",
        reason="fixed: the architecture's own",
        unit="channels",
        ge=0,
        le=4096,
    )
    weights: str = setting(
        "none",
        "Where training starts from: a name of `maskwright weights`, hf:owner/name, a file, auto, none for newly drawn "
        "ones, and for smp: models imagenet.",
        reason="fixed: nothing is taken unasked",
        min_length=1,
    )
    weights_digest: str = setting(
        "",
        "SHA-256 of the file of the weights, in hex; a file with another one is refused.",
        reason="fixed: none",
        pattern=r"^([0-9a-f]{64})?$",
    )
    architecture_config: str = setting(
        "",
        "For hf: models, what the repository says of the architecture, as JSON text; filled in when it is empty.",
        reason="fixed: the architecture needs none",
    )
    mean_rgb: Channels = setting(
        (123.675, 116.28, 103.53), "Taken off each channel.", reason="fixed: ImageNet's mean", unit="grey levels"
    )
    std_rgb: Positive3 = setting(
        (58.395, 57.12, 57.375),
        "What each channel is divided by.",
        reason="fixed: ImageNet's deviation",
        unit="grey levels",
    )
    encoder_norm: Literal["train", "keep_statistics", "frozen"] = setting(
        "train",
        "The encoder's batch norms: trained, with the statistics of its weights, or frozen altogether.",
        reason="fixed: eight crops tell enough",
    )
    drop_path: float = setting(
        0.1, "Largest probability of skipping a residual branch.", reason="fixed: Xie et al. 2021", ge=0, lt=1
    )
    head_dropout: float = setting(
        0.1, "Dropout of channels before the classifier.", reason="fixed: Xie et al. 2021", ge=0, lt=1
    )
    # What it sees
    short_side_px: int = setting(
        0,
        "Photos are scaled to this short side first; 0 keeps them.",
        reason="fixed: as they are",
        unit="px",
        ge=0,
        le=4096,
    )
    crop_hw: tuple[Annotated[int, Field(ge=32, le=2048)], Annotated[int, Field(ge=32, le=2048)]] = setting(
        (256, 256), "Height and width of a training crop.", reason="fixed: the usual size on a CPU", unit="px"
    )
    batch_size: int = setting(
        8, "Crops per iteration.", reason="fixed: batch norm wants several", unit="crops", ge=1, le=1024
    )
    set_aside: Literal["doubted"] | tuple[str, ...] = setting(
        (),
        "Training photos that are not learned from, by id; or doubted: those whose masks the audit of a run doubts.",
        reason="fixed: none",
    )
    # How it learns
    iterations: int = setting(
        8000, "Length of training.", reason="fixed: the usual short schedule", unit="iterations", ge=1
    )
    length_changes: tuple[tuple[int, int], ...] = setting(
        (),
        "Changes of the length while training: [at iteration, new length].",
        reason="measured: kept for exact replay",
    )
    soup_iterations: int = setting(
        0,
        "Length of each member of a model soup: training begins anew so often, with the same weights, and the mean of "
        "the members' weights is kept; 0 trains once.",
        reason="fixed: one training has all the time",
        unit="iterations",
        ge=0,
    )
    optimiser: Literal["adamw", "adam", "sgd"] = setting(
        "adamw", "AdamW, Adam with L2 decay, or SGD with momentum.", reason="fixed: needs the least tuning"
    )
    lr: float = setting(6e-4, "Peak learning rate.", reason="fixed: for newly drawn weights", gt=0, le=1)
    head_lr_multiplier: float = setting(
        1.0, "Factor on the head's learning rate.", reason="fixed: all is new", gt=0, le=1000
    )
    encoder_lr_multiplier: float = setting(
        1.0, "Factor on the encoder's learning rate.", reason="fixed: the same for all", ge=0, le=1000
    )
    weight_decay: float = setting(
        0.05, "Weight decay, decoupled for AdamW.", reason="fixed: usual for transformers", ge=0, le=1
    )
    norm_decay_multiplier: float = setting(
        0.0, "Factor on the decay of norms.", reason="fixed: a scale is no weight", ge=0, le=1000
    )
    bias_decay_multiplier: float = setting(
        0.0, "Factor on the decay of biases.", reason="fixed: an offset is no weight", ge=0, le=1000
    )
    beta1: float = setting(
        0.9, "Decay of AdamW's and Adam's first moment, and SGD's momentum.", reason="fixed: usual", ge=0, lt=1
    )
    beta2: float = setting(
        0.99,
        "Decay of AdamW's and Adam's second moment.",
        reason="fixed: adapts within short schedules",
        gt=0,
        lt=1,
    )
    warmup_iterations: int = setting(
        300, "Linear rise of the learning rate.", reason="fixed: transformers diverge without", unit="iterations", ge=0
    )
    schedule: Literal["poly", "cosine", "constant"] = setting(
        "cosine", "Fall of the learning rate.", reason="fixed: spends longest near the peak and the end"
    )
    poly_power: float = setting(1.0, "Exponent of the poly schedule.", reason="fixed: Xie et al. 2021", gt=0, le=10)
    lr_min_frac: float = setting(
        0.01, "Last learning rate as a fraction of the peak.", reason="fixed: still moves at the end", ge=0, le=1
    )
    grad_clip: float = setting(
        1.0, "Largest norm of the gradient; 0 does not clip.", reason="fixed: usual for transformers", ge=0
    )
    ema_decay: float = setting(
        0.998,
        "Decay of the averaged weights, which are what is judged and kept; 0 averages nothing.",
        reason="fixed: averages about 500 iterations",
        ge=0,
        lt=1,
    )
    # What it is told
    cross_entropy_share: float = setting(
        1.0, "Factor on the cross-entropy.", reason="fixed: the base loss", ge=0, le=100
    )
    dice_share: float = setting(
        1.0, "Factor on the Dice loss.", reason="fixed: aims at the score, steadies rare classes", ge=0, le=100
    )
    lovasz_share: float = setting(
        0.0, "Factor on the Lovász-Softmax loss.", reason="fixed: off where all weights are newly drawn", ge=0, le=100
    )
    auxiliary_share: float = setting(
        0.4,
        "Factor on the loss of the auxiliary head, where the architecture has one; 0 builds none.",
        reason="fixed: Zhao et al. 2017",
        ge=0,
        le=100,
    )
    class_weights: ClassWeighting | tuple[Annotated[float, Field(ge=0)], ...] = setting(
        "none",
        "Cross-entropy weight per class: a list, a rule on the training pixels, or background_tenth: 0.1 for class 0, "
        "1 for the others.",
        reason="fixed: unbiased probabilities",
    )
    label_smoothing: float = setting(
        0.0, "Share of the target spread over all classes.", reason="fixed: off", ge=0, lt=1
    )
    # How photos are varied
    scale_min: float = setting(
        0.6,
        "Smallest random scale.",
        reason="fixed: a wider range learned slower in the first 600 iterations",
        gt=0,
        le=10,
    )
    scale_max: float = setting(
        1.7,
        "Largest random scale.",
        reason="fixed: a wider range learned slower in the first 600 iterations",
        gt=0,
        le=10,
    )
    aspect: float = setting(
        1.25, "Largest random stretch of one side against the other.", reason="fixed: mild", ge=1, le=4
    )
    rotation_deg: float = setting(
        10.0, "Largest random rotation either way.", reason="fixed: cameras tilt", unit="degrees", ge=0, le=180
    )
    flip_prob: float = setting(
        0.5, "Probability of mirroring left and right.", reason="fixed: both are as likely", ge=0, le=1
    )
    foreground_prob: float = setting(
        0.5, "Probability that a crop is centred on a pixel that is not class 0.", reason="fixed: half", ge=0, le=1
    )
    colour_prob: float = setting(0.8, "Probability of changing the colours.", reason="fixed: most photos", ge=0, le=1)
    brightness: float = setting(0.3, "Largest relative change of brightness.", reason="fixed: usual", ge=0, lt=1)
    contrast: float = setting(0.3, "Largest relative change of contrast.", reason="fixed: usual", ge=0, lt=1)
    saturation: float = setting(0.4, "Largest relative change of saturation.", reason="fixed: usual", ge=0, le=1)
    hue_deg: float = setting(15.0, "Largest rotation of hues.", reason="fixed: usual", unit="degrees", ge=0, le=180)
    blur_prob: float = setting(0.1, "Probability of a blur of up to 1.5 px.", reason="fixed: seldom", ge=0, le=1)
    noise_prob: float = setting(
        0.1, "Probability of Gaussian noise of up to 10 grey levels.", reason="fixed: seldom", ge=0, le=1
    )
    copy_paste_prob: float = setting(
        0.2,
        "Probability of pasting the objects of another photo.",
        reason="fixed: Ghiasi et al. 2021, mild",
        ge=0,
        le=1,
    )
    # How it is asked
    tta_scales: Annotated[tuple[Annotated[float, Field(ge=0.25, le=4)], ...], Field(min_length=1, max_length=8)] = (
        setting(
            (1.0,),
            "Scales at which a photo is predicted; the mean of the probabilities is the answer.",
            reason="fixed: once is fastest",
        )
    )
    tta_flip: bool = setting(
        False, "Predict each photo mirrored too, and take the mean.", reason="fixed: once is fastest"
    )
    # How it is run
    validation_interval: int = setting(
        400, "Iterations from one validation to the next.", reason="fixed: about 20 a training", unit="iterations", ge=1
    )
    validation_photos: int = setting(
        0,
        "Photos that a validation judges at most, spread evenly over all; 0 judges all.",
        reason="fixed: all of them",
        unit="photos",
        ge=0,
    )
    patience: int = setting(
        0,
        "Validations without a better mDice after which training stops; 0 never.",
        reason="fixed: a falling schedule improves last",
        unit="validations",
        ge=0,
    )
    seed: int = setting(0, "Seed of every random draw.", reason="fixed: any", ge=0, lt=2**31)
    threads: int = setting(2, "Threads of torch.", reason="fixed: two cores", unit="threads", ge=1, le=1024)
    precision: Literal["fp32", "bf16"] = setting("fp32", "Arithmetic of the network.", reason="fixed: runs everywhere")
    device: str = setting(
        "cpu", "cpu, cuda or cuda:N.", reason="fixed: runs everywhere", pattern=r"^(cpu|cuda(:\d+)?)$"
    )
    reasons: dict[str, str] = Field(default_factory=dict, exclude=True, description="Why settings have their values.")

    @model_validator(mode="after")
    def _ranges_fit(self) -> Recipe:
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min {self.scale_min} is above scale_max {self.scale_max}")
        if self.cross_entropy_share == self.dice_share == self.lovasz_share == 0:
            raise ValueError("cross_entropy_share, dice_share and lovasz_share are all 0: nothing would be learned")
        return self

    def _repr_html_(self) -> str:
        head = [say(f"notebook.{key}") for key in ("setting", "value", "reason")]
        rows = [[each.name, str(getattr(self, each.name)), self.reason(each.name)] for each in settings()]
        return html_table(head, rows)

    @property
    def photos_aside(self) -> tuple[str, ...]:
        """The ids in `set_aside`; none as long as it is a rule."""
        return () if isinstance(self.set_aside, str) else self.set_aside

    @property
    def final_length(self) -> int:
        """Iterations of the training after all changes of its length."""
        return self.length_changes[-1][1] if self.length_changes else self.iterations

    def members_after(self, iterations: int) -> int:
        """How many members of its soup a training has after so many iterations, the last by half its length; at least
        1, as where no soup is made."""
        each = self.soup_iterations
        return max(1, (2 * iterations + each) // (2 * each)) if each else 1

    @property
    def tta_work(self) -> float:
        """How many times the work of one look a photo takes where it is looked at in all ways."""
        return sum(scale**2 for scale in self.tta_scales) * (1 + self.tta_flip)

    def reason(self, name: str) -> str:
        """Why a setting has its value."""
        return self.reasons.get(name) or reason(Recipe, name)


def settings() -> list[Setting]:
    """All settings in the order in which they are declared."""
    return declared(Recipe)


def make_recipe(values: Mapping[str, Any], *, source: str, reasons: Mapping[str, str] | None = None) -> Recipe:
    """A recipe from values, refusing all wrong ones at once.

    Args:
        values: settings by name; those left out take their defaults.
        source: the file or option that they come from, for the message.
        reasons: why settings have their values.

    Raises:
        RecipeError: a name is unknown, a value is of the wrong type or out of range.
    """
    try:
        return Recipe.model_validate({**values, "reasons": dict(reasons or {})})
    except ValidationError as error:
        raise RecipeError(f"{source}: {problems(Recipe, error)}", do="All settings: docs/recipe.md") from None


def with_settings(recipe: Recipe, values: Mapping[str, Any], *, source: str, reason: str) -> Recipe:
    """A recipe with some settings replaced, each with the same reason."""
    merged = {**recipe.model_dump(), **values}
    return make_recipe(merged, source=source, reasons={**recipe.reasons, **dict.fromkeys(values, reason)})
