"""What people look at: the report, the comparison, the model card and the table of the terminal."""

from allegory.pages import tables
from allegory.pages.card import model_card
from allegory.pages.comparison import compare
from allegory.pages.page import report, write_report

__all__ = ["compare", "model_card", "report", "tables", "write_report"]
