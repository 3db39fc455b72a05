"""A checkpoint is whole and exact, or refused."""

import json
import os
import random

import pytest
import torch
from safetensors import safe_open
from torch import nn

from allegory.core import Problem, files
from allegory.train import checkpoints

FACTS = {"step": 7, "name": 'ünïcode "quoted"', "nested": {"a": [1, 2.5, None]}}


@pytest.fixture
def tensors():
    g = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, generator=g)
    return {
        "net/weight": weight, "net/tied": weight, "scalar": torch.tensor(3.0), "count": torch.tensor(2**40 + 1),
        "half": weight.half(), "brain": weight.bfloat16(), "double": weight.double() / 3, "flags": weight > 0,
        "bytes": torch.arange(5).byte(),
        "empty": torch.empty(0, 4), "strange": torch.tensor([float("nan"), -0.0, float("inf"), 1e-45]), "turned": weight.t(),
    }  # fmt: skip


def same(a, b):
    """Equal bit for bit, NaN and the sign of zero included."""
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and a.contiguous().flatten().tolist().__repr__() == b.contiguous().flatten().tolist().__repr__()
    )


def test_round_trip_is_exact_and_ties_are_kept(tmp_path, tensors):
    path = tmp_path / "deep" / "a.safetensors"
    checkpoints.save(path, tensors, FACTS)
    back, facts = checkpoints.load(path)
    assert facts == FACTS
    assert set(back) == set(tensors)
    assert all(same(back[k], t) for k, t in tensors.items())
    assert back["net/tied"] is back["net/weight"] and back["turned"].data_ptr() != back["net/weight"].data_ptr()
    assert os.listdir(path.parent) == ["a.safetensors"]


def test_the_file_is_plain_safetensors(tmp_path, tensors):
    checkpoints.save(tmp_path / "a.safetensors", tensors, FACTS)
    with safe_open(tmp_path / "a.safetensors", "pt") as f:
        assert json.loads(f.metadata()["facts"]) == FACTS
        assert set(f.keys()) == set(tensors) - {"net/tied"}
        assert all(same(f.get_tensor(k), tensors[k]) for k in f.keys())  # noqa: SIM118 - not a dict


def test_every_flipped_bit_is_refused(tmp_path, tensors):
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, tensors, FACTS)
    whole = path.read_bytes()
    dice = random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    for at in [*range(16), *dice.sample(range(header), 150), *dice.sample(range(header, len(whole)), 50), len(whole) - 1]:
        bad = bytearray(whole)
        bad[at] ^= 1 << dice.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(Problem, match=str(path)):
            checkpoints.load(path)


def test_cut_and_longer_and_foreign_files_are_refused(tmp_path, tensors):
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, tensors, FACTS)
    whole = path.read_bytes()
    for n in [0, 5, 8, 100, len(whole) - 1]:
        path.write_bytes(whole[:n])
        with pytest.raises(Problem, match="damaged"):
            checkpoints.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(Problem, match="damaged"):
        checkpoints.load(path)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(Problem, match="not written by allegory"):
        checkpoints.load(path)
    path.write_bytes(whole.replace(b'"allegory": "1"', b'"allegory": "9"'))
    with pytest.raises(Problem, match="version '9'"):
        checkpoints.load(path)
    with pytest.raises(Problem, match="cannot read"):
        checkpoints.load(tmp_path / "none.safetensors")


def test_sizes_are_checked_before_anything_is_allocated(tmp_path):
    entry = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
    metadata = {"sha256": "0" * 64, "allegory": "1", "facts": "{}", "aliases": "{}", "format": "pt"}
    for bad in (entry, entry | {"shape": [-1]}, entry | {"shape": [0, 2**62], "data_offsets": [0, 0]}, entry | {"dtype": "F1"}, {}, 3):
        header = json.dumps({"__metadata__": metadata, "a": bad}).encode()
        (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header)
        with pytest.raises(Problem, match="damaged"):
            checkpoints.load(tmp_path / "a")


def test_a_failed_write_leaves_the_old_file(tmp_path, tensors, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, {"a": torch.zeros(1)}, {})
    for operation in ("write", "fsync", "rename"):

        def full(now, where, operation=operation):
            if now == operation:
                raise OSError(28, "no space")

        monkeypatch.setattr(files, "fault", full)
        with pytest.raises(Problem, match="disk is full"):
            checkpoints.save(path, tensors, FACTS)
        assert set(checkpoints.load(path)[0]) == {"a"}
        assert os.listdir(tmp_path) == ["a.safetensors"]


def test_latest_passes_over_damaged_files_and_prune_keeps_the_newest(tmp_path):
    assert checkpoints.latest(tmp_path / "none") is None
    for step in (5, 40, 300):
        checkpoints.save(checkpoints.at(tmp_path, step), {"a": torch.tensor(step)}, {"step": step})
    (tmp_path / "other.safetensors").write_bytes(b"not a checkpoint")
    (tmp_path / ".000000000400.safetensors.x1.part").write_bytes(b"half")
    assert checkpoints.latest(tmp_path) == checkpoints.at(tmp_path, 300)
    checkpoints.at(tmp_path, 300).write_bytes(b"x")
    assert checkpoints.latest(tmp_path) == checkpoints.at(tmp_path, 40)
    checkpoints.prune(tmp_path, keep=2)
    assert sorted(os.listdir(tmp_path)) == ["000000000040.safetensors", "000000000300.safetensors", "other.safetensors"]


class Net(nn.Module):
    sized = {"bank": 100}

    def __init__(self, bank=4):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 3, bias=False)
        self.c = self.a  # tied
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("bank", torch.zeros(bank, 2))
        self.register_buffer("fleeting", torch.zeros(2), persistent=False)

    def forward(self, x):
        return self.b(self.norm(self.c(x)))


def learn(net, optimisers, steps, start=0):
    for step in range(start, start + steps):
        x = torch.sin(torch.arange(24.0).view(8, 3) * (step + 1))
        loss = (net(x) - x).square().mean()
        for optimiser in optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers.values():
            optimiser.step()
        net.fleeting += step


def made(seed):
    torch.manual_seed(seed)
    net = Net()
    return net, {"one": torch.optim.AdamW(net.a.parameters(), amsgrad=True), "two": torch.optim.SGD(net.b.parameters(), 0.1, momentum=0.9)}


def test_a_run_that_is_restored_goes_on_bit_for_bit(tmp_path):
    net, optimisers = made(0)
    learn(net, optimisers, 3)
    checkpoints.save(tmp_path / "a", checkpoints.state({"main": net}, optimisers), {})
    learn(net, optimisers, 3, start=3)
    again, optimisers_again = made(1)
    learn(again, optimisers_again, 1)  # state that must be replaced
    checkpoints.restore(checkpoints.load(tmp_path / "a")[0], {"main": again}, optimisers_again)
    assert again.c is again.a and optimisers_again["one"].param_groups[0]["params"][0] is again.a.weight
    learn(again, optimisers_again, 3, start=3)
    first, second = checkpoints.state({"main": net}, optimisers), checkpoints.state({"main": again}, optimisers_again)
    assert list(first) == list(second)
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert {"optim/one/0/step", "optim/one/1/max_exp_avg_sq", "optim/two/0/momentum_buffer", "net/main/fleeting"} <= set(first)


def test_restore_refuses_what_does_not_fit():
    net, optimisers = made(0)
    learn(net, optimisers, 1)
    state = checkpoints.state({"main": net}, optimisers)
    for change, said in [
        ({"net/main/a.weight": torch.zeros(4, 2)}, "shape"), ({"net/main/a.weight": torch.zeros(4, 3).double()}, "float64"),
        ({"net/main/extra": torch.zeros(1)}, "unknown extra"), ({"net/other/a": torch.zeros(1)}, "unknown other"),
        ({"optim/three/0/step": torch.zeros(())}, "three"), ({"optim/two/9/step": torch.zeros(())}, "more than the 1"),
        ({"net/main/bank": torch.zeros(51, 2)}, "<= 100"), ({"net/main/bank": torch.zeros(8)}, "2 axes"),
    ]:  # fmt: skip
        before = {k: t.clone() for k, t in checkpoints.contents(net).items()}
        with pytest.raises(Problem, match=said):
            checkpoints.restore(state | change, {"main": net}, optimisers)
        assert all(torch.equal(t, before[k]) for k, t in checkpoints.contents(net).items())
    with pytest.raises(Problem, match=r"missing norm\.bias"):
        checkpoints.restore({k: t for k, t in state.items() if k != "net/main/norm.bias"}, {"main": net}, optimisers)


def test_a_declared_buffer_takes_its_size_from_the_file():
    net, _ = made(0)
    checkpoints.fill(net, checkpoints.contents(Net(bank=50)) | {"bank": torch.ones(50, 2)})
    assert torch.equal(net.bank, torch.ones(50, 2)) and "bank" in dict(net.named_buffers())


def test_counters_stay_on_the_cpu_unless_the_kernel_counts():
    p = nn.Parameter(torch.empty(2, device="meta"))  # stands for a parameter on another device
    for capturable, expected in [(False, "cpu"), (True, "meta")]:
        optimiser = torch.optim.Adam([p])
        optimiser.param_groups[0]["capturable"] = capturable
        checkpoints.restore({"optim/a/0/step": torch.tensor(3.0), "optim/a/0/exp_avg": torch.ones(2)}, {}, {"a": optimiser})
        assert optimiser.state[p]["step"].device.type == expected and optimiser.state[p]["exp_avg"].device.type == "meta"
