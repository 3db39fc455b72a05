"""Promises that several things keep: what is asked of each is written once."""

import random
import unittest
import warnings

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from allegory.core import Problem

FILES = ("config.json", "model.safetensors", "manifest.json")


def flipped_bits_are_refused(folder, load, times):
    """`times` random bits of every file of a saved model, flipped one by one; whole again it loads."""
    dice = random.Random(0)
    for name in FILES:
        whole = (folder / name).read_bytes()
        for _ in range(times):
            at = dice.randrange(len(whole))
            bad = bytearray(whole)
            bad[at] ^= 1 << dice.randrange(8)
            (folder / name).write_bytes(bad)
            with pytest.raises(Problem, match=r"json|safetensors"):
                load(folder)
        (folder / name).write_bytes(whole)
    load(folder)


def scikit_learn_is_content(estimator, at_least):
    """Its own checks pass, at least so many, and none is expected to fail."""
    passed, skipped = 0, []
    for each, check in estimator_checks_generator(estimator):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn's checks provoke them on purpose
                check(each)
            passed += 1
        except unittest.SkipTest as e:
            skipped.append(str(e))
    assert passed > at_least
    assert all("SCIPY_ARRAY_API" in reason for reason in skipped), skipped
