"""What a model card says under its headings: each limit where its number is, and only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from maskwright.data.classes import make_classes
from maskwright.data.statistics import describe
from maskwright.recipe.recipe import make_recipe
from maskwright.reports.card_facts import Card
from maskwright.reports.card_limits import limits
from maskwright.reports.card_sections import sections
from maskwright.reports.language import Language
from maskwright.shipping.facts import Facts
from tiny import tiny_dataset

DATA = describe(tiny_dataset(train=40, val=40))
EN, RU = Language("en", "card"), Language("ru", "card")
PER_CLASS = [
    {"name": name, "dice": dice, "labelled_px": 10} for name, dice in zip(DATA.classes, (0.9, 0.8, 0.7), strict=True)
]
SCORE = {
    "images": 40, "groups": 40, "metrics": {"mDice": 0.8}, "per_class": PER_CLASS, "without_objects": 3,
    "intervals": {"mDice": [0.79, 0.81], "dice": [[0.8, 0.95], [0.7, 0.9], [None, None]]},
}  # fmt: skip


def card(*, data: Any = DATA, settings: dict[str, Any] | None = None, **facts: Any) -> Card:
    told = Facts.model_validate({"name": "pets", "scores": {"test": SCORE, "val": SCORE}, **facts})
    recipe = make_recipe({"rotation_deg": 180, **(settings or {})}, source="test")
    return Card(told, make_classes(DATA.classes), recipe, None, data, 1_000_000, ())


def roomy() -> Any:
    """The data as if each class were on many photos of many sizes."""
    sizes = (((100, 200), 20), ((300, 150), 20))
    splits = {**DATA.splits, "test": DATA.splits["val"]}
    many = {name: replace(one, class_images=(40, 30, 30), sizes=sizes) for name, one in splits.items()}
    return replace(DATA, splits=many)


def test_what_holds_is_said_and_no_more() -> None:
    said = limits(card(data=roomy()), EN)
    assert said == [
        f"The weakest class is disc, with a Dice of 70.0{chr(0x202F)}%.",
        "It was judged on photos with sides of 100 to 300 px. How it does on others was not measured.",
    ]


CAUSE = {"cause": "missed", "lost_mdice": 0.03, "low": 0.01, "high": 0.05, "mostly": "disc"}
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"scores": {}}, "How well it does was not measured", "не измерено"),
    ({"scores": {"val": SCORE}}, "not judged on a test split", "На части test"),
    ({"outdated": ["val"]}, "measured on val was measured with other weights", "Оценки на val"),
    ({"scores": {"test": {**SCORE, "intervals": {"mDice": [0.7, 0.9]}}}}, "spans 20.0 points", "занимает 20,0"),
    ({"scores": {"test": {**SCORE, "worst": 0.31}}}, "mDice below 31.0", "ниже 31,0"),
    ({"scores": {"test": {**SCORE, "without_objects": 0}}}, "something other than background", "кроме background"),
    ({"scores": {"test": {**SCORE, "groups": 10}}}, "come in 10 groups", "10"),
    ({"causes": [CAUSE]}, "Object missed: this costs 3.0 points of mDice on val, mostly of disc.", "Объект пропущен"),
    ({"audit": {"findings": {"leak": 2, "near_leak": 1}}}, "found 3 photos that lie", "частях: 3"),
    ({"audit": {"disputed": 4}}, "disputes the labels of 4 photos", "4 снимка"),
    ({"settings": {"rotation_deg": 10}}, "turned by up to 10°", "на 10°"),
    ({"settings": {"model": "my.code:network"}}, "--model my.code:network", "--model my.code:network"),
]


@pytest.mark.parametrize(("facts", "english", "russian"), CASES)
def test_a_limit_is_said_where_its_number_is(facts: dict[str, Any], english: str, russian: str) -> None:
    plain = "\n".join(limits(card(data=roomy()), EN))
    changed = card(data=roomy(), **facts)
    assert english in "\n".join(limits(changed, EN))
    assert russian in "\n".join(limits(changed, RU))
    assert english not in plain


@pytest.mark.parametrize("cause", [{**CAUSE, "low": -0.001}, {**CAUSE, "lost_mdice": 0.001}])
def test_a_cause_that_may_be_chance_or_costs_nothing_is_not_said(cause: dict[str, Any]) -> None:
    assert not any("costs" in said for said in limits(card(data=roomy(), causes=[cause]), EN))


def test_few_photos_of_a_class_are_told_of_the_judged_and_of_the_training_photos() -> None:
    data = roomy()
    splits = {name: replace(one, class_images=(40, 30, 5)) for name, one in data.splits.items()}
    said = "\n".join(limits(card(data=replace(data, splits=splits)), EN))
    assert "disc is on 5 photos of test only" in said and "disc is on 5 photos of the training data only" in said


def test_nothing_known_is_said_to_be_unknown() -> None:
    bare = card(data=None, scores={}, started_from={})
    text = "\n".join(" ".join((*one.text, *one.items)) for one in sections(bare, EN))
    for said in (
        "On which data it was trained is not known",
        "was not looked for",
        "licence not stated",
        "was not measured",
    ):
        assert said in text
    assert "weights of unknown name" in text and "commercial use not stated" in text.replace("is not", "not")


def test_both_languages_have_the_same_parts() -> None:
    known = card(
        data=roomy(), causes=[CAUSE], settings={"tta_flip": True, "short_side_px": 256, "set_aside": ["a", "b"]}
    )
    english, russian = sections(known, EN), sections(known, RU)
    assert [one.id for one in english] == [one.id for one in russian]
    assert [len(one.items) for one in english] == [len(one.items) for one in russian]
    assert "looked at 2 times" in " ".join(english[5].items) and "256 px" in " ".join(english[5].items)
    assert "by the deviation (58.395, 57.12, 57.375)" in " ".join(english[5].items)
    assert "на отклонение (58,395; 57,12; 57,375)" in " ".join(russian[5].items)
    assert not any("фото" in said for one in russian for said in (*one.text, *one.items)), "one word for a photo"
    assert "in doubt: 2 photos" in " ".join(english[3].items)
    assert str(english[1].tables[0].rows[0][1]).startswith("90.0") and "80.0–95.0" in str(
        english[1].tables[0].rows[0][1]
    )
    assert "(" not in str(english[1].tables[0].rows[2][1]), "no interval where there is none"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/work/shared/pretrained/mit_b0.pth", "mit_b0.pth"),
        (r"C:\Users\ann\mit_b0.pth", "mit_b0.pth"),
        ("mlp-mobilenetv2-ade", "mlp-mobilenetv2-ade"),
        ("hf:nvidia/mit-b0", "hf:nvidia/mit-b0"),
    ],
)
def test_nobody_reads_where_the_first_weights_lay(name: str, told: str) -> None:
    licences = next(one for one in sections(card(started_from={"name": name}), EN) if one.id == "licences")
    assert f"began with {told}: licence" in " ".join(licences.items)


@pytest.mark.parametrize(
    ("facts", "split"),
    [
        ({}, "test"),
        ({"scores": {"val": SCORE}}, "val"),
        ({"scores": {}}, "val"),
        ({"scores": {}, "data": None}, "val"),
        ({"scores": {"test; rm -rf ~": SCORE}}, "val"),
    ],
)
def test_what_is_typed_names_a_split_that_there_is(facts: dict[str, Any], split: str) -> None:
    code = dict(next(one for one in sections(card(**facts), EN) if one.id == "use").code)
    assert f"evaluate BUNDLE DATA --split {split}\n" in code["bash"]


@pytest.mark.parametrize(("best", "members"), [(600, 0), (1800, 3), (2100, 4)])
def test_weights_that_are_a_mean_are_said_to_be_one(best: int, members: int) -> None:
    training = {"iterations": 2100, "seconds": 60.0, "best_iteration": best}
    told = card(settings={"soup_iterations": 600}, training=training)
    items = {lang: next(one for one in sections(told, lang) if one.id == "made").items for lang in (EN, RU)}
    says = [f"the mean of the weights of {members} trainings of 600 iterations", f"(model soup): их {members}"]
    for said, expected in zip(items.values(), says, strict=True):
        assert ("soup" in " ".join(said)) == bool(members) == any(expected in one for one in said)
