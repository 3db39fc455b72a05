"""Where observations come from."""

from allegory.data.attributes import Attribute
from allegory.data.concepts import OPERATORS, Concept, Operator, Vocabulary, namable, vocabulary_of
from allegory.data.intake import Intake
from allegory.data.items import Given, Items
from allegory.data.leaves import Lazy, Rows
from allegory.data.open import open_source
from allegory.data.pairs import FactorPairs, GroupPairs, pairs_of
from allegory.data.source import PARTS, Column, Factors, Labels, Part, Skipped, Source

__all__ = [
    "OPERATORS", "PARTS", "Attribute", "Column", "Concept", "FactorPairs", "Factors", "Given", "GroupPairs", "Intake", "Items", "Labels",
    "Lazy", "Operator", "Part", "Rows", "Skipped", "Source", "Vocabulary", "namable", "open_source", "pairs_of", "vocabulary_of",
]  # fmt: skip
