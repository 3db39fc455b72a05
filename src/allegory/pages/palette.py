"""Colours that people with any colour vision can tell apart, for light and for dark pages.

The twelve of each scheme were chosen by farthest-point search in OKLab for the largest smallest distance under normal, protan,
deutan and tritan vision (Machado, Oliveira and Fernandes 2009), with a contrast of at least 3 against the page; a test measures both.
"""

BACKGROUND = {"light": "#ffffff", "dark": "#16181d"}
LIGHT = (
    "#1e249e", "#899411", "#6b200e", "#d160ca", "#546304", "#378895", "#5b1a69", "#4194f9", "#864fcf", "#93315f", "#345a98", "#a4695a",
)  # fmt: skip
DARK = (
    "#4f80fa", "#d8fa52", "#f66b17", "#d2bff8", "#287d79", "#a1592e", "#8d4bb7", "#eab946", "#7ca97d", "#a8faf4", "#ba84c6", "#03e2a5",
)  # fmt: skip
# Viridis (Smith and van der Walt 2015) at nine places, without the end that would vanish in the page.
RAMP_LIGHT = ("#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#a5c51e")
RAMP_DARK = ("#5b3a8c", "#4f569c", "#40719f", "#33899c", "#29a08f", "#3ab67f", "#6bcb5f", "#abdb32", "#fde725")


def variables(scheme: str) -> dict[str, str]:
    """The colours as CSS variables: --c0 .. --c11 for classes, --r0 .. --r8 for ordered values."""
    classes, ramp = (LIGHT, RAMP_LIGHT) if scheme == "light" else (DARK, RAMP_DARK)
    return {f"--c{i}": c for i, c in enumerate(classes)} | {f"--r{i}": c for i, c in enumerate(ramp)}
