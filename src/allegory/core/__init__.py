"""Protocols and value types, and nothing else. Everything in allegory speaks in these nouns."""

from allegory.core.capabilities import CAPABILITIES, Code, Density, RateDistortion, Spectrum, can
from allegory.core.card import Card, Claim, CodeKind, Dial, Paper
from allegory.core.dice import Dice
from allegory.core.errors import Misuse, Problem, key, nearest, needs
from allegory.core.fence import fenced
from allegory.core.gather import batch_mean, everyone, processes, rank
from allegory.core.method import Items, Method, Solved, Trained, Views, move_average
from allegory.core.moment import Batch, Loss, Moment, Player
from allegory.core.recipe import DEFAULT, Batching, ByClass, Classes, Optim, Recipe, Shuffled
from allegory.core.spec import SPECS, Array, Graph, Parts, Seq, Set, Spec, Tokens
from allegory.core.tree import Ragged, Tree

__all__ = [
    "CAPABILITIES", "DEFAULT", "SPECS",
    "Array", "Batch", "Batching", "ByClass", "Card", "Claim", "Classes", "Code", "CodeKind",
    "Density", "Dial", "Dice", "Graph", "Items", "Loss", "Method",
    "Misuse", "Moment", "Optim", "Paper", "Parts", "Player", "Problem", "Ragged", "RateDistortion", "Recipe",
    "Seq", "Set", "Shuffled", "Solved",
    "Spec", "Spectrum", "Tokens", "Trained", "Tree", "Views",
    "batch_mean", "can", "everyone", "fenced", "key", "move_average", "nearest", "needs", "processes", "rank",
]  # fmt: skip
