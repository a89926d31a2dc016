"""Models of transformers out of repositories on disk: built, filled, asked, refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional
from transformers import CONFIG_MAPPING, AutoModelForSemanticSegmentation, SegformerForImageClassification

from hub_cache import COMMIT, use_cache, write_repository
from maskwright.errors import RecipeError, RunError, WeightsError
from maskwright.inference.load import load
from maskwright.models import build_for, build_model
from maskwright.models.huggingface import published
from maskwright.models.loading import load_weights
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.training.checkpoint import save_weights
from maskwright.training.initial import load_initial
from maskwright.training.optimiser import make_optimiser
from maskwright.workflow.start import choose_start, settled
from randomised import randomise, relative

STAGES = ["stage1", "stage2", "stage3", "stage4"]
VIT = {
    "image_size": 64,
    "patch_size": 16,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
SMALL: dict[str, dict[str, Any]] = {
    "segformer": {
        "depths": [1] * 4,
        "hidden_sizes": [8, 16, 16, 32],
        "num_attention_heads": [1, 1, 2, 2],
        "decoder_hidden_size": 16,
    },
    "upernet": {
        "backbone_config": {
            "model_type": "convnext",
            "depths": [1, 1, 2, 1],
            "hidden_sizes": [8, 16, 16, 32],
            "out_features": STAGES,
        },
        "hidden_size": 16,
        "auxiliary_channels": 8,
        "auxiliary_in_channels": 16,
    },
    "beit": {**VIT, "out_indices": [1, 2, 3, 4], "auxiliary_channels": 8, "use_relative_position_bias": True},
    "data2vec-vision": {**VIT, "out_indices": [1, 2, 3, 4], "auxiliary_channels": 8},
    "dpt": {**VIT, "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 8},
    "mobilenet_v2": {"depth_multiplier": 0.35, "output_stride": 16},
    "mobilevit": {
        "hidden_sizes": [16, 24, 32],
        "neck_hidden_sizes": [8, 8, 8, 16, 16, 16, 32],
        "aspp_out_channels": 16,
    },
    "mobilevitv2": {"width_multiplier": 0.25},
}
HALVES = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.25, 0.5], "do_normalize": True}
BLUE_FIRST = {"do_rescale": True, "do_normalize": False, "do_flip_channel_order": True}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return use_cache(tmp_path / "huggingface", monkeypatch)


def repository(cache: Path, kind: str, *, classes: int = 5, name: str = "", **files: bytes) -> nn.Module:
    """A repository of a small model, called own/KIND; the model."""
    torch.manual_seed(0)
    config = CONFIG_MAPPING[kind](num_labels=classes, **SMALL[kind])
    model = randomise(AutoModelForSemanticSegmentation.from_config(config))
    said = BLUE_FIRST if kind.startswith("mobilevit") else HALVES
    held = {
        "config.json": json.dumps(config.to_dict()).encode(),
        "preprocessor_config.json": json.dumps(said).encode(),
        "model.safetensors": save(model.state_dict()),
    }
    changed = {file.replace("__", "."): content for file, content in files.items()}
    whole = {file: content for file, content in {**held, **changed}.items() if content}
    write_repository(cache, name or f"own/{kind}", whole)
    return model


def planned(kind: str, *, classes: int = 3, **settings: Any) -> Recipe:
    return settled(Recipe(model=f"hf:own/{kind}", **{"weights": "auto", **settings}), classes=classes)


def filled(recipe: Recipe, *, classes: int = 3) -> tuple[nn.Module, dict[str, Any]]:
    model = build_for(recipe, classes=classes)
    return model.eval(), load_initial(model, recipe)


@pytest.mark.parametrize("kind", SMALL)
def test_a_repository_answers_as_in_transformers(kind: str, cache: Path) -> None:
    theirs = repository(cache, kind)
    ours, said = filled(planned(kind, classes=5), classes=5)
    assert (said["origin"], said["new"]) == ("Hugging Face transformers", {})
    assert all("auxiliary_head." in name or "pooler" in name for name in said["left_out"])
    size = ours.fixed_hw or (128, 160)
    assert (ours.fixed_hw is not None) == (kind in ("data2vec-vision", "dpt"))
    images = torch.randn(2, 3, *size)
    with torch.no_grad():  # and not inference_mode, from which BEiT would keep what the next test trains with
        logits = theirs(images.flip(1) if kind.startswith("mobilevit") else images).logits
        expected = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
    with torch.inference_mode():
        assert relative(ours(images), expected) < 1e-5


@pytest.mark.parametrize("kind", SMALL)
def test_it_trains_on_other_classes_at_any_size_and_a_batch_of_one(kind: str, cache: Path) -> None:
    repository(cache, kind)
    model, said = filled(planned(kind))
    assert 0 < len(said["new"]) <= 2 and set(said["new"].values()) == {"the file tells 5 classes apart, the model 3"}
    assert {name.partition(".")[0] for name, _ in model.named_parameters()} == {"encoder", "head"}
    logits = model.train()(torch.randn(1, 3, 97, 131))
    assert isinstance(logits, Tensor) and logits.shape == (1, 3, 97, 131)
    logits.square().sum().backward()
    assert sum(bool(one.grad is not None and one.grad.abs().sum() > 0) for one in model.parameters()) > 20
    assert model.eval()(torch.randn(1, 3, 33, 40)).shape == (1, 3, 33, 40)


def test_the_recipe_holds_the_architecture(cache: Path, tmp_path: Path) -> None:
    repository(cache, "upernet")
    recipe = planned("upernet")
    assert recipe.weights == f"hf:own/upernet@{COMMIT}" and len(recipe.weights_digest) == 64
    assert recipe.mean_rgb == (127.5,) * 3 and recipe.std_rgb == (127.5, 63.75, 127.5)
    assert recipe.reason("architecture_config") == f"measured: what hf:own/upernet says of itself, commit {COMMIT[:12]}"
    said = json.loads(recipe.architecture_config)
    assert said["backbone_config"]["depths"] == [1, 1, 2, 1]
    assert not {"id2label", "label2id", "num_labels", "architectures", "dtype"} & (
        said.keys() | said["backbone_config"].keys()
    )
    write_recipe(recipe, tmp_path / "recipe.yaml")
    assert read_recipe(tmp_path / "recipe.yaml").model_dump() == recipe.model_dump()
    use_cache(tmp_path / "elsewhere", pytest.MonkeyPatch())
    assert build_for(read_recipe(tmp_path / "recipe.yaml"), classes=3)
    with pytest.raises(
        RecipeError, match="architecture_config is empty, and nothing is looked up when a model is built"
    ):
        build_model("hf:own/upernet", classes=3)


def test_photos_whose_blue_comes_first(cache: Path) -> None:
    repository(cache, "mobilevit")
    recipe = planned("mobilevit")
    assert (recipe.mean_rgb, recipe.std_rgb) == ((0.0,) * 3, (255.0,) * 3)
    assert json.loads(recipe.architecture_config)["channel_order"] == "bgr"


def test_planning_and_newly_drawn_weights(cache: Path) -> None:
    repository(cache, "segformer", model__safetensors=b"")
    chosen = choose_start({"model": "hf:own/segformer", "weights": "none"}, classes=3)
    assert chosen["weights"][0] == "none" and chosen["std_rgb"][0] == (127.5, 63.75, 127.5)
    with pytest.raises(
        WeightsError, match=r"hf:own/segformer: model.safetensors or pytorch_model.bin is not in the hub's"
    ):
        choose_start({"model": "hf:own/segformer"}, classes=3)
    kept = choose_start({"model": "hf:own/segformer", "weights": "none", "mean_rgb": (1.0, 2.0, 3.0)}, classes=3)
    assert "mean_rgb" not in kept and "architecture_config" in kept


def test_encoder_and_head_learn_at_rates_of_their_own(cache: Path) -> None:
    repository(cache, "upernet")
    model, _ = filled(planned("upernet"))
    optimiser = make_optimiser(model, Recipe(encoder_lr_multiplier=0.1, head_lr_multiplier=10))
    count = dict.fromkeys((0.1, 10.0), 0)
    for group in optimiser.param_groups:
        count[group["lr_factor"]] += sum(one.numel() for one in group["params"])
    assert count[0.1] == sum(one.numel() for one in model.encoder.parameters())
    assert sum(count.values()) == sum(one.numel() for one in model.parameters())


def test_it_can_be_exported(cache: Path) -> None:
    repository(cache, "segformer")
    model, _ = filled(planned("segformer"))
    images = torch.randn(1, 3, 96, 100)
    with torch.inference_mode():
        assert relative(torch.export.export(model, (images,), strict=False).module()(images), model(images)) < 1e-5


# Weights from elsewhere


def test_a_pickled_checkpoint_is_read_and_not_run(cache: Path, tmp_path: Path) -> None:
    state, file = repository(cache, "segformer").state_dict(), io.BytesIO()
    torch.save(state, file)
    repository(cache, "segformer", model__safetensors=b"", pytorch_model__bin=file.getvalue(), name="own/pickled")
    recipe = settled(Recipe(model="hf:own/pickled", weights="auto"), classes=5)
    model, said = filled(recipe, classes=5)
    assert not said["new"]
    weight = "decode_head.classifier.weight"
    assert torch.equal(model.state_dict()[f"head.{weight}"], state[weight])

    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({**state, "payload": Payload()}, file := io.BytesIO())
    repository(cache, "segformer", model__safetensors=b"", pytorch_model__bin=file.getvalue(), name="own/evil")
    with pytest.raises(WeightsError, match="is read without running it"):
        settled(Recipe(model="hf:own/evil", weights="auto"), classes=5)
    assert not (tmp_path / "ran").exists()


def test_an_encoder_that_classified(cache: Path) -> None:
    torch.manual_seed(0)
    config = CONFIG_MAPPING["segformer"](**SMALL["segformer"])
    classifier = randomise(SegformerForImageClassification(config))
    repository(cache, "segformer", model__safetensors=save(classifier.state_dict()))
    model, said = filled(planned("segformer"))
    assert set(said["left_out"]) == {"classifier.weight", "classifier.bias"}
    assert {name.partition(".")[0] for name in said["new"]} == {"head"}
    assert set(said["new"].values()) == {"the file holds no head for this architecture"}
    theirs = classifier.state_dict()["segformer.stages.0.patch_embeddings.proj.weight"]
    assert torch.equal(model.state_dict()["encoder.stages.0.patch_embeddings.proj.weight"], theirs)


def test_an_earlier_run_and_another_repository(cache: Path, tmp_path: Path) -> None:
    repository(cache, "segformer")
    model, _ = filled(planned("segformer"))
    recipe = planned("segformer")
    save_weights(randomise(model), tmp_path / "best.safetensors", recipe=recipe, initial={}, about={})
    again, said = filled(planned("segformer", weights=str(tmp_path / "best.safetensors")))
    assert (said["origin"], said["new"], said["left_out"]) == ("Maskwright", {}, {})
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in model.state_dict().items())
    repository(cache, "segformer", name="other/one", classes=3)
    _, said = filled(planned("segformer", weights="hf:other/one"))
    assert said["name"] == f"hf:other/one@{COMMIT}" and not said["new"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.pop("segformer.stages.1.layer_norm.weight"),
            "encoder.stages.1.layer_norm.weight: expected (16,)",
        ),
        (
            lambda state: state.pop("decode_head.linear_fuse.weight"),
            "linear_fuse.weight: expected (16, 64, 1, 1), found not there",
        ),
        (
            lambda state: state.update({"segformer.stages.2.blocks.1.mlp.fc1.bias": torch.zeros(4)}),
            "1 tensors are not known of Hugging Face transformers.\n  found: segformer.stages.2.blocks.1.mlp.fc1.bias",
        ),
        (
            lambda state: state.update({"decode_head.linear_fuse.weight": torch.zeros(16, 32, 1, 1)}),
            "expected (16, 64, 1, 1), found (16, 32, 1, 1)",
        ),
    ],
)
def test_weights_that_do_not_fit(change: Any, message: str, cache: Path) -> None:
    state = dict(repository(cache, "segformer").state_dict())
    change(state)
    model = build_model("hf:own/segformer", classes=3, architecture_config=published("own/segformer").config)
    with pytest.raises(WeightsError) as caught:
        load_weights(model, state, source="theirs")
    assert message in str(caught.value)


def test_a_repository_that_changed_since(cache: Path) -> None:
    repository(cache, "segformer")
    recipe = planned("segformer")
    repository(cache, "segformer", classes=4)
    with pytest.raises(WeightsError, match="the file that the recipe was made with is not here"):
        load_initial(build_for(recipe, classes=3), recipe)


# What is refused, and what is never run


def test_code_out_of_a_repository_is_never_run(cache: Path, tmp_path: Path) -> None:
    evil = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n".encode()
    auto_map = {"AutoModelForSemanticSegmentation": "modeling_own.Own", "AutoConfig": "modeling_own.OwnConfig"}
    own = json.dumps({"model_type": "own", "auto_map": auto_map}).encode()
    repository(cache, "segformer", config__json=own, modeling_own__py=evil, name="evil/own")
    with pytest.raises(RecipeError) as caught:
        settled(Recipe(model="hf:evil/own", weights="auto"), classes=3)
    assert "config.json of hf:evil/own: wants code of its own to be run, which is never done." in str(caught.value)
    assert "auto_map AutoModelForSemanticSegmentation, AutoConfig" in str(caught.value)
    native = json.dumps(
        {
            "model_type": "segformer",
            **SMALL["segformer"],
            "auto_map": auto_map,
            "_attn_implementation": "evil/kernel",
            "attn_implementation": "evil/kernel",
        }
    ).encode()
    repository(cache, "segformer", config__json=native, modeling_own__py=evil, name="evil/native")
    recipe = settled(Recipe(model="hf:evil/native", weights="auto"), classes=3)
    assert "evil" not in recipe.architecture_config and "modeling_own" not in recipe.architecture_config
    assert build_for(recipe, classes=3)
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("cache")
def test_a_bundle_cannot_make_it_ask_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The architecture of a run that somebody else made: no kernels, no backbones from elsewhere, no own code."""
    monkeypatch.delenv("MASKWRIGHT_OFFLINE")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    asked = {"model_type": "upernet", "backbone": "evil/backbone", "use_pretrained_backbone": True}
    recipe = Recipe(model="hf:evil/run", architecture_config=json.dumps(asked))
    with pytest.raises(RecipeError, match="architecture_config of hf:evil/run: transformers cannot build this model"):
        build_for(recipe, classes=3)
    for name in ("package.module:function", "os:system"):
        folder = tmp_path / name.partition(":")[0]
        folder.mkdir()
        (folder / "format").write_text('{"format": 1}')
        write_recipe(Recipe(model=name), folder / "recipe.yaml")
        with pytest.raises(RunError):
            load(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "config.json of hf:own/it: is not JSON."),
        ("[]", "config.json of hf:own/it: does not say of which type the model is."),
        ('{"hidden_size": 8}', "config.json of hf:own/it: does not say of which type the model is."),
        ('{"model_type": "bert"}', "config.json of hf:own/it: is no semantic segmentation model."),
        (
            '{"model_type": "segformer", "depths": "x"}',
            "config.json of hf:own/it: transformers cannot build this model.",
        ),
    ],
)
def test_configurations_that_are_none(config: str, message: str, cache: Path) -> None:
    write_repository(cache, "own/it", {"config.json": config.encode()})
    with pytest.raises(RecipeError) as caught:
        settled(Recipe(model="hf:own/it", weights="none"), classes=3)
    assert message in str(caught.value)


@pytest.mark.usefixtures("cache")
def test_a_repository_that_is_not_in_the_cache() -> None:
    with pytest.raises(WeightsError) as caught:
        choose_start({"model": "hf:own/nothing"}, classes=3)
    assert "hf:own/nothing: config.json is not in the hub's cache, and the network is forbidden." in str(caught.value)
    with pytest.raises(RecipeError, match="is no repository of the Hugging Face hub"):
        build_model("hf:nothing", classes=3)
