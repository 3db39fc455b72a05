"""How numbers are written for people: shares in percent, everything else to three significant digits."""

import math
import re

SHARES = ("accuracy", "balanced_accuracy")


def is_share(metric: str) -> bool:
    """True for metrics that are a share of items, and gains in them: accuracy@1, balanced_accuracy, gain in accuracy ..."""
    return metric.removeprefix("gain in ").split("@")[0] in SHARES


def number(x: float | None) -> str:
    """Three significant digits, thousands parted: 0.0123, 4.56, −78.9, 1,797, 1.2e+07. A missing or not finite number is a dash."""
    if x is None or not math.isfinite(x):
        return "–"
    if x < 0:
        return f"−{number(-x)}"
    return f"{int(x):,}" if x == int(x) and x < 1e6 else _significant(x)


def _significant(x: float) -> str:
    """Three significant digits of a positive number, zeros included: 3.00."""
    if x == 0:
        return "0"
    if abs(x) >= 1e6 or abs(x) < 1e-3:
        return f"{x:.2g}"
    digits = max(0, 2 - math.floor(math.log10(abs(x))))
    return f"{x:,.{digits}f}"


def value(x: float | None, metric: str) -> str:
    """`x` in the unit of `metric`: percent with one decimal for shares, else three significant digits."""
    if x is None or not math.isfinite(x):
        return "–"
    if metric.startswith("gain in "):
        return signed(100 * x) if is_share(metric) else signed(x)
    if is_share(metric):
        return f"{100 * x:.1f}"
    return f"−{_significant(-x)}" if x < 0 else _significant(x)


def interval(low: float | None, high: float | None, metric: str) -> str:
    """The interval "low–high" in the unit of `metric`, empty when there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    between = " to " if low < 0 or metric.startswith("gain in ") else "–"
    return f"{value(low, metric)}{between}{value(high, metric)}"


def seconds(s: float | None) -> str:
    """A span of time: "8.2 s", "3 min 20 s", "2 h 5 min"."""
    if s is None or not math.isfinite(s):
        return "–"
    if s < 60:
        return f"{s:.1f} s"
    minutes, rest = divmod(round(s), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def half(x: float, low: float, high: float, metric: str) -> str:
    """The longer side of an interval about `x`, with as many decimals as `x` is written with: "±1.9"."""
    written = value(x, metric)
    digits = len(written.partition(".")[2]) if "e" not in written else 3
    return f"±{(100 if is_share(metric) else 1) * max(high - x, x - low):.{digits}f}"


def decimals(x: float, digits: int = 2) -> str:
    """A number with a fixed count of decimals and a true minus sign; nothing is minus zero."""
    text = f"{abs(x):.{digits}f}"
    return f"−{text}" if x < 0 and float(text) else text


def signed(x: float) -> str:
    """A change: "+0.3", "−1.2", or "0" when it is that to one decimal."""
    text = decimals(x, 1)
    return "0" if text == "0.0" else text if text.startswith("−") else f"+{text}"


def plural(n: int, one: str, many: str = "") -> str:
    """ "1 class", "10 classes"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


NAMES = {"r_at_1": "R@1", "r_precision": "R-precision", "map_at_r": "MAP@R", "r2": "R²", "f1": "F1", "mnist": "MNIST",
         "betavae_score": "BetaVAE score", "factorvae_score": "FactorVAE score"}  # fmt: skip
LETTERS = {"nmi", "ami", "mig", "sap", "irs", "udr", "dci", "mmd", "auc", "map", "cka", "lr", "gbt", "mlp", "knn", "kl", "h0", "h1", "pca"}


def title(metric: str) -> str:
    """The name of a metric for people: "map_at_r" is MAP@R, "nmi" NMI, "pairwise_f1" pairwise F1."""
    if metric in NAMES:
        return NAMES[metric]
    words = metric.replace("_", " ").split(" ")
    return " ".join(NAMES.get(w, w.upper() if w in LETTERS else w) for w in words)


def tidy(words: str) -> str:
    """An answer as the page writes numbers: a space before the percent sign, a true minus sign, and nothing that is minus zero."""
    spaced = re.sub(r"(?<=\d)%", " %", words)
    without = re.sub(r"(?<![\w.−–-])-(0(?:\.0+)?)(?![\d.])", r"\1", spaced)
    return re.sub(r"(?<![\w−–-])-(?=\d)", "−", without)
