"""What a method is shown: one batched engine of augmentations, random for each example through `core.Dice`, on CPU and GPU.

Every view is a frozen dataclass, called with a batch and its dice. Images are (b, c, h, w) floats in [-1, 1], vectors (b, d).
"""

from allegory.core import Views
from allegory.views.blocks import Blocked, Blocks
from allegory.views.blur import Blur, Sharpness
from allegory.views.channels import Channels, Coloured, Uncolour
from allegory.views.colour import ColourJitter, Grey
from allegory.views.combine import Compose, OneOf, Pair, Part, Sometimes
from allegory.views.cutout import Cutout
from allegory.views.geometry import Affine, Flip, Geometry, ResizedCrop
from allegory.views.holes import Holes
from allegory.views.multicrop import GLOBALS, MultiCrop, multi_crop
from allegory.views.noise import Corrupt, Drop, Noise, SaltAndPepper
from allegory.views.patches import InPieces, Jigsaws, Patches, RelativePositions, WholeAndPatches
from allegory.views.policies import RandAugment, augment, mild
from allegory.views.puzzles import Masked, Masks, Puzzle, Rotations
from allegory.views.sobel import Sobel
from allegory.views.split import Asked, Split
from allegory.views.tone import AutoContrast, Equalize, Invert, Posterize, Solarize
from allegory.views.view import Identity, View
from allegory.views.windows import Windows

VIEWS: dict[str, type[View]] = {
    c.__name__: c
    for c in (
        Affine, AutoContrast, Blocks, Blur, Channels, ColourJitter, Compose, Corrupt, Cutout, Drop, Equalize, Flip, Grey, Holes,
        Identity, Invert, Jigsaws, Masks, MultiCrop, Noise, OneOf, Pair, Part, Patches, Posterize, RandAugment, RelativePositions,
        ResizedCrop, Rotations, SaltAndPepper, Sharpness, Sobel, Solarize, Sometimes, Split, Uncolour, WholeAndPatches, Windows,
    )
}  # fmt: skip

__all__ = [
    "GLOBALS", "VIEWS", "Affine", "Asked", "AutoContrast", "Blocked", "Blocks", "Blur", "Channels", "ColourJitter", "Coloured",
    "Compose", "Corrupt", "Cutout", "Drop", "Equalize", "Flip", "Geometry", "Grey", "Holes", "Identity", "InPieces", "Invert", "Jigsaws",
    "Masked", "Masks", "MultiCrop", "Noise", "OneOf", "Pair", "Part", "Patches", "Posterize", "Puzzle", "RandAugment",
    "RelativePositions", "ResizedCrop", "Rotations", "SaltAndPepper", "Sharpness", "Sobel", "Solarize", "Sometimes", "Split", "Uncolour",
    "View", "Views", "WholeAndPatches", "Windows", "augment", "mild", "multi_crop",
]  # fmt: skip
