"""Foreign checkpoints: the same tensors as PyTorch reads, and nothing is run."""

from __future__ import annotations

import collections
import io
import os
import pickle
import pty
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from foreign_checkpoints import Payload, legacy, rezipped, saved, tensor
from maskwright.errors import WeightsError
from maskwright.models.checkpoint_file import Checkpoint, find_state, read_checkpoint
from maskwright.models.inert_pickle import StandIn
from shared_data import shared

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


class Network(nn.Module):
    """A model that a student pickled whole."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(2, 3, 1)


def all_kinds() -> dict[str, Any]:
    """Tensors of every type and shape that state dicts hold."""
    generator = torch.Generator().manual_seed(5)
    base = torch.randn(6, 8, generator=generator)
    plain = (
        *(torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8),
        torch.uint8,
    )
    new = (torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2)
    return {
        **{str(dtype): (base * 20).to(dtype) for dtype in plain},
        **{
            str(dtype): base.abs().to(torch.float32 if dtype.is_floating_point else torch.int64).to(dtype)
            for dtype in new
        },
        "bool": base > 0,
        "complex": torch.complex(base, base.T.reshape(6, 8)),
        "float": base,
        "transposed": base.T,
        "row": base[2],
        "strided": base[1::2, ::3],
        "expanded": torch.tensor([1.5]).expand(4, 5),
        "channels_last": torch.randn(2, 3, 4, 5, generator=generator).to(memory_format=torch.channels_last),
        "number": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "empty_slice": base[3:3],
        "parameter": nn.Parameter(torch.ones(3)),
        "grad": torch.ones(3, requires_grad=True),
        "attributed": attributed(),
    }


def attributed() -> nn.Parameter:
    """A parameter with an attribute of its own."""
    parameter = nn.Parameter(torch.arange(4.0))
    parameter.note = "kept by torch"  # type: ignore[attr-defined]
    return parameter


def same(ours: Any, theirs: Any) -> bool:
    """Whether a tensor is bit for bit the other, with its strides."""
    theirs = theirs.detach()
    alike = type(ours) is Tensor and ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if not alike or (theirs.numel() and ours.stride() != theirs.stride()) or ours.requires_grad:
        return False
    raw = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (ours, theirs) if tensor.numel()]
    return not raw or torch.equal(*raw)


# The same tensors


@FORMATS
def test_every_kind_of_tensor_is_as_it_was_saved(tmp_path: Path, zipped: bool) -> None:
    path = saved(all_kinds(), tmp_path / "a.pth", zipped=zipped)
    checkpoint = read_checkpoint(path)
    expected = all_kinds()
    assert list(checkpoint.content) == list(expected)
    assert [name for name, tensor in checkpoint.content.items() if not same(tensor, expected[name])] == []
    assert checkpoint.unread == ()
    if zipped:  # PyTorch itself does not read the types without storage type from its old format
        expected = torch.load(path, weights_only=True)
        assert [name for name, tensor in checkpoint.content.items() if not same(tensor, expected[name])] == []


@FORMATS
def test_views_of_one_storage_go_on_sharing_it(tmp_path: Path, zipped: bool) -> None:
    weight = torch.randn(4, 5)
    content = read_checkpoint(
        saved({"tied": weight, "again": weight, "row": weight[1]}, tmp_path / "a.pth", zipped=zipped)
    ).content
    content["tied"][1, 2] = 42
    assert content["again"][1, 2] == content["row"][2] == 42


@FORMATS
def test_plain_values_beside_the_tensors(tmp_path: Path, zipped: bool) -> None:
    facts = {
        "epoch": 3,
        "size": torch.Size([1, 2]),
        "dtype": torch.float16,
        "device": torch.device("cuda", 1),
        "lr": [(0.1, None), {"a": True}],
        "milestones": collections.Counter([3, 3]),
    }
    content = read_checkpoint(saved(facts, tmp_path / "a.pth", zipped=zipped)).content
    assert content == {**facts, "size": (1, 2), "device": "cuda:1", "milestones": {3: 2}}


@FORMATS
def test_numpy_arrays_are_tensors(tmp_path: Path, zipped: bool) -> None:
    arrays: dict[str, Any] = {
        code: (np.arange(300).reshape(20, 15) % 2).astype(code)
        for code in ("?", "u1", "i8", "u2", "f2", "<f4", ">f8", "c8")
    }
    arrays |= {"columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "none": np.zeros((0, 2)), "one": np.array(5)}
    arrays |= {"bytes": np.full(5000, 200, np.uint8)}
    content = {
        **arrays,
        "same": arrays["u1"],
        "scalar": np.float32(1.5),
        "big": np.array([2.5], ">f4")[0],
        "yes": np.bool_(True),
    }
    checkpoint = read_checkpoint(saved(content, tmp_path / "a.pth", zipped=zipped))
    read = checkpoint.content
    assert (read["scalar"], read["big"], read["yes"]) == (1.5, 2.5, True)
    assert read["same"] is read["u1"]
    assert [name for name, array in arrays.items() if not np.array_equal(read[name].numpy(), array)] == []
    assert checkpoint.unread == ()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_numpy_arrays_is_read_too(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "model.pkl"
    weights = {"conv.weight": np.random.default_rng(3).normal(size=(3, 4)).astype("f4"), "__author__": "someone"}
    path.write_bytes(pickle.dumps({"model": weights}, protocol))
    tensors, taken = find_state(read_checkpoint(path).content, path)
    assert np.array_equal(tensors["conv.weight"].numpy(), weights["conv.weight"])
    assert taken == "model; left out, being no tensors: __author__ (str)"


def test_arrays_of_objects_and_text_are_not_built(tmp_path: Path) -> None:
    content = {"objects": np.array([Payload(os.getcwd)], object), "words": np.array(["a"]), "w": torch.ones(1)}
    checkpoint = read_checkpoint(saved(content, tmp_path / "a.pth"))
    assert {type(checkpoint.content[name]) for name in ("objects", "words")} == {StandIn}
    assert {"numpy.ndarray", "numpy.dtype"} < set(checkpoint.unread)


def test_an_array_without_its_numbers_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.")
    assert read_checkpoint(path).unread == ("numpy.ndarray",)


@FORMATS
def test_conjugated_views_are_refused_rather_than_read_wrong(tmp_path: Path, zipped: bool) -> None:
    conjugated, negated = torch.tensor([1 + 2j]).conj(), torch.tensor([3 + 4j]).conj().imag
    path = saved({"w": torch.ones(2), "c": conjugated, "n": negated}, tmp_path / "a.pth", zipped=zipped)
    with pytest.raises(WeightsError, match=r"c \(torch\._utils\._rebuild_tensor_v2\), n \(torch"):
        find_state(read_checkpoint(path).content, path)


def test_big_endian_files(tmp_path: Path) -> None:
    path = saved(all_kinds(), tmp_path / "a.pth")
    rezipped(path, lambda name, content: b"big" if name == "byteorder" else content)
    expected = torch.load(path, weights_only=True)
    checkpoint = read_checkpoint(path)
    differing = {name for name, tensor in checkpoint.content.items() if not same(tensor, expected[name])}
    assert differing == {"torch.uint16", "torch.uint32", "torch.uint64", "torch.float8_e4m3fn", "torch.float8_e5m2"}
    assert {type(checkpoint.content[name]) for name in differing} == {StandIn}
    assert checkpoint.unread == ("torch._utils._rebuild_tensor_v3",)


def test_files_without_checksums(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved({"a": torch.arange(5.0)}, tmp_path / "a.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(read_checkpoint(path).content["a"], torch.arange(5.0))


def test_what_mmengine_wrote_is_as_pytorch_reads_it() -> None:
    path = shared("fixtures", "mmseg", "mmengine_real_best.pth")
    checkpoint = read_checkpoint(path)
    expected = torch.load(path, pickle_module=_trusting(), weights_only=False)["state_dict"]
    tensors, taken = find_state(checkpoint.content, path)
    assert taken == "state_dict"
    assert list(tensors) == list(expected)
    assert len(tensors) == 192
    assert [name for name, tensor in tensors.items() if not same(tensor, expected[name])] == []
    assert checkpoint.content["meta"]["dataset_meta"]["classes"] == ("background", "cat", "dog")
    assert checkpoint.unread == ("builtins.getattr", "mmengine.logging.history_buffer.HistoryBuffer")


def _trusting() -> Any:
    """A pickle module for PyTorch's own reader, for one file of ours: MMEngine's classes are empty ones."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if not module.startswith("mmengine"):
                return super().find_class(module, name)
            return type(name, (), dict.fromkeys(("mean", "min", "max", "current")))

    return SimpleNamespace(Unpickler=Unpickler, load=pickle.load, __name__="trusting")


def test_what_older_versions_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    raw = np.arange(4, dtype="<f4").tobytes()
    path.write_bytes(legacy(tensor(b"(S'v'\nI1\nI2\nt", size=2) + b".", ["k"], (4).to_bytes(8, "little") + raw))
    assert read_checkpoint(path).content.tolist() == [1, 2]
    path.write_bytes(legacy(tensor(kind="Bool") + b".", ["k"], (4).to_bytes(8, "little") + b"\0\1\2\xff"))
    assert read_checkpoint(path).content.view(torch.uint8).tolist() == [0, 1, 1, 1]
    path.write_bytes(legacy(b"(S'module'\ncold\nNet\nS'net.py'\nS'class Net: ...'\ntQ)\x81}b.", [], b""))
    assert read_checkpoint(path).unread == ("old.Net",)
    path.write_bytes(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        b"(S'f4'\nI0\nI1\ntR(I3\nS'>'\nNNNI-1\nI-1\nI0\ntbI00\nU\x08\x3f\x80\0\0\xc0\0\0\0tb."
    )
    assert read_checkpoint(path).content.tolist() == [1, -2]
    path.write_bytes(path.read_bytes().replace(b"S'f4'", b"S'b1'").replace(b"(I2\n", b"(I8\n"))
    assert read_checkpoint(path).content.view(torch.uint8).tolist() == [1, 1, 0, 0, 1, 0, 0, 0]


# Nothing is run


def payloads(marker: Path) -> dict[str, Any]:
    """Each writes the marker when it is unpickled, but for "pty", which would take over the terminal."""
    touch, write = f"touch {marker}", f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Payload(os.system, touch),
        "subprocess.check_call": Payload(subprocess.check_call, ["touch", str(marker)]),
        "builtins.eval": Payload(eval, write),
        "builtins.exec": Payload(exec, write),
        "builtins.getattr": Payload(Payload(getattr, Payload(__import__, "os"), "system"), touch),
        "builtins.open": Payload(open, str(marker), "w"),
        "builtins.map": Payload(list, Payload(map, os.system, [touch])),
        "pathlib.Path.touch": Payload(Path.touch, marker),
        "torch._tensor._rebuild_from_type_v2": Payload(torch._tensor._rebuild_from_type_v2, eval, dict, (write,), {}),
        "torch.storage._load_from_bytes": Payload(torch.storage._load_from_bytes, _nested(Payload(eval, write))),
        "pty.spawn": Payload(pty.spawn, ["touch", str(marker)]),
    }


def _nested(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


NAMES = {
    "os.system": f"{os.system.__module__}.system",
    "builtins.open": f"{open.__module__}.open",
    "subprocess.check_call": "commands.check_call",
    "builtins.map": "itertools.imap",
    "pathlib.Path.touch": "builtins.getattr",
}
"""Functions that PyTorch's pickles call otherwise: where they are implemented, or where Python 2 had them."""
PAYLOADS = pytest.mark.parametrize("name", list(payloads(Path("marker"))))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@PAYLOADS
def test_the_payloads_are_real(tmp_path: Path, name: str) -> None:
    if name == "pty.spawn":
        return
    marker = tmp_path / "marker"
    try:
        pickle.loads(pickle.dumps(payloads(marker)[name]))
    except AttributeError:
        assert name.startswith("torch._tensor")
    assert marker.exists()


@FORMATS
@PAYLOADS
def test_a_payload_beside_good_weights_is_named_and_not_run(tmp_path: Path, name: str, zipped: bool) -> None:
    marker, path = tmp_path / "marker", tmp_path / "a.pth"
    weights = {"w": torch.ones(2)}
    saved({"state_dict": weights, "optimizer": {"state": payloads(marker)[name]}}, path, zipped=zipped)
    checkpoint = read_checkpoint(path)
    assert torch.equal(find_state(checkpoint.content, path)[0]["w"], torch.ones(2))
    assert NAMES.get(name, name) in checkpoint.unread
    assert not marker.exists()


@FORMATS
@PAYLOADS
def test_a_payload_among_the_weights_is_refused_by_name(tmp_path: Path, name: str, zipped: bool) -> None:
    marker, path = tmp_path / "marker", tmp_path / "a.pth"
    saved({"state_dict": {"w": torch.ones(2), "head.weight": payloads(marker)[name]}}, path, zipped=zipped)
    with pytest.raises(WeightsError, match=r"a\.pth: head\.weight \(\w") as caught:
        find_state(read_checkpoint(path).content, path)
    assert "is read without running it, and so cannot be had" in str(caught.value)
    assert not marker.exists()


@PAYLOADS
def test_a_payload_alone_or_in_odd_places_is_not_run(tmp_path: Path, name: str) -> None:
    marker = tmp_path / "marker"
    payload = payloads(marker)[name]
    for content in (payload, [payload], {"a": (payload,)}, {payload: 1}, collections.defaultdict(list, {1: payload})):
        checkpoint = read_checkpoint(saved(content, tmp_path / "a.pth"))
        assert checkpoint.unread
    (tmp_path / "a.pth").write_bytes(pickle.dumps(payload))
    assert read_checkpoint(tmp_path / "a.pth").unread
    assert not marker.exists()


def test_payloads_in_the_legacy_header_are_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "a.pth"
    payload = pickle.dumps(Payload(os.system, f"touch {marker}"), 2)
    whole = saved({"w": torch.ones(1)}, path, zipped=False).read_bytes()
    ends = [
        end + 1 for end in range(len(whole)) if whole[end : end + 1] == b"." and whole[end + 1 : end + 2] == b"\x80"
    ]
    for end in ends:
        path.write_bytes(whole[:end] + payload + whole[end:])
        with pytest.raises(WeightsError):
            find_state(read_checkpoint(path).content, path)
    assert len(ends) >= 4
    assert not marker.exists()


# The weights among what a training keeps


WEIGHTS = {"conv.weight": torch.ones(2), "conv.bias": torch.zeros(2)}
PLACES: list[tuple[Any, str]] = [
    (WEIGHTS, "the whole file"),
    ({"state_dict": WEIGHTS, "epoch": 3}, "state_dict"),
    ({"model_state_dict": WEIGHTS, "best": torch.tensor(0.5)}, "model_state_dict"),
    ({"model": WEIGHTS, "model_ema": {"conv.weight": torch.zeros(2)}}, "model"),
    ({"model": {"state_dict": WEIGHTS}}, "model > state_dict"),
    ({"ema_state_dict": {"x": torch.zeros(1)}, "state_dict": WEIGHTS}, "state_dict"),
    ({"teacher": WEIGHTS, "student": {"conv.weight": torch.zeros(2)}}, "teacher"),
    ({"model": StandIn("a.Net"), "ema": WEIGHTS}, "ema"),
    ({f"module.{name}": tensor for name, tensor in WEIGHTS.items()}, "the whole file; 'module.' taken off every name"),
    (
        {"net": {f"module._orig_mod.{name}": tensor for name, tensor in WEIGHTS.items()}},
        "net; 'module._orig_mod.' taken off every name",
    ),
    ({**WEIGHTS, "epoch": 3}, "the whole file; left out, being no tensors: epoch (int)"),
]


@pytest.mark.parametrize(("content", "expected"), PLACES, ids=[expected for _, expected in PLACES])
def test_the_weights_are_found_where_scripts_put_them(content: Any, expected: str) -> None:
    tensors, taken = find_state(content, Path("a.pth"))
    assert taken == expected
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {"conv.weight": [1, 1], "conv.bias": [0, 0]}


def test_the_same_numbers_under_thousands_of_names_are_refused(tmp_path: Path) -> None:
    part = torch.zeros(1, dtype=torch.float16).expand(1 << 20)
    torch.save({f"layer{number}.weight": part for number in range(100)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="repeat the same numbers over and over"):
        find_state(read_checkpoint(tmp_path / "a.pth").content, tmp_path / "a.pth")
    tied = torch.zeros(100)
    state, _ = find_state({"a": tied, "b": tied}, tmp_path / "b.pth")
    assert set(state) == {"a", "b"}


def test_a_pickled_model_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for content in (Network(), {"model": Network(), "epoch": 1}):
        path = saved(content, tmp_path / "a.pt")
        checkpoint = read_checkpoint(path)
        with pytest.raises(WeightsError, match=r"a\.pt: holds a pickled model object \(\S*\.Network\)") as caught:
            find_state(checkpoint.content, path)
        assert "save the weights alone: torch.save(model.state_dict(), 'weights.pth')" in str(caught.value)


def test_tensors_that_are_not_built_are_refused_by_name(tmp_path: Path) -> None:
    weights = {"w": torch.ones(2), **{f"s{index}": torch.eye(2).to_sparse() for index in range(7)}}
    path = saved(weights, tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        find_state(read_checkpoint(path).content, path)
    assert "s0 (torch._utils._rebuild_sparse_tensor), s1" in str(caught.value)
    assert "and 2 more is read without running it" in str(caught.value)


def test_a_pickle_with_tensors_inside_tensors_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"w": torch.ones(2)}))
    checkpoint = read_checkpoint(path)
    assert "torch.storage._load_from_bytes" in checkpoint.unread
    with pytest.raises(WeightsError, match=r"w \(torch\._utils\._rebuild_tensor_v2\) is read without running it"):
        find_state(checkpoint.content, path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"epoch": 1, "lr\x1b": 2, 5: 3}, "epoch, lr\\\\x1b, a int"),
        ({}, "a dict without any"),
        (5, "a int without any"),
        (torch.ones(2), "a Tensor without any"),
        ({0: torch.ones(2)}, "a int"),
        ({"best": torch.tensor(0.5), "epoch": 1, "encoder": {"w": torch.ones(2)}}, "best, epoch, encoder"),
    ],
)
def test_a_checkpoint_without_weights_says_what_it_has(content: Any, found: str) -> None:
    with pytest.raises(WeightsError, match=rf"a\.pth: no weights are found in this checkpoint.*\n.*found: {found}\n"):
        find_state(content, Path("a.pth"))


def test_cyclic_content_is_no_endless_search() -> None:
    content: dict[str, Any] = {}
    content["model"] = content
    with pytest.raises(WeightsError, match="no weights are found"):
        find_state(content, Path("a.pth"))


def test_a_checkpoint_does_not_print_its_content() -> None:
    assert repr(Checkpoint({"w": torch.ones(2)}, ("os.system",))) == "Checkpoint(unread=('os.system',))"
