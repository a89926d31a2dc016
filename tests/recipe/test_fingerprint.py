from __future__ import annotations

from maskwright.recipe.fingerprint import differing, fingerprint
from maskwright.recipe.recipe import Recipe, make_recipe

DIGEST = "0" * 64


def recipe(**settings: object) -> Recipe:
    return make_recipe(settings, source="test")


def test_seed_threads_and_device_make_no_other_recipe_and_all_else_does() -> None:
    first = recipe()
    assert fingerprint(first) == fingerprint(recipe(seed=5, threads=8, device="cuda:1"))
    others = [recipe(lr=0.001), recipe(iterations=7), recipe(precision="bf16"), recipe(length_changes=[(3, 9)])]
    assert len({fingerprint(each) for each in [first, *others]}) == 5


def test_weights_are_known_by_their_digest_wherever_they_lie() -> None:
    one, other = recipe(weights="/a/w.safetensors", weights_digest=DIGEST), recipe(weights="w", weights_digest=DIGEST)
    assert fingerprint(one) == fingerprint(other) and differing([one, other]) == {}
    assert fingerprint(recipe(weights="a")) != fingerprint(recipe(weights="b"))


def test_reasons_make_no_other_recipe() -> None:
    planned = make_recipe({"lr": 0.001}, source="test", reasons={"lr": "rule: because"})
    assert fingerprint(planned) == fingerprint(recipe(lr=0.001))


def test_what_differs_is_told_in_the_order_of_declaration() -> None:
    recipes = [recipe(lr=0.001, seed=1), recipe(model="segformer-b1", lr=0.001), recipe(lr=0.002)]
    assert differing(recipes) == {
        "model": ("segformer-b0", "segformer-b1", "segformer-b0"),
        "lr": (0.001, 0.001, 0.002),
    }
    assert list(differing(recipes)) == ["model", "lr"]
