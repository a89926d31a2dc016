"""Weights of others: the same answers, and every tensor accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

import maskwright
from maskwright.errors import RecipeError, WeightsError
from maskwright.models import ARCHITECTURES, Architecture, build_model
from maskwright.models.loading import State, architecture_of, load_into, load_weights, read_state
from mmseg_fixtures import mmseg_answers, mmseg_state
from shared_data import shared


def relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(
    ("fixture", "name"), [("segformer_b0", "segformer-b0"), ("deeplabv3plus_r18", "deeplabv3plus-r18")]
)
def test_weights_of_mmsegmentation_answer_as_there(fixture: str, name: str) -> None:
    model = maskwright.build_model(name, classes=3)
    loaded = maskwright.load_weights(model, mmseg_state(fixture))
    assert (loaded.left_out, loaded.new) == ({}, {}) and set(loaded.loaded) == set(model.state_dict())
    model.eval()
    answers = mmseg_answers(fixture)
    assert len(answers) == 3
    for images, logits in answers.values():
        with torch.inference_mode():
            assert relative(model(torch.from_numpy(images)), torch.from_numpy(logits)) < 1e-5


def test_the_checkpoint_that_mmsegmentation_cannot_load_itself() -> None:
    model = build_model("segformer-b0", classes=3)
    loaded = load_weights(model, shared("fixtures", "mmseg", "mmengine_real_best.pth"))
    assert loaded.origin == "SegFormer of MMSegmentation" and not loaded.new and not loaded.left_out
    held = torch.load(shared("fixtures", "mmseg", "mmengine_real_best_io.pt"), weights_only=True)
    images = held["input"]
    logits = held["logits"]
    with torch.inference_mode():
        answered = model.eval()(images.float())
    assert relative(answered, logits.float()) < 1e-4
    assert torch.equal(answered.argmax(1), logits.argmax(1))


def test_mobilenetv2_is_what_its_file_says() -> None:
    """The encoder's maps, computed anew from the tensors of the file alone, with TensorFlow's padding."""
    path = shared("pretrained", "mobilenetv2_1.0_imagenet.safetensors")
    model = build_model("mlp-mobilenetv2", classes=3)
    loaded = load_weights(model, path)
    assert loaded.options == {"form": "tensorflow"} and len(loaded.loaded) == 260
    assert set(loaded.new.values()) == {
        "the file holds no head for this architecture",
        "a counter that the file leaves out",
    }
    held = {key: tensor.float() for key, tensor in load_file(path).items()}
    images = torch.rand(2, 3, 96, 131, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        maps = model.eval().encoder(images)
        expected = plain_mobilenetv2(held, images)
    assert [tuple(one.shape) for one in maps] == [tuple(one.shape) for one in expected]
    assert all(relative(a, b) < 1e-4 for a, b in zip(maps, expected, strict=True))


def plain_mobilenetv2(held: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    def conv(x: Tensor, key: str, norm: str, stride: int = 1) -> Tensor:
        weight = held[f"{key}.weight"]
        kernel = weight.shape[2]
        pads = []
        for size in (x.shape[3], x.shape[2]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        groups = x.shape[1] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
        x = functional.conv2d(functional.pad(x, pads), weight, stride=stride, groups=groups)
        scale = held[f"{norm}.weight"] / (held[f"{norm}.running_var"] + 1e-5).sqrt()
        shift = held[f"{norm}.bias"] - held[f"{norm}.running_mean"] * scale
        return x * scale[:, None, None] + shift[:, None, None]

    x, maps = functional.relu6(conv(images, "features.0.0", "features.0.1", 2)), []
    for place in range(1, 18):
        key, before = f"features.{place}.conv", x
        stride = 2 if place in (2, 4, 7, 14) else 1
        if stride == 2:
            maps.append(x)
        if place > 1:
            x = functional.relu6(conv(x, f"{key}.0.0", f"{key}.0.1"))
        inner = 1 if place > 1 else 0
        x = functional.relu6(conv(x, f"{key}.{inner}.0", f"{key}.{inner}.1", stride))
        x = conv(x, f"{key}.{inner + 1}", f"{key}.{inner + 2}")
        if stride == 1 and x.shape == before.shape:
            x = x + before
    last = functional.relu6(conv(x, "features.18.0", "features.18.1"))
    return [*maps[1:], last]


def test_the_architecture_is_found_that_fits_the_weights() -> None:
    for fixture, name in (("segformer_b0", "segformer-b0"), ("deeplabv3plus_r18", "deeplabv3plus-r18")):
        state = State({key: torch.as_tensor(tensor) for key, tensor in mmseg_state(fixture).items()})
        architecture, fit = architecture_of(state, classes=5, source="test")
        assert architecture.name == name
        assert {key.split(".")[-2] for key in fit.new} == {"classifier"}
    state = read_state(shared("pretrained", "mobilenetv2_1.0_imagenet.safetensors"))
    assert architecture_of(state, classes=5, source="t")[0] == Architecture(
        "mlp-mobilenetv2", 5, {"form": "tensorflow"}
    )


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name[-2:] not in ("b3", "b4", "b5", "01")])
def test_own_weights_come_back_whatever_the_classes(name: str) -> None:
    source, other = build_model(name, classes=3), build_model(name, classes=7)
    loaded = load_weights(other, source.state_dict())
    assert {key.split(".")[-2] for key in loaded.new} == {"classifier"}
    assert "the file tells 3 classes apart, the model 7" in loaded.new.values()
    same = build_model(name, classes=3)
    assert not load_weights(same, source.state_dict()).new
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(source.eval()(images), same.eval()(images))


def test_names_do_not_tell_the_padding_so_a_model_keeps_its_own() -> None:
    state = build_model("mlp-mobilenetv2", classes=2).encoder.state_dict()
    for form in ("own", "tensorflow"):
        model = build_model("mlp-mobilenetv2", classes=2, form=form)
        assert load_weights(model, state).options == {} and model.architecture.options["form"] == form


def test_a_head_that_another_form_has_not_goes() -> None:
    theirs = build_model("deeplabv3plus-mobilenetv2", classes=3, form="huggingface")
    model = build_model("deeplabv3plus-mobilenetv2", classes=3)
    loaded = load_weights(model, theirs.state_dict())
    assert loaded.options == {"form": "huggingface"} and model.auxiliary is None
    assert {*loaded.loaded, *loaded.new} == set(model.state_dict())
    back = load_weights(model, build_model("deeplabv3plus-mobilenetv2", classes=3).state_dict())
    assert back.options == {"form": "own"} and model.auxiliary is not None and not back.new


def test_what_torch_load_gives_is_taken_as_it_is(tmp_path: Path) -> None:
    state = build_model("mlp-r18", classes=3).state_dict()
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    loaded = load_weights(build_model("mlp-r18", classes=3), {"state_dict": wrapped, "epoch": 3})
    assert not loaded.new and loaded.place == "state_dict; 'module.' taken off every name"
    torch.save({"model": build_model("mlp-r18", classes=3).state_dict()}, tmp_path / "a.pth")
    content = torch.load(tmp_path / "a.pth", weights_only=True)
    assert not load_weights(build_model("mlp-r18", classes=3), content).new
    for wrong in (None, 3, [1], build_model("mlp-r18", classes=3)):
        with pytest.raises(WeightsError, match="expected: tensors by name"):
            load_weights(build_model("mlp-r18", classes=3), wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float) -> None:
    state = build_model("mlp-r18", classes=3).state_dict()
    state["encoder.conv1.weight"][0, 0, 0, 0] = value
    with pytest.raises(WeightsError, match=r"encoder.conv1.weight: holds numbers that are not finite"):
        load_weights(build_model("mlp-r18", classes=3), state)


@pytest.mark.parametrize(
    "about",
    [
        "[" * 100_000,
        '{"model": "segformer-b0", "options": {"decoder_channels": "x"}}',
        '{"model": "segformer-b0", "options": {"decoder_channels": 1e9}}',
        '{"model": "segformer-b0", "options": {"form": ["own"]}}',
        '{"model": "segformer-b0", "options": 3}',
        '{"model": "os:_exit"}',
        '{"model": 3}',
    ],
    ids=lambda about: about[:60],
)
def test_what_a_file_says_of_itself_is_not_trusted(about: str, tmp_path: Path) -> None:
    model = build_model("segformer-b0", classes=3)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, tmp_path / "a.safetensors", {"maskwright": about})
    architecture, fit = architecture_of(read_state(tmp_path / "a.safetensors"), classes=3, source="a")
    assert architecture.name == "segformer-b0" and not fit.new


@pytest.mark.parametrize(
    ("classes", "options"),
    [(0, {}), (-1, {}), ("3", {}), (3, {"output_stride": 4}), (3, {"decoder_channels": -1}), (3, {"drop_path": 5})],
)
def test_what_no_model_can_be_built_of_is_refused(classes: int, options: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        build_model("segformer-b0" if "drop_path" in options else "deeplabv3plus-r18", classes=classes, **options)


def test_a_classifier_of_whole_images_is_left_out() -> None:
    """As MMPretrain's checkpoints have it, which MMSegmentation's configs start from."""
    state = {name: one for name, one in mmseg_state("deeplabv3plus_r18").items() if name.startswith("backbone.")}
    state |= {"head.fc.weight": torch.zeros(1000, 512), "head.fc.bias": torch.zeros(1000)}
    loaded = load_weights(build_model("deeplabv3plus-r18", classes=3), state)
    assert set(loaded.left_out.values()) == {"classifies whole images"} and len(loaded.left_out) == 2


def test_the_complaint_is_about_the_form_that_is_nearest() -> None:
    state = build_model("mlp-r50", classes=3).encoder.state_dict()  # torchvision's names
    state["layer1.0.conv1.weight"] = torch.zeros(1)
    with pytest.raises(
        WeightsError, match=r"found: encoder.layer1.0.conv1.weight: expected \(64, 64, 1, 1\)"
    ) as caught:
        load_weights(build_model("deeplabv3plus-r50", classes=3), state)
    assert "stem" not in str(caught.value)


def test_an_encoder_goes_into_another_architecture_and_its_head_is_left_out() -> None:
    model = build_model("mlp-r18", classes=3)
    loaded = load_weights(model, mmseg_state("deeplabv3plus_r18"))
    assert loaded.options == {"form": "mmsegmentation"}
    assert set(loaded.left_out.values()) == {"the head of another architecture"}
    assert all(key.startswith("encoder.") for key in loaded.loaded)
    assert all(key.startswith("head.") for key in loaded.new)


def test_a_decoder_of_another_width_is_taken_on() -> None:
    wide = build_model("segformer-b0", classes=3, decoder_channels=64)
    model = build_model("segformer-b0", classes=3)
    assert load_weights(model, wide.state_dict()).options == {"decoder_channels": 64}
    assert model.architecture.options["decoder_channels"] == 64


def test_what_does_not_fit_is_an_error_that_names_it() -> None:
    model = build_model("segformer-b0", classes=3)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    state = mmseg_state("segformer_b0")
    short = {key: tensor for key, tensor in state.items() if key != "backbone.layers.2.1.0.norm1.weight"}
    with pytest.raises(
        WeightsError, match=r"encoder.stages.2.blocks.0.norm1.weight: expected \(160,\), found not there"
    ):
        load_weights(model, short)
    bent = {**state, "backbone.layers.0.0.norm.bias": state["backbone.layers.0.0.norm.bias"][:5]}
    with pytest.raises(WeightsError, match=r"norm.bias: expected \(32,\), found \(5,\)"):
        load_weights(model, bent)
    with pytest.raises(WeightsError, match=r"1 tensors are not known of SegFormer of MMSegmentation"):
        load_weights(model, {**state, "decode_head.surprise.weight": state["decode_head.conv_seg.bias"]})
    with pytest.raises(WeightsError, match="of no origin that is known here"):
        load_weights(model, {"weight": torch.zeros(3)})
    with pytest.raises(WeightsError, match="do not fit deeplabv3plus-r18"):
        load_weights(build_model("deeplabv3plus-r18", classes=3), state)
    with pytest.raises(WeightsError, match="was not built by build_model"):
        load_weights(torch.nn.Linear(2, 2), state)
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items()), "nothing was changed"


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    model = build_model("mlp-mobilenetv2", classes=2)
    with pytest.raises(WeightsError, match="no such file"):
        load_weights(model, tmp_path / "missing.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(WeightsError, match=r"bad\.safetensors: cannot be read as safetensors"):
        load_weights(model, tmp_path / "bad.safetensors")


def test_a_runs_own_weights_have_to_fit_exactly(tmp_path: Path) -> None:
    model = build_model("mlp-mobilenetv2", classes=2)
    save_file({key: one.contiguous() for key, one in model.state_dict().items()}, tmp_path / "own.safetensors")
    load_into(model, tmp_path / "own.safetensors")
    with pytest.raises(WeightsError, match=r"classifier.*differences"):
        load_into(build_model("mlp-mobilenetv2", classes=3), tmp_path / "own.safetensors")
