"""Settings: declared once, refused with the nearest right name, kept in a file with their reasons."""

from pathlib import Path

import pytest

from maskwright.data.class_weights import derived_class_weights
from maskwright.errors import RecipeError
from maskwright.recipe.files import parse_settings, read_recipe, recipe_text, write_recipe
from maskwright.recipe.recipe import Recipe, make_recipe, settings, with_settings


def test_every_setting_is_declared_with_help_and_reason() -> None:
    for entry in settings():
        assert entry.help.endswith("."), entry.name
        assert entry.reason.split(":")[0] in {"fixed", "rule", "measured"}, entry.name


def test_a_recipe_reads_back_with_its_reasons(tmp_path: Path) -> None:
    recipe = with_settings(
        Recipe(),
        {"lr": 3e-4, "class_weights": [0.1, 1, 1], "length_changes": [[10, 20], [15, 18]]},
        source="test",
        reason="rule: for # this test",
    )
    write_recipe(recipe, tmp_path / "recipe.yaml")
    again = read_recipe(tmp_path / "recipe.yaml")
    assert again.model_dump() == recipe.model_dump()
    assert again.reason("lr") == "rule: for # this test"
    assert again.reason("seed") == Recipe().reason("seed")
    assert recipe_text(again) == recipe_text(recipe)


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        ({"lrr": 1}, ["lrr", "no such setting", "Did you mean lr?"]),
        ({"lr": -1}, ["lr: expected number > 0, <= 1", "found -1"]),
        ({"batch_size": 2.5}, ["batch_size: expected whole number", "2.5"]),
        ({"crop_hw": [8, 256]}, ["crop_hw", "greater than or equal to 32"]),
        ({"schedule": "linear"}, ["schedule: expected poly | cosine | constant", "'linear'"]),
        ({"device": "tpu"}, ["device", "'tpu'"]),
        ({"scale_min": 3}, ["scale_min 3.0 is above scale_max 1.7"]),
        ({"cross_entropy_share": 0, "dice_share": 0}, ["nothing would be learned"]),
        ({"lr": float("nan")}, ["lr", "nan"]),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, object], fragments: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe(values, source="recipe.yaml")
    for fragment in ["recipe.yaml", *fragments]:
        assert fragment in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe({"lr": 7, "aspect": 0, "flipprob": 1}, source="x")
    assert all(name in str(caught.value) for name in ("lr:", "aspect:", "Did you mean flip_prob"))


def test_assignments_are_read_as_yaml() -> None:
    assert parse_settings(["lr=1e-3", "class_weights=[0.1,1,1]", "model=segformer-b0"]) == {
        "lr": 1e-3,
        "class_weights": [0.1, 1, 1],
        "model": "segformer-b0",
    }
    with pytest.raises(RecipeError, match="Did you mean seed"):
        parse_settings(["seeds=1"])
    with pytest.raises(RecipeError, match="no value"):
        parse_settings(["lr"])
    with pytest.raises(RecipeError, match="not YAML"):
        parse_settings(["lr=[1"])


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("- 1\n", "not a recipe"),
        ("lr: [\n", "cannot be read"),
        ("format: 9\n", "format 9"),
        ("lr: x\n", "lr: expected"),
    ],
)
def test_a_wrong_recipe_file_is_named(tmp_path: Path, content: str, fragment: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(content)
    with pytest.raises(RecipeError, match=r"recipe\.yaml") as caught:
        read_recipe(path)
    assert fragment in str(caught.value)
    with pytest.raises(RecipeError, match="nothing-here"):
        read_recipe(tmp_path / "nothing-here.yaml")


def test_derived_class_weights_follow_their_formulas() -> None:
    inverse = derived_class_weights("inverse_frequency", [900, 100])
    assert inverse == pytest.approx((0.2, 1.8), rel=1e-4)
    enet = derived_class_weights("enet", [900, 100])
    # 1 / ln(1.02 + f): 1.5336 and 8.8254, over their mean
    assert enet[1] / enet[0] == pytest.approx(8.8254 / 1.5336, rel=1e-3)
    assert derived_class_weights("effective_number", [500, 0, 500])[1] == 0
    for rule in ("inverse_frequency", "enet", "effective_number"):
        weights = derived_class_weights(rule, [90_000, 5_000, 4_000])
        assert weights[0] < weights[1] < weights[2]
        assert sum(weights) / 3 == pytest.approx(1, rel=1e-4)
    with pytest.raises(RecipeError, match="nothing is labelled"):
        derived_class_weights("enet", [0, 0])
