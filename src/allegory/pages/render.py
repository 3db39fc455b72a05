"""Templates to one self-contained page. Text is escaped by the template engine, JSON by `json`, and the policy in the page allows
exactly its own scripts and styles, by hash, and no request at all: what slips past one of the three is stopped by the next."""

import base64
import hashlib
import json as plain_json
import math
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from allegory.pages import numbers, palette

HERE = resources.files("allegory.pages")
STYLES = ("base.css", "parts.css", "map.css")
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Ccircle cx='4' cy='4' r='3' fill='%23375fd1'/%3E%3C/svg%3E"
)


def page(template: str, scripts: tuple[str, ...] = (), **values: Any) -> str:
    """The page of a template. `scripts` are files of static/, joined into one script in that order."""
    style = _variables() + "".join(_static(name) for name in STYLES)
    script = "(() => {\n'use strict';\n" + "".join(_static(name) for name in scripts) + "})();\n" if scripts else ""
    allowed = f"img-src data:; style-src '{_hash(style)}'; script-src {_quoted(script)}"
    values |= {"policy": f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"}
    values |= {"style": Markup(style), "script": Markup(script), "icon": Markup(ICON)}
    return _environment().get_template(template).render(**values)


def json(value: Any) -> Markup:
    """JSON that can stand inside a script element: no `<`, `>`, `&` or line separators; what is not finite is null."""
    text = plain_json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    # A lone surrogate (an undecodable file name) cannot be written as UTF-8.
    return Markup(text.encode("utf-8", "replace").decode())


def packed(values: np.ndarray, dtype: str) -> str:
    """Numbers as base64 of little-endian `dtype`."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()).decode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (HERE / "templates" / name).read_text(encoding="utf-8")), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    for write in (numbers.number, numbers.value, numbers.interval, numbers.half, numbers.decimals, numbers.signed):
        environment.filters[write.__name__] = write
    environment.filters |= {"shade": _shade, "kept_together": _kept_together}
    return environment


@cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _quoted(script: str) -> str:
    return f"'{_hash(script)}'" if script else "'none'"


def _variables() -> str:
    schemes = {name: ";".join(f"{k}:{v}" for k, v in palette.variables(name).items()) for name in ("light", "dark")}
    return f":root{{{schemes['light']}}}\n@media (prefers-color-scheme:dark){{:root{{{schemes['dark']}}}}}\n"


def _shade(change: float) -> str:
    """The CSS class of a cell of the heat table: h-4 .. h4, a step every half standard deviation."""
    return f"h{max(-4, min(4, round(change / 0.5)))}"


def _kept_together(text: str) -> str:
    """A number and its percent sign stay on one line."""
    return text.replace(" %", "\u00a0%").replace("95\u00a0% interval ", "95\u00a0%\u00a0interval\u00a0")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
