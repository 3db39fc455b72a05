"""Does each code stand for one factor? The measures of Locatello et al. (2019, arXiv:1811.12359), defined as in their disentanglement_lib.

Each is a pure function f(factors (n, f), codes (n, z), rng) of items that are encoded already. They disagree about what counts: see each.
"""

from allegory.measures.disentanglement.beta_vae import HeldStill, beta_vae
from allegory.measures.disentanglement.dci import DCI, dci
from allegory.measures.disentanglement.factor_vae import factor_vae
from allegory.measures.disentanglement.factored import Factored, dependence
from allegory.measures.disentanglement.irs import Robustness, irs
from allegory.measures.disentanglement.mig import Gap, mig
from allegory.measures.disentanglement.modularity import Explicitness, Modularity, explicitness, modularity
from allegory.measures.disentanglement.sap import sap
from allegory.measures.disentanglement.udr import Agreement, udr

__all__ = [
    "DCI", "Agreement", "Explicitness", "Factored", "Gap", "HeldStill", "Modularity", "Robustness", "beta_vae", "dci", "dependence",
    "explicitness", "factor_vae", "irs", "mig", "modularity", "sap", "udr",
]  # fmt: skip
