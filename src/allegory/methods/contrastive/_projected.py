"""An encoder with a projection head: the code is the layer below the head, the loss is taken above it."""

from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets
from allegory.core import Spec


class ProjectedNet(nn.Module):
    """f = `body`, g = `head`; `hidden` 0 makes the head as wide as the code."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int):
        super().__init__()
        self.body = nets.encoder(encoder, spec)
        self.head = nets.head((self.body.out, hidden or self.body.out, out))

    def forward(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b p"]:
        z: Tensor = self.head(self.body(x))
        return z
