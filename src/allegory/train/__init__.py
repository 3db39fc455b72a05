"""Learning: the loop and what surrounds it. Knows no method by name."""

from allegory.train.finite import NotFinite
from allegory.train.fit import Fitted, Listener, begin, fit, learner_for
from allegory.train.learner import Learner
from allegory.train.plan import Plan, Settings
from allegory.train.steps import Tick, steps
from allegory.train.stop import Interrupted

__all__ = ["Fitted", "Interrupted", "Learner", "Listener", "NotFinite", "Plan", "Settings", "Tick", "begin", "fit", "learner_for", "steps"]
