"""Plain modules, written once, that know no method. Only this package defines convolutions, attention and norm layers."""

from allegory.nets.anchors import Anchors, Similarities
from allegory.nets.attention import Attention, Block
from allegory.nets.bijections import Bijection, Chain, Logit, Scale
from allegory.nets.broadcast import Broadcast
from allegory.nets.canvas import Grow, Shrink, gaussian_maps, halvings
from allegory.nets.choose import DECODERS, ENCODERS, OF_SERIES, decoder, default, encoder, patch_of, transformer
from allegory.nets.codebook import Codebook
from allegory.nets.convnet import ConvNet
from allegory.nets.curves import Affine, Curve, Spline
from allegory.nets.deconv import Deconv
from allegory.nets.encoder import Encoder
from allegory.nets.flows import Couplings
from allegory.nets.gated import GatedPixels
from allegory.nets.hourglass import Hourglass
from allegory.nets.masked import RowsAbove
from allegory.nets.memory import MemoryBank, Queue, at_rest
from allegory.nets.mlp import MLP, MLPDecoder, head
from allegory.nets.norm import BatchNorm, Norm, batch_statistics, frozen_statistics, has_batch_statistics
from allegory.nets.parts import PartsDecoder, PartsEncoder
from allegory.nets.pixels import PixelTransformer
from allegory.nets.places import PlaceHead
from allegory.nets.predictor import Predictor
from allegory.nets.projected import Projected, teacher_of
from allegory.nets.prototypes import Prototypes
from allegory.nets.raster import Autoregressive, Shape, picture, raster
from allegory.nets.recurrent import Cell, ConvLSTM, DownColumns, RasterRNN
from allegory.nets.resnet import ResNet, resnet18, resnet50
from allegory.nets.vit import ViT
from allegory.nets.wave import Wave
from allegory.nets.window import Window

__all__ = [
    "DECODERS", "ENCODERS", "MLP", "OF_SERIES", "Affine", "Anchors", "Attention", "Autoregressive", "BatchNorm", "Bijection", "Block",
    "Broadcast", "Cell", "Chain", "Codebook", "ConvLSTM", "ConvNet", "Couplings", "Curve", "Deconv", "DownColumns", "Encoder",
    "GatedPixels", "Grow", "Hourglass", "Logit", "MLPDecoder", "MemoryBank", "Norm", "PartsDecoder", "PartsEncoder", "PixelTransformer",
    "PlaceHead", "Predictor", "Projected", "Prototypes", "Queue", "RasterRNN", "ResNet", "RowsAbove", "Scale", "Shape", "Shrink",
    "Similarities", "Spline", "ViT", "Wave", "Window", "at_rest", "batch_statistics", "decoder", "default", "encoder",
    "frozen_statistics", "gaussian_maps", "halvings", "has_batch_statistics", "head", "patch_of", "picture", "raster", "resnet18",
    "resnet50", "teacher_of", "transformer",
]  # fmt: skip
