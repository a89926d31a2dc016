"""Groups, schedules, averages."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from maskwright.models import build_model
from maskwright.models.layers import settle_norms
from maskwright.recipe.recipe import make_recipe
from maskwright.training.optimiser import lr_at, make_optimiser, set_lr, update_average


def test_norms_and_biases_do_not_decay_and_the_head_has_its_own_rate() -> None:
    model = build_model("segformer-b0", classes=2)
    optimiser = make_optimiser(model, make_recipe({"head_lr_multiplier": 10, "weight_decay": 0.3}, source="test"))
    set_lr(optimiser, 0.01)
    groups = {id(p): group for group in optimiser.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        group = groups[id(parameter)]
        assert group["lr"] == pytest.approx(0.1 if name.startswith("head.") else 0.01), name
        decays = parameter.ndim > 1
        assert group["weight_decay"] == (0.3 if decays else 0), name
        assert not (decays and (name.endswith("bias") or "norm" in name)), name


def test_parts_decay_and_learn_as_the_recipe_says() -> None:
    model = build_model("deeplabv3plus-r18", classes=2)
    settle_norms(model.encoder, "frozen")
    settings = {"optimiser": "sgd", "beta1": 0.7, "weight_decay": 0.1, "encoder_lr_multiplier": 0.2}
    settings |= {"norm_decay_multiplier": 0.5, "bias_decay_multiplier": 2.0}
    optimiser = make_optimiser(model, make_recipe(settings, source="test"))
    assert isinstance(optimiser, torch.optim.SGD) and {group["momentum"] for group in optimiser.param_groups} == {0.7}
    set_lr(optimiser, 1.0)
    groups = {id(p): group for group in optimiser.param_groups for p in group["params"]}

    def of(name: str) -> tuple[float, float]:
        group = groups[id(model.get_parameter(name))]
        return group["lr"], group["weight_decay"]

    assert of("encoder.stem.0.weight") == (0.2, 0.1)
    assert of("head.joined.1.weight") == of("head.joined.1.bias") == (1.0, 0.05)
    assert of("head.classifier.bias") == of("auxiliary.classifier.bias") == (1.0, 0.2)
    frozen = [name for name, one in model.named_parameters() if id(one) not in groups]
    assert frozen and all(name.startswith("encoder.") and not name.endswith("conv1.weight") for name in frozen)
    adam = make_optimiser(model, make_recipe({"optimiser": "adam", "beta2": 0.95}, source="test"))
    assert type(adam) is torch.optim.Adam and adam.defaults["betas"] == (0.9, 0.95)


@pytest.mark.parametrize("schedule", ["poly", "cosine"])
def test_the_fall_begins_at_the_top_of_the_rise(schedule: str) -> None:
    """As mmengine's `PolyLR(begin=100)` behind `LinearLR(end=100)`."""
    settings = {"iterations": 1100, "warmup_iterations": 100, "schedule": schedule, "lr": 1.0, "lr_min_frac": 0.0}
    recipe = make_recipe(settings, source="test")
    assert lr_at(99, recipe) == pytest.approx(100 / 101)
    assert lr_at(100, recipe) == 1.0
    assert lr_at(600, recipe) == pytest.approx(0.5 if schedule == "cosine" else 0.5**recipe.poly_power)
    changed = make_recipe({**settings, "length_changes": [(50, 600)]}, source="test")
    assert [lr_at(at, changed) for at in (99, 100)] == [lr_at(at, recipe) for at in (99, 100)]
    assert lr_at(350, changed) == pytest.approx(lr_at(600, recipe)) and lr_at(600, changed) == 0.0


@pytest.mark.parametrize(("schedule", "middle"), [("poly", 0.505), ("cosine", 0.505), ("constant", 1.0)])
def test_schedules(schedule: str, middle: float) -> None:
    recipe = make_recipe(
        {"iterations": 1000, "warmup_iterations": 0, "schedule": schedule, "lr": 1.0, "lr_min_frac": 0.01},
        source="test",
    )
    assert lr_at(0, recipe) == pytest.approx(1.0)
    assert lr_at(500, recipe) == pytest.approx(middle)
    assert lr_at(1000, recipe) == pytest.approx(1.0 if schedule == "constant" else 0.01)


def test_warmup_rises_linearly() -> None:
    recipe = make_recipe({"iterations": 100, "warmup_iterations": 9, "lr": 1.0}, source="test")
    assert [lr_at(i, recipe) for i in range(9)] == pytest.approx([(i + 1) / 10 for i in range(9)])


def test_a_change_of_length_never_makes_the_rate_jump() -> None:
    base = {"iterations": 100, "warmup_iterations": 0, "schedule": "poly", "lr": 1.0, "lr_min_frac": 0.0}
    plain = make_recipe(base, source="test")
    changed = make_recipe({**base, "length_changes": [(40, 60), (50, 200)]}, source="test")
    assert changed.final_length == 200
    assert [lr_at(i, changed) for i in range(41)] == [lr_at(i, plain) for i in range(41)]
    rates = [lr_at(i, changed) for i in range(201)]
    assert all(0 <= a - b <= 0.031 for a, b in pairwise(rates))
    assert rates[50] == pytest.approx(0.3) and rates[200] == 0


def test_the_average_follows_its_formula() -> None:
    model, average = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with torch.no_grad():
        model.weight.fill_(5.0)
        average.weight.fill_(1.0)
    update_average(average, model, decay=0.99, iteration=0)
    assert average.weight.tolist() == pytest.approx([0.1 * 1 + 0.9 * 5] * 2)
    update_average(average, model, decay=0.5, iteration=1000)
    assert average.weight.tolist() == pytest.approx([0.5 * 4.6 + 0.5 * 5] * 2)
