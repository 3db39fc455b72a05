"""What is left after learning. The scikit-learn face, embedding and export are modules of their own: they import what they need."""

from allegory.representation.representation import Representation
from allegory.representation.rest import at_rest

__all__ = ["Representation", "at_rest"]
