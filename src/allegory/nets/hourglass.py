"""From what is seen through a code to what is told."""

from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Spec
from allegory.nets.choose import decoder as decoder_of
from allegory.nets.choose import encoder as encoder_of


class Hourglass(nn.Module):
    """f = `body` then `to_code`, to a code of `latent` numbers (0: the body's own output); g = `decoder`, from codes to observations of
    `told`."""

    def __init__(self, seen: Spec, told: Spec, latent: int, encoder: str, decoder: str):
        super().__init__()
        self.body = encoder_of(encoder, seen)
        self.out = latent or self.body.out
        self.to_code = nn.Linear(self.body.out, latent) if latent else nn.Identity()
        self.decoder = decoder_of(decoder, told, self.out)

    def f(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        z: Tensor = self.to_code(self.body(x))
        return z
