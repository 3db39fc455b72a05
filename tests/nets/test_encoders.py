"""Every net by name: sizes, gradients, precision, and the numbers of parameters that the papers' networks have."""

import copy

import pytest
import torch
from torch import nn

from allegory import nets
from allegory.core import Array, Misuse, Parts, Problem, Tokens

SIZES = [(1, 6, 6), (1, 8, 8), (2, 7, 11), (3, 32, 20)]
DEEP = ("resnet50", "vit-small")  # slow: one size is enough
CASES = [(name, shape) for name in nets.ENCODERS for shape in SIZES if name not in DEEP or shape == (2, 7, 11)]


def count(net):
    return sum(p.numel() for p in net.parameters())


def x_of(shape, b=3, dtype=torch.float32):
    return torch.randn(b, *shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize(
    ("name", "shape", "published"),
    [
        ("convnet", (1, 8, 8), 9 * (1 * 32 + 32 * 64 + 64 * 128 + 128 * 128) + 2 * (32 + 64 + 128 + 128)),  # no bias before a norm
        ("resnet18", (3, 32, 32), 11_173_962 - 5_130),  # kuangliu/pytorch-cifar's ResNet18 without its layer for 10 classes
        ("resnet18", (3, 224, 224), 11_689_512 - 513_000),  # torchvision's without its layer for 1,000 classes
        ("resnet50", (3, 224, 224), 25_557_032 - 2_049_000),
        ("vit-tiny", (3, 224, 224), 5_717_416 - 193_000),  # DeiT's
        ("vit-small", (3, 224, 224), 22_050_664 - 385_000),
    ],
)
def test_numbers_of_parameters_are_the_published_ones(name, shape, published):
    with torch.device("meta"):
        assert count(nets.encoder(name, Array(shape))) == published


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_every_size_gives_out_numbers_and_every_parameter_a_gradient(name, shape):
    torch.manual_seed(0)
    net, x = nets.encoder(name, Array(shape)), x_of(shape).requires_grad_()
    y = net(x)
    assert y.shape == (3, net.out)
    grads = torch.autograd.grad((y * torch.randn_like(y)).sum(), [x, *net.parameters()])
    dead = [n for n, g in zip(["x", *dict(net.named_parameters())], grads, strict=True) if not (g.isfinite().all() and g.abs().max() > 0)]
    assert dead == []


@pytest.mark.parametrize("name", nets.DECODERS)
@pytest.mark.parametrize("shape", SIZES)
def test_every_decoder_gives_the_shape_and_every_parameter_a_gradient(name, shape):
    torch.manual_seed(0)
    net = nets.decoder(name, Array(shape), 4)
    y = net(torch.randn(3, 4))
    assert y.shape == (3, *shape)
    assert all(g.abs().max() > 0 for g in torch.autograd.grad((y * torch.randn_like(y)).sum(), list(net.parameters())))


@pytest.mark.parametrize("name", [n for n in nets.ENCODERS if n not in DEEP])
@torch.no_grad()
def test_float64_agrees_with_float32_and_items_do_not_meet_in_evaluation(name):
    torch.manual_seed(0)
    net = nets.encoder(name, Array((2, 9, 7))).eval()
    wide, x = copy.deepcopy(net).double(), x_of((2, 9, 7), b=4, dtype=torch.float64)
    y = wide(x)
    assert y.dtype == torch.float64
    assert torch.allclose(net(x.float()).double(), y, atol=1e-4 * float(y.abs().max()))
    assert torch.allclose(wide(x[2:3]), y[2:3], rtol=1e-9)


@pytest.mark.parametrize("name", ["convnet-plain", "mlp-plain"])
def test_plain_encoders_have_no_batch_statistics_even_in_training(name):
    torch.manual_seed(0)
    assert not nets.has_batch_statistics(nets.encoder(name, Array((1, 8, 8))))
    assert nets.has_batch_statistics(nets.encoder(name.removesuffix("-plain"), Array((1, 8, 8))))
    net, x = nets.encoder(name, Array((1, 8, 8))).train(), x_of((1, 8, 8), b=4)
    assert torch.allclose(net(x)[1:2], net(x[1:2]), atol=1e-5)
    assert not list(net.buffers())


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 64, 64), (12,)])
@torch.no_grad()
def test_plain_nets_pass_the_size_of_the_signal_on(shape):
    torch.manual_seed(0)
    x = x_of(shape, b=16)
    y = nets.encoder("default-plain", Array(shape))(x)
    # He's init; what is lost is lost to the zeros around maps of 2x2 pixels. torch's own init leaves .03 to .0005.
    assert 0.08 < float(y.square().mean() / x.square().mean()) < 3
    image = nets.decoder("default", Array(shape), 8)(torch.randn(16, 8))
    assert 0.05 < float(image.square().mean()) < 3


def test_the_default_follows_the_data():
    image, vector = Array((1, 8, 8)), Array((12,))
    assert isinstance(nets.encoder("default", image), nets.ConvNet) and nets.encoder("default", image).out == 128
    assert isinstance(nets.encoder("default", vector), nets.MLP)
    assert isinstance(nets.decoder("default", image, 2), nets.Deconv)
    assert isinstance(nets.decoder("default", vector, 2), nets.MLPDecoder)
    assert nets.default(image, 7)(x_of((1, 8, 8))).shape == nets.default(vector, 7)(x_of((12,))).shape == (3, 7)
    assert nets.decoder("default", Array((5, 4)), 2)(torch.zeros(3, 2)).shape == (3, 5, 4)


def test_names_are_matched_without_case_and_dashes():
    image, vector = Array((3, 32, 32)), Array((12,))
    with torch.device("meta"):
        for told, name in [("ResNet-18", "resnet18"), ("ViT_Tiny", "vit-tiny"), ("CONVNET_plain", "convnet-plain")]:
            assert str(nets.encoder(told, image)) == str(nets.encoder(name, image))
        assert isinstance(nets.decoder("Broad-Cast", image, 2), nets.Broadcast)
        assert str(nets.encoder("Default_Plain", vector)) == str(nets.encoder("mlp-plain", vector)) != str(nets.encoder("mlp", vector))
        assert isinstance(nets.decoder("Default", image, 2), nets.Deconv)
        assert nets.encoder("MLP_Plain", Parts({"a": image, "b": vector})).out == 512
    with pytest.raises(Misuse, match=r"unknown encoder 'ResNet-19'. Did you mean .*resnet18"):
        nets.encoder("ResNet-19", image)


def test_parts_run_one_net_a_part_side_by_side():
    spec = Parts({"picture.left": Array((3, 8, 8)), "pose": Array((4,))})
    x = {"pose": x_of((4,)), "picture.left": x_of((3, 8, 8))}
    net = nets.encoder("resnet18", spec).eval()
    code = net(x)
    assert code.shape == (3, net.out) == (3, 512 + 256)
    assert torch.equal(code[:, 512:], net.nets[1](x["pose"]))
    assert nets.default(spec, 5)(x).shape == (3, 5)
    back = nets.decoder("broadcast", spec, 6)(torch.zeros(3, 6))
    assert {k: v.shape[1:] for k, v in back.items()} == {"picture.left": (3, 8, 8), "pose": (4,)}


def test_heads_are_linear_at_the_end_and_normed_between():
    assert [type(m) for m in nets.head((8, 16, 4))] == [nn.Linear, nets.BatchNorm, nn.ReLU, nn.Linear]
    *_, linear, norm = nets.head((8, 16, 4), last="batch")
    assert (linear.bias, norm.weight, norm.bias) == (None, None, None)
    assert [type(m) for m in nets.head((8, 16, 16, 4), norm="none")] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [type(m) for m in nets.head((8, 4))] == [nn.Linear]
    assert nets.head((8, 16, 4))(torch.randn(5, 8)).shape == (5, 4)


def test_patches_of_the_transformer_fit_the_image():
    sizes = {side: nets.ViT((1, side, side), 8, 2, depth=1).patch for side in (8, 14, 28, 32, 64, 96, 224)}
    assert sizes == {8: 1, 14: 1, 28: 2, 32: 4, 64: 8, 96: 8, 224: 16}
    net = nets.ViT((1, 33, 20), 8, 2, depth=1)  # patches of 4: 9 x 5 of them, and the class token
    assert net.tokens(torch.zeros(2, 1, 33, 20)).shape == (2, 1 + 45, 8)
    assert torch.equal(net(torch.ones(2, 1, 33, 20)), net.tokens(torch.ones(2, 1, 33, 20))[:, 0])


def test_what_a_person_gets_wrong_is_said_in_one_line():
    with pytest.raises(Misuse, match=r"unknown encoder 'resnet19'. Did you mean .*resnet18"):
        nets.encoder("resnet19", Array((3, 32, 32)))
    with pytest.raises(Misuse, match=r"'resnet18' reads images \(c, h, w\); these are arrays 12. Use 'mlp'"):
        nets.encoder("resnet18", Array((12,)))
    with pytest.raises(Misuse, match="'deconv' reads images"):
        nets.decoder("deconv", Array((12,)), 2)
    with pytest.raises(Problem, match="no net reads Tokens"):
        nets.encoder("default", Tokens(100))


@pytest.mark.parametrize(("name", "size"), [("mlp", (3, 9, 11)), ("convnet", (3, 9, 11)), ("vit-tiny", (1, 4, 4))])
def test_the_number_of_items_is_free_in_an_exported_encoder(name, size):
    """`len(x)` in a forward would write the example's batch size into the graph."""
    net = nets.encoder(name, Array(size)).eval()
    assert exported(net, x_of(size, b=2))(x_of(size, b=5)).shape == (5, net.out)


@pytest.mark.parametrize("name", nets.DECODERS)
def test_the_number_of_items_is_free_in_an_exported_decoder(name):
    net = nets.decoder(name, Array((3, 9, 11)), 4).eval()
    assert exported(net, torch.zeros(2, 4))(torch.zeros(5, 4)).shape == (5, 3, 9, 11)


def exported(net, example):
    return torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim("b")},)).module()


@pytest.mark.parametrize("name", sorted(nets.ENCODERS))
def test_encoders_of_any_size_read_other_sizes(name):
    net = nets.encoder(name, Array((3, 16, 16))).eval()
    if net.any_size:
        assert net(torch.zeros(2, 3, 5, 6)).shape == (2, net.out)
    assert net.any_size == (name.startswith(("convnet", "resnet")) and name != "convnet-plain")
