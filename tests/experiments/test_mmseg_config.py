"""Configs of MMSegmentation are read and never run: what is followed, what is refused, and what it says."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from maskwright.errors import UsageError
from maskwright.experiments.mmsegmentation.config import Config, read_config
from shared_data import shared

CONFIGS = Path(__file__).parent / "mmseg_configs" / "configs"
PETS = CONFIGS / "pets"
QUICK_S = 10.0
"""Processor time that a hostile config may take at most, on a slow machine."""


def config(folder: Path, text: str, *, name: str = "mine.py", **others: str) -> Config:
    for other, content in others.items():
        (folder / f"{other}.py").write_text(content, encoding="utf-8")
    (folder / name).write_text(text, encoding="utf-8")
    return read_config(folder / name)


def test_a_chain_of_bases_is_merged() -> None:
    read = read_config(PETS / "segformer_b0_dice.py")
    model = read.values["model"]
    assert model["backbone"]["num_layers"] == [2, 2, 2, 2]
    assert model["decode_head"]["num_classes"] == 3
    assert [loss["type"] for loss in model["decode_head"]["loss_decode"]] == ["CrossEntropyLoss", "DiceLoss"]
    assert read.values["optim_wrapper"]["optimizer"] == {
        "type": "AdamW",
        "lr": 6e-5,
        "betas": (0.9, 0.999),
        "weight_decay": 0.01,
    }
    assert "clip_grad" not in read.values["optim_wrapper"]
    assert read.values["train_cfg"] == {"type": "IterBasedTrainLoop", "max_iters": 8000, "val_interval": 800}
    assert [file.name for file in read.files] == [
        "segformer_mit-b0.py",
        "pets.py",
        "default_runtime.py",
        "schedule_20k.py",
        "segformer_b0_weights.py",
        "segformer_b0_dice.py",
    ]


def test_it_says_where_each_variable_was_last_changed() -> None:
    where = read_config(PETS / "segformer_b0_dice.py").where
    assert where["randomness"] == (PETS / "segformer_b0_dice.py", 12)
    assert where["train_cfg"] == (PETS / "segformer_b0_weights.py", 33)
    assert where["data_root"][0].name == "pets.py"
    assert read_config(PETS / "deeplabv3plus_r50_os16.py").where["train_cfg"][0].name == "deeplabv3plus_r50_os16.py"


def test_texts_are_put_together() -> None:
    values = read_config(PETS / "segformer_b2_512.py").values
    assert values["work_dir"] == "work_dirs/segformer_b2_512x512_bs08"
    assert values["model"]["backbone"]["init_cfg"]["checkpoint"] == "https://example.org/mit_b2_512.pth"
    assert values["model"]["decode_head"]["in_channels"] == [64, 128, 320, 512]
    assert values["train_cfg"] == {"type": "IterBasedTrainLoop", "max_iters": 16000, "val_interval": 1600}


def test_variables_of_bases_and_of_the_file_are_filled_in() -> None:
    values = read_config(PETS / "deeplabv3plus_r18.py").values
    assert values["model"]["data_preprocessor"]["size"] == (256, 256)
    assert values["train_dataloader"]["dataset"]["data_root"] == "data/pets_small"
    assert values["val_dataloader"]["dataset"]["data_root"] == "data/pets"
    assert values["work_dir"] == "./work_dirs/deeplabv3plus_r18"


def test_entries_of_bases_are_changed() -> None:
    values = read_config(PETS / "deeplabv3plus_r50_os16.py").values
    backbone = values["model"]["backbone"]
    assert (backbone["strides"], backbone["dilations"]) == ((1, 2, 2, 1), (1, 1, 1, 2))
    assert (backbone["depth"], backbone["norm_eval"]) == (50, True)
    assert values["model"]["decode_head"]["channels"] == 256
    assert values["model"]["auxiliary_head"] is None
    assert values["train_dataloader"]["dataset"]["pipeline"][2]["ratio_range"] == (0.5, 1.5)
    assert "val_interval" not in values["train_cfg"]


def test_delete_takes_nothing_from_the_base() -> None:
    backbone = read_config(PETS / "deeplabv3plus_mobilenetv2.py").values["model"]["backbone"]
    assert sorted(backbone) == ["dilations", "norm_cfg", "out_indices", "strides", "type", "widen_factor"]


def test_loops_and_conditions_are_followed() -> None:
    read = read_config(PETS / "segformer_b1_loops.py")
    keys = read.values["optim_wrapper"]["paramwise_cfg"]["custom_keys"]
    assert keys == {"head": {"lr_mult": 10.0}, "norm": {"decay_mult": 0.0}}
    assert read.values["train_cfg"]["max_iters"] == 4000
    pipeline = read.values["train_dataloader"]["dataset"]["pipeline"]
    assert [step["type"] for step in pipeline][2:] == [
        "RandomChoiceResize",
        "RandomCrop",
        "RandomFlip",
        "PackSegInputs",
    ]
    assert pipeline[2]["scales"] == [128, 256, 384, 512]


def test_what_changes_nothing_is_noted_with_file_and_line() -> None:
    notes = [str(note) for note in read_config(PETS / "segformer_b1_loops.py").notes]
    assert len(notes) == 2
    assert notes[0].endswith("segformer_b1_loops.py:3: import os")
    assert ":6: def not_used(x): return open(x).read()" in notes[1]


def test_custom_imports_are_noted_and_not_imported() -> None:
    read = read_config(PETS / "deeplabv3plus_r101_own.py")
    assert read.values["custom_imports"]["imports"] == ["projects.pets.losses"]
    assert [str(note) for note in read.notes if "deeplabv3plus_r101_own.py:9: custom_imports" in str(note)]


def test_the_newer_style_is_followed() -> None:
    values = read_config(PETS / "segformer_b0_newstyle.py").values
    assert values["model"]["type"] == "EncoderDecoder"
    assert values["model"]["backbone"]["act_cfg"] == {"type": "GELU"}
    assert values["model"]["decode_head"]["num_classes"] == 3
    assert values["model"]["decode_head"]["channels"] == 256
    assert values["model"]["decode_head"]["loss_decode"] == {"type": "CrossEntropyLoss", "loss_weight": 1.0}
    assert values["param_scheduler"][0] == {
        "type": "PolyLR",
        "eta_min": 1e-4,
        "power": 1.0,
        "begin": 0,
        "end": 6000,
        "by_epoch": False,
    }
    assert values["optim_wrapper"]["optimizer"]["type"] == "AdamW"
    assert values["data_root"] == "data/pets"


def test_a_real_config_is_read() -> None:
    read = read_config(shared("fixtures", "mmseg", "mmengine_real_config.py"))
    assert read.values["model"]["decode_head"]["loss_decode"]["class_weight"] == [0.1, 1.0, 1.0]
    assert read.values["train_cfg"] == {"max_iters": 21, "type": "IterBasedTrainLoop", "val_interval": 10}
    assert read.notes == ()
    assert len(read.files) == 1


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("-3 + 2 ** 4 * 0.5", 5.0),
        ("[*range(3), *[7]]", [0, 1, 2, 7]),
        ("dict([('a', 1)], b=2, **{'c': 3})", {"a": 1, "b": 2, "c": 3}),
        ("{**{'a': 1}, 'b': [x for x in (1, 2, 3) if x != 2]}", {"a": 1, "b": [1, 3]}),
        ("{f'k{i}': i for i in range(2)}", {"k0": 0, "k1": 1}),
        ("'%s-%03d' % ('a', 7)", "a-007"),
        ("'{0}/{name:.2f}'.format('x', name=1.0)", "x/1.00"),
        ("f'{1e-3:.0e} {[1, 2]} {\"q\"!r}'", "1e-03 [1, 2] 'q'"),
        ("'/'.join(['a', 'b']).upper()", "A/B"),
        ("'yes' if 1 < 2 < 3 and not (4 in [5]) else 'no'", "yes"),
        ("(1, 2, 3)[-2:]", (2, 3)),
        ("[[0] * 2 for _ in range(2)]", [[0, 0], [0, 0]]),
        ("round(max(1, 2) / 3, 2)", 0.67),
        ("sorted({3, 1, 2})", [1, 2, 3]),
        ("[a + b for a, b in zip([1, 2], [3, 4])]", [4, 6]),
        ("int('12') // 5 % 2 | 4", 4),
    ],
)
def test_expressions_have_their_value(tmp_path: Path, expression: str, value: object) -> None:
    assert config(tmp_path, f"x = {expression}\n").values == {"x": value}


def test_a_list_in_a_base_is_changed_by_place(tmp_path: Path) -> None:
    base = "steps = [dict(type='A', p=1), dict(type='B', p=2)]\n"
    read = config(
        tmp_path, "_base_ = ['base.py']\nsteps = {1: dict(p=5), '0': dict(_delete_=True, type='C')}\n", base=base
    )
    assert read.values["steps"] == [{"type": "C"}, {"type": "B", "p": 5}]


def test_a_list_in_a_base_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.py: steps\.3 stands beyond the end of a list of 1 in its base"):
        config(tmp_path, "_base_ = 'base.py'\nsteps = {3: 4}\n", base="steps = [1]\n")


def test_a_dict_over_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.py: model\.a is a dict here and int in its base.\n  Write _delete_"):
        config(tmp_path, "_base_ = 'base.py'\nmodel = dict(a=dict(b=1))\n", base="model = dict(a=1)\n")


def test_two_bases_with_the_same_variable_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.py: two of its bases set lr, model; mmengine refuses that too"):
        config(tmp_path, "_base_ = ['one.py', 'two.py']\n", one="lr = 1\nmodel = 2\n", two="model = 3\nlr = 3\n")


def test_changing_a_copy_leaves_the_base_alone(tmp_path: Path) -> None:
    text = "_base_ = 'base.py'\nmine = {{_base_.a}}\nmine['x'] = 5\nb = dict(a.copy(), y=1)\n"
    values = config(tmp_path, text, base="a = dict(x=1)\n").values
    assert values == {"a": {"x": 1}, "mine": {"x": 5}, "b": {"x": 1, "y": 1}}


def test_a_missing_base_names_who_asks_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        config(tmp_path, "_base_ = ['../_base_/models/segformer_mit-b0.py']\n")
    message = str(refused.value)
    assert "_base_/models/segformer_mit-b0.py: no such file." in message
    assert "mine.py names it as its base." in message
    assert "configs/ folder of MMSegmentation" in message
    assert "work_dirs/NAME/NAME.py" in message


@pytest.mark.parametrize("text", ["_base_ = 'mmseg::segformer/x.py'", "with read_base():\n    from mmseg.x import *\n"])
def test_a_base_in_a_package_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"its base mmseg\S+ lies in an installed package, which is not looked into"):
        config(tmp_path, text)


def test_bases_in_a_circle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"its bases go round in a circle.\n.*mine\.py -> .*other\.py -> .*mine\.py"):
        config(tmp_path, "_base_ = 'other.py'\n", other="_base_ = ['mine.py']\n")


def test_a_long_chain_of_bases_is_refused(tmp_path: Path) -> None:
    for place in range(60):
        (tmp_path / f"c{place}.py").write_text(f"_base_ = 'c{place + 1}.py'\n")
    with pytest.raises(UsageError, match="made of more than 50 files"):
        read_config(tmp_path / "c0.py")


def test_what_is_no_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.py: no such file.\n.*\n  Check the spelling of the path"):
        read_config(tmp_path / "nothing.py")
    with pytest.raises(UsageError, match="a folder"):
        read_config(tmp_path)
    (tmp_path / "weights.pth").write_bytes(b"")
    with pytest.raises(UsageError, match=r"weights\.pth: not a config.*\n  expected: a name ending in \.py"):
        read_config(tmp_path / "weights.pth")
    (tmp_path / "latin.py").write_bytes("größe = 1".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.py: not UTF-8 text \(byte 2\)"):
        read_config(tmp_path / "latin.py")
    (tmp_path / "large.py").write_bytes(b"x = 1\n" * 400_000)
    with pytest.raises(UsageError, match=r"large\.py: too large for a config.\n  expected: at most 400000 bytes"):
        read_config(tmp_path / "large.py")


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.py:3: not Python: .*\n  found: lr = = 3"):
        config(tmp_path, "a = 1\n\n  lr = = 3\n".replace("  lr", "lr"))


def test_environment_variables_take_their_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_ROOT", "/secret")
    read = config(tmp_path, "a = 1\nroot = '{{$DATA_ROOT:data/pets}}'\ncount = {{'$COUNT:3'}}\n")
    assert read.values == {"a": 1, "root": "data/pets", "count": 3}
    assert [(note.line, note.text) for note in read.notes] == [(2, "{{$DATA_ROOT:data/pets}}"), (3, "{{'$COUNT:3'}}")]
    with pytest.raises(UsageError, match=r"mine\.py:1: its value is in the environment variable DATA_ROOT"):
        config(tmp_path, "root = '{{$DATA_ROOT:}}'\n")


def test_json_and_yaml_are_read_as_data(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("model = dict(a=1, b=[1, 2])\n")
    content = {"_base_": "base.py", "model": {"b": {"0": 5}}, "work_dir": "w/{{ fileBasenameNoExtension }}"}
    read = config(tmp_path, json.dumps(content), name="mine.json")
    assert read.values == {"model": {"a": 1, "b": [5, 2]}, "work_dir": "w/mine"}
    assert config(tmp_path, "lr: 0.1\nsteps: [1, 2]\n", name="mine.yaml").values == {"lr": 0.1, "steps": [1, 2]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.json", "{'a': 1}", "cannot be read as JSON"),
        ("mine.yaml", "a: !!python/object/apply:os.system ['touch x']", "cannot be read as YAML"),
        ("mine.yaml", "a: &a {b: 1}\nc: {<<: *a}", "merge keys"),
        ("mine.yaml", "a: 2020-01-01", "a value of type date"),
        ("mine.json", "[1]", "not a config"),
        ("mine.json", "[" * 100_000, "nested too deeply"),
        ("mine.yaml", "[" * 20_000, "nested too deeply"),
        ("mine.yaml", "- " * 40_000, "cannot be read as YAML"),
        ("mine.yaml", "a: 1" + ":1" * 30_000, "the number is too large"),
        ("mine.json", '{"a": ' + "9" * 4000 + "}", "the number is too large"),
        (
            "mine.yaml",
            "a0: &a0 [1,1]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 20)),
            "too much",
        ),
    ],
)
def test_bad_data_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    started = time.process_time()
    with pytest.raises(UsageError, match=message):
        config(tmp_path, text, name=name)
    assert time.process_time() - started < QUICK_S


MALICIOUS = {
    "import": "__import__('os').system('touch {marker}')",
    "os.system": "import os\nos.system('touch {marker}')",
    "as": "import os as harmless\nx = harmless.system('touch {marker}')",
    "from": "from os import system\nx = system('touch {marker}')",
    "from as": "from os import system as dict\nx = dict('touch {marker}')",
    "subprocess": "import subprocess\nx = subprocess.run(['touch', '{marker}'])",
    "join": "import os\nx = os.path.join('a', os.system('touch {marker}'))",
    "pathlib": "from pathlib import Path\nx = Path('{marker}').touch()",
    "value": "import os\nx = dict(f=os.system)",
    "open": "x = open('{marker}', 'w')",
    "open with": "with open('{marker}', 'w') as f:\n    f.write('x')",
    "lambda": "x = lambda: open('{marker}', 'w')",
    "called lambda": "x = (lambda: open('{marker}', 'w'))()",
    "exec": 'exec(\'open("{marker}", "w")\')',
    "eval": 'x = eval(\'open("{marker}", "w")\')',
    "compile": "x = compile('1', 'x', 'eval')",
    "getattr": "x = getattr('', 'join')",
    "class": "class X:\n    open('{marker}', 'w')",
    "decorator": "@open('{marker}', 'w').write\ndef x():\n    pass",
    "default": "def x(a=open('{marker}', 'w')):\n    pass",
    "annotation": "x: open('{marker}', 'w') = 1",
    "defined": "def x():\n    open('{marker}', 'w')\nx()",
    "defined as value": "def x():\n    open('{marker}', 'w')\ny = [x]",
    "defined as dict": "def dict(**x):\n    open('{marker}', 'w')\ny = dict(a=1)",
    "f-string": "x = f\"{{open('{marker}', 'w')}}\"",
    "f-string format": "x = f\"{{1:{{open('{marker}', 'w')}}}}\"",
    "format": "x = '{{0.__class__}}'.format(1)",
    "dunder": "x = ().__class__.__bases__[0].__subclasses__()",
    "builtins": "x = __builtins__['open']('{marker}', 'w')",
    "comprehension": "x = [open('{marker}', 'w') for _ in range(1)]",
    "condition": "x = 1 if open('{marker}', 'w') else 2",
    "index": "x = [1][open('{marker}', 'w')]",
    "keyword": "x = dict(a=open('{marker}', 'w'))",
    "base": "_base_ = [open('{marker}', 'w')]",
    "dead branch": "if False:\n    open('{marker}', 'w')",
    "assert": "assert open('{marker}', 'w')",
    "while": "while open('{marker}', 'w'):\n    pass",
    "try": "try:\n    open('{marker}', 'w')\nexcept Exception:\n    pass",
    "raise": "raise open('{marker}', 'w')",
    "walrus": "x = (y := open('{marker}', 'w'))",
    "star": "x = [*open('{marker}', 'w')]",
    "attribute": "x = dict(a=1)\nx.a.__init__ = 3",
    "generator": "def g():\n    yield 1\nx = list(g())",
    "match": "match open('{marker}', 'w'):\n    case _:\n        x = 1",
    "del": "del [open('{marker}', 'w')][0]",
    "torch": "import torch\nx = torch.load('{marker}')",
    "new style": "from mmseg.models import X\nx = X('{marker}')",
    "env": "x = {{{{$NOT_THERE:open('{marker}','w')}}}}",
}


@pytest.mark.parametrize("case", MALICIOUS)
def test_a_config_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, case: str) -> None:
    marker = tmp_path / "marker"
    text = "model = dict(type='EncoderDecoder')\n" + MALICIOUS[case].format(marker=marker)
    with pytest.raises(UsageError) as refused:
        config(tmp_path, text + "\n")
    assert not marker.exists()
    assert "mine.py:" in str(refused.value)


def test_a_base_that_would_run_code_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(UsageError, match=r"base\.py:1: open\(.*a call of an unknown function"):
        config(tmp_path, "_base_ = 'base.py'\n", base=f"open({str(marker)!r}, 'w')\n")
    assert not marker.exists()


def test_every_place_that_would_run_code_is_named(tmp_path: Path) -> None:
    text = "import os\na = 1\nos.system('x')\nb = dict(f=lambda x: x)\nc = __import__('os').path\n"
    with pytest.raises(UsageError) as refused:
        config(tmp_path, text)
    message = str(refused.value)
    assert message.startswith("This config executes code: Maskwright reads configs and never runs them.")
    assert "mine.py:3: os.system('x')   (a call into the imported os)" in message
    assert "mine.py:4: lambda x: x   (a lambda)" in message
    assert "mine.py:5: __import__('os')   (a call of an unknown function)" in message
    assert "Nothing was run." in message
    assert "work_dirs/NAME/NAME.py" in message


def test_messages_do_not_steer_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        config(tmp_path, "f('\x1b[2J', '" + "long " * 100 + "')\n")
    assert "\x1b" not in str(refused.value)
    assert max(map(len, str(refused.value).split("\n"))) < 300


def test_many_places_are_named_shortly(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.\.\. and 988 more"):
        config(tmp_path, "f()\n" * 1000)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a = 1\nb = a.x\n", 2, "a value of type int has no .x"),
        ("a = nothing\n", 1, "'nothing' is not known"),
        ("a = dict(b=1)\n\nc = a['x']\n", 3, "'x' is not known"),
        ("while True:\n    a = 1\n", 1, "not one of the statements that are read"),
        ("try:\n    a = 1\nexcept E:\n    a = 2\n", 1, "not one of the statements that are read"),
        ("a = b'x'\n", 1, "a value of type bytes"),
        ("a = 1 / 0\n", 1, "division by zero"),
        ("a = '{x!s:{w}}'.format(x=1)\n", 1, "the format"),
        ("a = '%*d' % (3, 4)\n", 1, "the format"),
        ("a = '{} {}'.format(1)\n", 1, "list index out of range"),
        ("a, b = 1, 2, 3\n", 1, "3 values for 2 names"),
        ("a = {(1, 2): 3}\n", 1, "a key of type tuple"),
        ("a = 'x'.encode\n", 1, "a value of type str has no .encode"),
        ("with read_base():\n    import x\n", 1, "only `from .file import ...` may stand"),
    ],
)
def test_what_cannot_be_followed_is_named(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        config(tmp_path, text)
    assert f"mine.py:{line}: this cannot be followed: " in str(refused.value)
    assert why in str(refused.value)


DOUBLING = "x = [1, 1]\n" + "x = [x, x]\n" * 40
BOMBS = {
    "power": "x = 10 ** 10 ** 10",
    "power of powers": "x = 2 ** 200\ny = x ** x",
    "shift": "x = 1 << 10 ** 10",
    "product": "x = 10 ** 70\ny = x * x",
    "digits": "x = " + "9" * 300_000,
    "int": "x = int('9' * 4000)",
    "round": "x = round(5, -10 ** 10)",
    "text": "x = 'a' * 10 ** 9",
    "list": "x = [0] * 10 ** 9",
    "text doubled": "x = 'a' * 100\n" + "x = x + x\n" * 60,
    "list doubled": "x = [1]\n" + "x += x\n" * 60,
    "text doubled in place": "x = 'a' * 100\n" + "x += x\n" * 60,
    "join": "x = 'a' * 90000\ny = x.join([x] * 9000)",
    "replace": "x = 'a' * 90000\ny = x.replace('a', x)",
    "width": "x = '%999999999d' % 1",
    "format width": "x = '{:>999999999}'.format(1)",
    "f-string width": "x = f'{1:>999999999}'",
    "many fields": "x = '{0}' * 30000\ny = x.format('a' * 90000)",
    "range": "x = list(range(10 ** 12))",
    "comprehension": "x = [i for i in range(9999) for j in range(9999) for k in range(9999)]",
    "nested comprehension": "x = [[[k for k in range(9999)] for j in range(9999)] for i in range(9999)]",
    "loop": "for i in range(9999):\n    for j in range(9999):\n        x = [0] * 9999",
    "shared": DOUBLING,
    "shared text": DOUBLING + "y = str(x)",
    "shared compared": DOUBLING + "y = x == [x]",
    "shared base": "x = dict(a=1)\n" + "x = dict(a=x, b=x)\n" * 40 + "_base_.y = x",
    "itself": "x = dict()\nx['x'] = x",
    "itself in a base": "_base_.y = dict()\n_base_.y.y = _base_\n_base_.y.update(_base_)\nz = {{_base_.y}}",
    "deep": "x = " + "[" * 90 + "]" * 90,
    "deeper": "x = " + "-" * 300_000 + "1",
    "long sum": "x = " + "1 + " * 100_000 + "1",
    "attributes": "x = a" + ".b" * 190_000,
    "calls": "x = f" + "()" * 190_000,
    "many calls": "x = [" + "f()," * 90_000 + "]",
    "elif": "if 0:\n    pass\n" + "elif 0:\n    pass\n" * 20_000,
    "statements": "x = 1\n" * 60_000,
    "deep dicts": "x = dict()\n" + "x = dict(x=x)\n" * 70,
    "imports": "import os\n" * 30_000 + "x = 1 / 0",
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_at_once(tmp_path: Path, case: str) -> None:
    started = time.process_time()
    with pytest.raises(UsageError, match=r"mine\.py"):
        config(tmp_path, BOMBS[case])
    assert time.process_time() - started < QUICK_S
