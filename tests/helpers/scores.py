"""Rows of scores.json, made by hand."""


def score(metric, value, low=None, high=None, control=None, question="few_labels", protocol="p"):
    """A row of scores.json."""
    return {
        "question": question, "metric": metric, "value": value, "low": low, "high": high, "n": 100, "seeds": 1, "split": "test",
        "control": control, "protocol": protocol,
    }  # fmt: skip


def few(control, *values, half=0.02):
    """Accuracy at 1, 2, 4, 8 labels a class and with all labels."""
    rows = [score(f"accuracy@{k}", v, v - half, v + half, control) for k, v in zip((1, 2, 4, 8), values, strict=False)]
    return rows + [score("accuracy", v, v - half, v + half, control, "linear_probe") for v in values[4:5]]
