"""Seconds a step of pythae's VAE trainer, run by latent_speed.py in an environment that has pythae.

    PEER latent_speed_peer.py images.npy --batch 128 --epochs 5 --workers 0

The network is that of latent_speed.py: one hidden layer of 512 on either side. Prints one line of JSON: seconds of the clock and of the
processor for each epoch but the first, from before its loader starts to the end of its last step, and the settings.
"""

import argparse
import json
import sys
import tempfile
import time

import numpy as np
import pythae
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn

LATENT, HIDDEN = 16, 512


class Encoder(BaseEncoder):
    """784 - 512 - mean and log variance."""

    def __init__(self):
        super().__init__()
        self.latent_dim = LATENT
        self.layers = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU())
        self.posterior = nn.Linear(HIDDEN, 2 * LATENT)

    def forward(self, x):
        mu, log_var = self.posterior(self.layers(x.flatten(1))).chunk(2, 1)
        return ModelOutput(embedding=mu, log_covariance=log_var)


class Decoder(BaseDecoder):
    """16 - 512 - 784. pythae's cross entropy is of probabilities."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z).view(-1, 1, 28, 28))


class BlackAndWhite(VAE):
    """Sees every pixel black or white, drawn anew in every step."""

    def forward(self, inputs, **more):
        grey = inputs["data"]
        return super().forward({"data": (torch.rand_like(grey) < grey).float()}, **more)


class Clock(TrainingCallback):
    """Seconds of the epochs, by the clock and by the processor."""

    def __init__(self):
        self.seconds = []

    def on_train_step_begin(self, *_, **__):
        self.begun = time.perf_counter(), time.process_time()
        self.seconds.append(None)

    def on_train_step_end(self, *_, **__):
        self.seconds[-1] = time.perf_counter() - self.begun[0], time.process_time() - self.begun[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", help="an .npy file of (n, 1, 28, 28) uint8")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    x = np.load(asked.images).astype(np.float32) / 255
    model = BlackAndWhite(VAEConfig((1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce"), encoder=Encoder(), decoder=Decoder())
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder, per_device_train_batch_size=asked.batch, num_epochs=asked.epochs, learning_rate=1e-3, optimizer_cls="AdamW",
            optimizer_params={"weight_decay": 0.0, "fused": True}, train_dataloader_num_workers=asked.workers, no_cuda=True,
        )  # fmt: skip
        data = BaseDataset(torch.from_numpy(x), torch.ones(len(x)))
        BaseTrainer(model, data, training_config=config, callbacks=[clock]).train()
    settings = {"pythae": getattr(pythae, "__version__", "0.1.2"), "torch": torch.__version__, "workers": asked.workers, "fused": True}
    steps = -(-len(x) // asked.batch)
    sys.stdout.write(
        "\n" + json.dumps({"seconds_a_step": [[s / steps for s in each] for each in clock.seconds[1:]], "settings": settings}) + "\n"
    )


if __name__ == "__main__":
    main()
