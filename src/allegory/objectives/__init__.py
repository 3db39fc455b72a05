"""Pure functions to descend. None knows a network, an optimiser or a method."""

from allegory.objectives.adversary import density_ratio_kl, non_saturating, two_sample_cross_entropy
from allegory.objectives.aggregate import log_shares, total_correlation
from allegory.objectives.change_of_variables import dequantised, log_density_through
from allegory.objectives.clusters import prototype_use, sinkhorn, swapped_prediction, target_sharpness
from allegory.objectives.contrast import info_nce, nt_xent
from allegory.objectives.distillation import sharpened
from allegory.objectives.elbo import coin_kl, gaussian_kl, gaussian_kl_to, gaussian_log_prob, importance_bound, log_weights, reparameterise
from allegory.objectives.instances import instance_softmax, local_aggregation
from allegory.objectives.likelihood import (
    LIKELIHOODS,
    Bernoulli,
    Categorical,
    Gaussian,
    Likelihood,
    LikelihoodName,
    Logistic,
    following,
    levels_of,
    likelihood_of,
    widened,
)  # fmt: skip
from allegory.objectives.local_global import local_nce
from allegory.objectives.masked import masked_regression, pieces, standardised
from allegory.objectives.metric import contrastive, hypersphere_softmax, n_pairs, pull_subject_to_push, sup_con, triplet
from allegory.objectives.miners import MINERS
from allegory.objectives.multiview import full_graph_nce
from allegory.objectives.nce import nce
from allegory.objectives.prediction import told_ahead
from allegory.objectives.rebalanced import rebalanced_cross_entropy, rebalancing, smoothed, soft_bins
from allegory.objectives.redundancy import covariance, covariance_penalty, cross_correlation, decorrelation, variance_hinge, whitened
from allegory.objectives.region import region_error
from allegory.objectives.regression import cosine_regression, negative_cosine
from allegory.objectives.verification import pairs_verified

__all__ = [
    "LIKELIHOODS", "MINERS", "Bernoulli", "Categorical", "Gaussian", "Likelihood", "LikelihoodName", "Logistic", "coin_kl", "contrastive",
    "cosine_regression", "covariance", "covariance_penalty", "cross_correlation", "decorrelation", "density_ratio_kl", "dequantised",
    "following", "full_graph_nce", "gaussian_kl", "gaussian_kl_to", "gaussian_log_prob", "hypersphere_softmax", "importance_bound",
    "info_nce", "instance_softmax", "levels_of", "likelihood_of", "local_aggregation", "local_nce", "log_density_through", "log_shares",
    "log_weights", "masked_regression", "n_pairs", "nce", "negative_cosine", "non_saturating", "nt_xent", "pairs_verified", "pieces",
    "prototype_use", "pull_subject_to_push", "rebalanced_cross_entropy", "rebalancing", "region_error", "reparameterise", "sharpened",
    "sinkhorn", "smoothed", "soft_bins", "standardised", "sup_con", "swapped_prediction", "target_sharpness", "told_ahead",
    "total_correlation", "triplet", "two_sample_cross_entropy", "variance_hinge", "whitened", "widened",
]  # fmt: skip
