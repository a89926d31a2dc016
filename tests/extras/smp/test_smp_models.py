"""Models of segmentation_models_pytorch: built, asked, filled with weights, refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from hub_cache import COMMIT, use_cache, write_repository
from maskwright.errors import RecipeError, WeightsError
from maskwright.models import build_model
from maskwright.models.layers import BatchNorm, settle_norms
from maskwright.models.loading import load_weights
from maskwright.models.smp import check_name, package
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.training.checkpoint import save_weights
from maskwright.training.initial import load_initial
from maskwright.training.optimiser import make_optimiser
from maskwright.workflow.start import choose_start, settled
from randomised import randomise, relative

smp = package()

import timm  # noqa: E402
import torchvision  # noqa: E402

ARCHITECTURES = [one.__name__ for one in smp.MODEL_ARCHITECTURES_MAPPING.values()]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_takes_any_size_and_a_batch_of_one(architecture: str) -> None:
    encoder = "tu-vit_tiny_patch16_224" if architecture == "DPT" else "resnet18"
    torch.manual_seed(0)
    model = build_model(f"smp:{architecture}/{encoder}", classes=3)
    assert {name.partition(".")[0] for name, _ in model.named_parameters()} == {"encoder", "decoder", "head"}
    images = torch.randn(1, 3, 97, 131)
    model.train()(images).sum().backward()
    assert all(torch.isfinite(one.grad).all() for one in model.parameters() if one.grad is not None)
    with torch.inference_mode():
        logits = model.eval()(torch.randn(1, 3, 33, 47))
    assert isinstance(logits, Tensor) and logits.shape == (1, 3, 33, 47) and logits.dtype == torch.float32


@pytest.mark.parametrize(
    "name",
    [
        "Unet/tu-mobilenetv3_small_050",
        "FPN/tu-convnext_atto",
        "Segformer/mit_b0",
        "DeepLabV3Plus/tu-efficientnet_b0",
        "Unet/tu-swin_tiny_patch4_window7_224",  # takes any size when it is told so
        "Unet/tu-efficientformerv2_s0",  # takes one size only
    ],
)
def test_encoders_of_several_kinds(name: str) -> None:
    torch.manual_seed(0)
    model = build_model(f"smp:{name}", classes=4)
    logits = model.train()(torch.randn(2, 3, 130, 100))
    assert logits.shape == (2, 4, 130, 100)
    assert (model.fixed_hw is not None) == ("efficientformer" in name)


@pytest.mark.parametrize("name", ["Unet/resnet18", "FPN/tu-mobilenetv3_small_050", "DeepLabV3Plus/tu-resnet18"])
def test_it_answers_as_the_packages_own_model(name: str) -> None:
    """Nothing that was changed for training here changes what is computed."""
    torch.manual_seed(0)
    ours = randomise(build_model(f"smp:{name}", classes=3))
    architecture, _, encoder = name.partition("/")
    theirs = smp.create_model(architecture, encoder_name=encoder, encoder_weights=None, classes=3).eval()
    names = {
        key: key.replace("head.", "segmentation_head.") if key[:5] == "head." else key for key in ours.state_dict()
    }
    theirs.load_state_dict({names[key]: one for key, one in ours.state_dict().items()})
    images = torch.randn(2, 3, 128, 160)
    with torch.inference_mode():
        assert relative(ours(images), theirs(images)) < 1e-5


def test_the_norms_are_ours_timms_with_an_activation_too() -> None:
    model = build_model("smp:Unet/tu-mobilenetv3_small_050", classes=3)
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    assert norms and all(isinstance(one, BatchNorm) for one in norms)
    assert settle_norms(model.encoder, "frozen") > 20
    before = {name: one.clone() for name, one in model.encoder.named_buffers()}
    model.train()(torch.randn(2, 3, 128, 128))
    assert all(torch.equal(one, before[name]) for name, one in model.encoder.named_buffers())


def test_encoder_and_head_learn_at_rates_of_their_own() -> None:
    model = build_model("smp:Unet/resnet18", classes=3)
    optimiser = make_optimiser(model, Recipe(encoder_lr_multiplier=0.1, head_lr_multiplier=10))
    count = dict.fromkeys((0.1, 10.0), 0)
    for group in optimiser.param_groups:
        count[group["lr_factor"]] += sum(one.numel() for one in group["params"])
    assert count[0.1] == sum(one.numel() for one in model.encoder.parameters())
    assert sum(count.values()) == sum(one.numel() for one in model.parameters())


def test_it_can_be_exported() -> None:
    model = build_model("smp:Unet/resnet18", classes=3).eval()
    images = torch.randn(1, 3, 96, 100)
    with torch.inference_mode():
        assert relative(torch.export.export(model, (images,), strict=False).module()(images), model(images)) < 1e-5


# Weights


@pytest.mark.parametrize(("name", "make"), [("resnet18", torchvision.models.resnet18), ("tu-resnet18", None)])
def test_published_weights_of_an_encoder(name: str, make: object) -> None:
    torch.manual_seed(0)
    theirs = randomise(make() if callable(make) else timm.create_model("resnet18"))
    model = build_model(f"smp:FPN/{name}", classes=3)
    loaded = load_weights(model, theirs.state_dict())
    assert set(loaded.left_out) == {"fc.weight", "fc.bias"}
    assert set(loaded.loaded) == {key for key in model.state_dict() if key.startswith("encoder.")}
    assert set(loaded.new.values()) == {
        f"the file holds no {part} for this architecture" for part in ("decoder", "head")
    }
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        last = model.eval().encoder(images)[-1]
        x = theirs.maxpool(theirs.bn1(theirs.conv1(images)).relu())
        assert relative(last, theirs.layer4(theirs.layer3(theirs.layer2(theirs.layer1(x))))) < 1e-5


@pytest.mark.parametrize("name", ["resnet18", "tu-resnet18"])
def test_weights_with_a_gap_are_refused(name: str) -> None:
    state = dict(torchvision.models.resnet18().state_dict())
    del state["layer3.0.conv1.weight"]
    with pytest.raises(WeightsError, match=r"these weights do not fit the encoder.\n.*layer3.0.conv1.weight"):
        load_weights(build_model(f"smp:FPN/{name}", classes=3), state, source="mine.pth")


def test_weights_of_an_earlier_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    earlier = randomise(build_model("smp:FPN/resnet18", classes=3))
    recipe = make_recipe({"model": "smp:FPN/resnet18"}, source="test")
    save_weights(earlier, tmp_path / "best.safetensors", recipe=recipe, initial={}, about={})
    same = build_model("smp:FPN/resnet18", classes=3)
    loaded = load_weights(same, tmp_path / "best.safetensors")
    assert (loaded.origin, dict(loaded.new), dict(loaded.left_out)) == ("Maskwright", {}, {})
    assert all(torch.equal(one, same.state_dict()[key]) for key, one in earlier.state_dict().items())
    loaded = load_weights(build_model("smp:FPN/resnet18", classes=5), tmp_path / "best.safetensors")
    assert dict(loaded.new) == dict.fromkeys(
        ("head.0.weight", "head.0.bias"), "the file tells 3 classes apart, the model 5"
    )
    with pytest.raises(WeightsError, match="do not fit smp:Unet/resnet18"):
        load_weights(build_model("smp:Unet/resnet18", classes=3), tmp_path / "best.safetensors")


def test_a_state_dict_of_the_package(tmp_path: Path) -> None:
    theirs = randomise(smp.create_model("FPN", encoder_name="resnet18", encoder_weights=None, classes=3))
    torch.save(theirs.state_dict(), tmp_path / "fpn.pth")
    model = build_model("smp:FPN/resnet18", classes=3)
    loaded = load_weights(model, tmp_path / "fpn.pth")
    assert not loaded.new and not loaded.left_out and set(loaded.loaded) == set(model.state_dict())
    images = torch.randn(1, 3, 128, 128)
    with torch.inference_mode():
        assert relative(model.eval()(images), theirs.eval()(images)) < 1e-5


def test_imagenet_weights_are_taken_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = use_cache(tmp_path, monkeypatch)
    place = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    theirs = randomise(torchvision.models.resnet18()).state_dict()
    about = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "input_space": "RGB", "input_range": [0, 1]}
    files = {"config.json": json.dumps(about).encode(), "model.safetensors": save(theirs)}
    write_repository(cache, place["repo_id"], files, commit=place["revision"])
    recipe = settled(Recipe(model="smp:Unet/resnet18", weights="imagenet"), classes=3)
    assert recipe.weights == f"hf:{place['repo_id']}@{place['revision']}" and len(recipe.weights_digest) == 64
    assert recipe.mean_rgb == pytest.approx((127.5, 102.0, 76.5)) and recipe.std_rgb == pytest.approx((51.0,) * 3)
    assert recipe.reason("weights").endswith("licence not stated, commercial use not stated")
    model = build_model(recipe.model, classes=3)
    said = load_initial(model, recipe)
    assert torch.equal(model.encoder.layer1[0].conv1.weight, theirs["layer1.0.conv1.weight"])
    assert (said["licence"], said["loaded"]) == ("not stated", len(model.encoder.state_dict()))


def test_imagenet_weights_of_timm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = use_cache(tmp_path, monkeypatch)
    theirs = randomise(timm.create_model("vit_tiny_patch16_224")).state_dict()
    card = b"---\nlicense: apache-2.0\nlibrary_name: timm\n---\n# A model\n"
    name = "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    write_repository(cache, name, {"README.md": card, "model.safetensors": save(theirs)})
    chosen = choose_start({"model": "smp:DPT/tu-vit_tiny_patch16_224", "weights": "imagenet"}, classes=3)
    assert chosen["weights"] == (f"hf:{name}@{COMMIT}", f"rule: hf:{name}@{COMMIT}: licence Apache-2.0")
    assert chosen["mean_rgb"][0] == pytest.approx((127.5,) * 3)


def test_imagenet_weights_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(tmp_path, monkeypatch)
    for name, file in (("resnet18", "config.json"), ("tu-resnet18", "model.safetensors")):
        with pytest.raises(WeightsError, match=rf"{file}.* is not in the hub's cache, and the network is forbidden."):
            choose_start({"model": f"smp:Unet/{name}", "weights": "imagenet"}, classes=3)
    for name, found in (("resnext101_32x4d", "published are only ssl, swsl"), ("tu-resnet14d", "has none of it")):
        with pytest.raises(
            WeightsError, match=rf"there are none for the encoder of smp:Unet/{name}.\n  found: .*{found}"
        ):
            choose_start({"model": f"smp:Unet/{name}", "weights": "imagenet"}, classes=3)
    with pytest.raises(WeightsError, match="is for models of segmentation_models_pytorch"):
        choose_start({"model": "mlp-r18", "weights": "imagenet"}, classes=3)


def test_nothing_is_taken_unasked() -> None:
    chosen = choose_start({"model": "smp:Unet/resnet18"}, classes=3)
    assert chosen["weights"][0] == "none" and "weights: imagenet takes the encoder's own" in chosen["weights"][1]


# What is refused


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Unet", "names no encoder.\n  expected: smp:Architecture/encoder, for instance smp:Unet/resnet34"),
        ("Unett/resnet18", "has no architecture Unett.\n  Did you mean Unet"),
        ("Unet/resnet81", "there is no encoder resnet81.\n  Did you mean resnet18"),
        ("Unet/tu-convnext_tinny", "there is no encoder tu-convnext_tinny.\n  Did you mean tu-convnext_tiny"),
        ("Unet/tu-resnet18.nonsense", "there is no encoder tu-resnet18.nonsense.\n  Did you mean tu-resnet18"),
        ("Unet/tu-hf-hub:owner/name", "there is no encoder tu-hf-hub:owner/name."),
        ("Unet/../x", "there is no encoder ../x.\n  timm's are called tu-NAME"),
    ],
)
def test_names_that_are_not_there(name: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_name(name)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["Linknet/mit_b0", "DPT/resnet18", "Unet/tu-vit_tiny_patch16_224"])
def test_an_encoder_that_does_not_go_with_the_architecture(name: str) -> None:
    with pytest.raises(RecipeError, match="this encoder does not go with this architecture"):
        build_model(f"smp:{name}", classes=3)


def test_settings_that_it_has_not() -> None:
    with pytest.raises(RecipeError, match="output_stride=8: smp:Unet/resnet18 has no such setting"):
        build_model("smp:Unet/resnet18", classes=3, output_stride=8)


# torchvision


def test_the_core_does_not_import_torchvision() -> None:
    code = """
import sys, maskwright
maskwright.build_model("segformer-b0", classes=3)
import maskwright.cli.main, maskwright.workflow.run, maskwright.training.loop, maskwright.inference.load
print([name for name in ("torchvision", "timm", "segmentation_models_pytorch") if name in sys.modules])
"""
    assert printed(code) == "[]"


def test_torchvision_is_declared_only_where_it_cannot_be_imported_otherwise(tmp_path: Path) -> None:
    works = (
        "from maskwright.models import smp\nsmp.import_torchvision()\nimport torchvision\n"
        "print(torchvision.__version__, len(smp._definitions))"
    )
    try:
        printed("import torchvision")
        needed = 0
    except AssertionError as error:
        assert "operator torchvision::nms does not exist" in str(error)
        needed = 1
    assert printed(works).endswith(f" {needed}")
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text('__version__ = "mine"')
    assert printed(works, tmp_path) == "mine 0"
    (tmp_path / "torchvision" / "__init__.py").write_text('raise RuntimeError("something else")')
    with pytest.raises(AssertionError, match="something else"):
        printed(works, tmp_path)


def printed(code: str, *path: Path) -> str:
    before = "".join(f"import sys; sys.path.insert(0, {str(one)!r})\n" for one in path)
    ended = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
