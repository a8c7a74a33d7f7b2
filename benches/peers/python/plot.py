"""Draws `docs/speed.svg`, for light pages and dark ones, from a record of `speed.py`: `python plot.py RECORD`.

A bar a peer: forward at p = 0.1 of 65,536 elements, on a logarithmic axis. Of a peer that was measured in several ways it is
the fastest.
"""

import csv
import sys
from io import StringIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parents[3] / "docs"
ELEMENTS, P = "65536", "0.1"

# what a bar is called, and the rows of the record that it is the fastest of
BARS = {
    "dropmask": [("Python", "dropmask")],
    "a loop in Rust by hand": [
        ("Rust", "xoshiro128+ by hand, replayed"),
        ("Rust", "xoshiro128+ by hand, bytes stored"),
        ("Rust", "hash of the index by hand, replayed"),
    ],
    "ndarray with rand": [("Rust", "ndarray + rand")],
    "NumPy": [("Python", "NumPy")],
    "PyTorch": [("Python", "PyTorch"), ("Python", "PyTorch, compiled")],
    "JAX": [("Python", "JAX, threefry2x32"), ("Python", "JAX, philox2x32")],
    "ONNX Runtime": [("Python", "ONNX Runtime")],
    "candle": [("Rust", "candle-nn, automatic gradient"), ("Rust", "candle, mask at hand")],
    "burn": [("Rust", "burn (flex), automatic gradient")],
}
ROOFLINE = [("Python", "y = a * x"), ("Rust", "y = a * x")]

# background, text, grid, the bar of dropmask, the others, the roofline; on light pages and on dark ones
LIGHT = ("#ffffff", "#1f2328", "#d8dee4", "#0072b2", "#a9b4c0", "#b3261e")
DARK = ("#0d1117", "#e6edf3", "#30363d", "#56b4e9", "#56606b", "#ff8a80")


def read(record: Path) -> tuple[str, dict[tuple[str, str], float]]:
    """The CPU of the record, and nanoseconds an element by language and peer."""
    lines = record.read_text().splitlines()
    cpu = lines[0].removeprefix("# ").partition("; ")[0].partition(", ")[2]
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    rows = (row for row in rows if (row["elements"], row["p"], row["pass"]) == (ELEMENTS, P, "forward"))
    return cpu, {(row["language"], row["peer"]): float(row["median"]) for row in rows}


def short(value: float) -> str:
    """`f"{value:.2f}"` below 1, one digit less below 10, none after the point above."""
    return f"{value:.{2 if value < 1 else int(value < 9.95)}f}"


def for_both(svg: str) -> str:
    """With the colours of dark pages, and without what comes before the picture: the documentation has it in its HTML."""
    colours = "".join(
        f'[style*="{attribute}: {light}"]{{{attribute}:{dark}!important}}'
        for light, dark in zip(LIGHT, DARK, strict=True)
        for attribute in ("fill", "stroke")
    )
    style = f"@media (prefers-color-scheme: dark){{{colours}}}</style>"
    return svg[svg.index("<svg") :].replace("</style>", style, 1)


def draw(record: Path) -> None:
    """The picture."""
    cpu, times = read(record)
    bars = {name: min(times[row] for row in rows) for name, rows in BARS.items()}
    names = sorted(bars, key=bars.__getitem__)
    roofline = min(times[row] for row in ROOFLINE)
    mpl.rcParams.update({"svg.hashsalt": "dropmask", "font.size": 12})
    background, text, grid, ours, others, bound = LIGHT
    figure, axes = plt.subplots(figsize=(8.4, 4.8), facecolor=background, layout="constrained")
    axes.set_facecolor(background)
    axes.barh(
        names,
        [bars[bar] for bar in names],
        color=[ours if bar == "dropmask" else others for bar in names],
        zorder=2,
    )
    axes.set_xscale("log")
    axes.set_xlim(roofline / 2, max(bars.values()) * 6)
    for i, bar in enumerate(names):
        multiple = f"   {short(bars[bar] / bars['dropmask'])}×" if bar != "dropmask" else ""
        label = f"{short(bars[bar])} ns{multiple}"
        axes.text(bars[bar] * 1.08, i, label, va="center", color=text, fontsize=12)
    axes.axvline(roofline, color=bound, linewidth=1.5, linestyle="--", zorder=3)
    axes.annotate(
        f"y = a · x, {roofline:.2f} ns: a mask that costs nothing",
        (roofline, len(names) - 0.45),
        xytext=(6, -2),
        textcoords="offset points",
        va="top",
        color=bound,
        fontsize=11,
    )
    axes.set_ylim(len(names) + 0.15, -0.6)
    axes.tick_params(colors=text, which="both", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x", color=grid, linewidth=0.8, zorder=0)
    axes.spines[:].set_visible(False)
    figure.suptitle(
        "Dropout of 65,536 floats at p = 0.1, nanoseconds an element", x=0.01, ha="left", color=text, fontsize=14
    )
    axes.set_xlabel(f"{cpu}. ×: multiples of dropmask's time. Less is better", color=text, fontsize=10, loc="left")
    picture = StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(picture, format="svg", facecolor=background, metadata=no_metadata)
    plt.close(figure)
    (DOCS / "speed.svg").write_text(for_both(picture.getvalue()))


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
