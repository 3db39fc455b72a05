"""What is said while learning."""

import io

from helpers.toys import learner_of

from allegory.methods.latent.beta_vae import BetaVAE
from allegory.train import steps
from allegory.train.health import Watch
from allegory.train.progress import Progress


def test_what_followed_the_data_is_said_once_before_the_first_line():
    learner, said = learner_of(BetaVAE()), io.StringIO()
    progress = Progress(Watch(), said)
    for tick in steps(learner):
        progress(learner, tick)
    lines = said.getvalue().splitlines()
    assert lines[0] == "BetaVAE: latent 3, encoder default-plain, decoder default, likelihood sigma, beta 1.0; 10 steps of 8 of 40 items"
    assert len(lines) == 2 and lines[1].startswith("step 10/10")
