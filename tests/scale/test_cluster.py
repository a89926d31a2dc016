"""The way onto a Ray cluster, where there is none: what is refused, and that at once. Without Ray."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from maskwright.cli.main import answer
from maskwright.errors import UsageError
from maskwright.experiments.trials import Job
from maskwright.scale.cluster import check_cluster, connected, machines_for
from maskwright.scale.prediction import over_ray
from maskwright.scale.trials import starting_on_ray
from maskwright.workflow.train import train
from maskwright.workflow.trial import run_trial
from tiny import tiny_dataset

NO_CLUSTER = "there is no Ray cluster that answers"
NOBODY = "127.0.0.1:1"


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """In place of Ray, where it was asked to connect; no cluster is known on this machine."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    module, asked = ModuleType("ray"), SimpleNamespace(addresses=[])
    module.init = lambda address, **_: asked.addresses.append(address)  # type: ignore[attr-defined]
    module.shutdown = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", module)
    return asked


def address_file(tmp_path: Path, address: str) -> None:
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(address + "\n")


def cluster_of(*cores: int, gpus: int = 0) -> SimpleNamespace:
    nodes = [{"Alive": True, "Resources": {"CPU": float(count), "GPU": float(gpus)}} for count in cores]
    return SimpleNamespace(nodes=lambda: [*nodes, {"Alive": False, "Resources": {}}])


def test_auto_is_refused_at_once_where_no_cluster_is_known(
    ray: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=f"--ray auto: {NO_CLUSTER}") as refused, connected("auto"):
        pass
    assert "RAY_ADDRESS is not set" in str(refused.value) and str(tmp_path / "ray") in str(refused.value)
    address_file(tmp_path, NOBODY)  # left by a cluster that was killed
    with pytest.raises(UsageError, match=rf"{NO_CLUSTER}[\s\S]*{NOBODY}"):
        over_ray("auto")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:2")
    with pytest.raises(UsageError, match=rf"{NO_CLUSTER}[\s\S]*127.0.0.1:2"):
        check_cluster("auto")
    assert ray.addresses == []


def test_auto_is_the_cluster_that_this_machine_knows(ray: SimpleNamespace, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        address_file(tmp_path, address)
        with connected("auto"):
            pass
    with connected("local"):
        pass
    assert ray.addresses == [address, "local"]


@pytest.mark.parametrize("address", ["somewhere", "ray://head:10001", ":6379", "127.0.0.1:99999", NOBODY])
def test_what_is_no_address(ray: SimpleNamespace, address: str) -> None:
    with pytest.raises(UsageError, match=NO_CLUSTER):
        check_cluster(address)
    assert ray.addresses == []


def test_nodes_without_a_cluster_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=r"--nodes 2: there is no cluster[\s\S]*--ray ADDRESS"):
        train(tiny_dataset(), out=tmp_path / "out", nodes=2)
    assert answer(["train", str(tmp_path / "no data"), "-o", str(tmp_path / "out"), "--nodes", "2"]) == 2
    assert "--nodes 2: there is no cluster" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("ray")
def test_the_cluster_is_looked_for_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing, out = str(tmp_path / "nothing"), tmp_path / "out"
    commands = (["train", nothing, "-o", str(out)], ["predict", nothing, nothing, "-o", str(out)])
    for command in commands:
        assert answer([*command, "--ray", NOBODY]) == 2
        assert f"--ray {NOBODY}: {NO_CLUSTER}" in capsys.readouterr().err
    with pytest.raises(UsageError, match=NO_CLUSTER):
        train(tiny_dataset(), out=out, ray="auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    for command in commands:
        assert answer([*command, "--ray", "auto"]) == 2
        assert 'pip install "maskwright[ray]"' in capsys.readouterr().err
    assert not out.exists()


def test_work_is_refused_that_no_machine_has_the_cores_for() -> None:
    assert machines_for(cluster_of(4, 8, 2), threads=4) == 2
    assert machines_for(cluster_of(4, gpus=1), threads=4, device="cuda:0") == 1
    with pytest.raises(UsageError, match=r"no machine[\s\S]*expected: 16 CPU[\s\S]*found: 4 CPU, 0 GPU; 8 CPU, 0 GPU"):
        machines_for(cluster_of(4, 8), threads=16)
    with pytest.raises(UsageError, match="expected: 2 CPU, 1 GPU"):
        machines_for(cluster_of(4), threads=2, device="cuda")


@pytest.mark.usefixtures("ray")
def test_a_trial_is_refused_that_would_wait_for_ever(tmp_path: Path) -> None:
    sys.modules["ray"].nodes = cluster_of(2, 2).nodes  # type: ignore[attr-defined]
    with starting_on_ray("local", run_trial) as start, pytest.raises(UsageError, match="expected: 3 CPU"):
        start(Job(tmp_path, tmp_path / "trial", {}, threads=3))


@pytest.mark.usefixtures("ray")
def test_photos_are_not_sent_where_they_would_wait_for_ever() -> None:
    sys.modules["ray"].nodes = cluster_of(2, 2).nodes  # type: ignore[attr-defined]
    spread = over_ray("local", threads=3)
    with pytest.raises(UsageError, match="expected: 3 CPU"):
        list(spread(None, []))  # type: ignore[arg-type]
