"""What checks annotations at run time."""

import random
from unittest import mock

with mock.patch("random.getrandbits", random.Random(0).getrandbits):  # beartype draws which elements of a tuple to look at: not globally
    from beartype import BeartypeConf, beartype
    from beartype.roar import BeartypeDecorHintPep673Exception

_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand for a float, as in Python's typing


def typed(function):
    """`function` with its arguments and result checked; a method that returns `Self` stays as it is, since beartype needs its class."""
    try:
        return _checked(function)
    except BeartypeDecorHintPep673Exception:
        return function
