#!/usr/bin/env python3
"""Draws the results of bench-load (bench/results) into docs/images/load.png and soak.png, with dark
versions load-dark.png and soak-dark.png, and writes the tables of bench-wait and bench-load into
docs/MEASURED.md.

    pip install matplotlib pillow
    WAIT_RESULTS=bench/results BEFORE=7d5545e make bench-wait
    LOAD_RESULTS=bench/results BEFORE=…/7d5545e JAEGER_ALL_IN_ONE=…/all-in-one JAEGER_V2=…/jaeger make bench-load
    LOAD_RESULTS=bench/results LOAD_SOAK=3600 make bench-load
    python3 bench/plot.py
"""

import io
import json
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DOORS = [("udp", "UDP 6831"), ("http_thrift", "HTTP 14268"), ("otlp_grpc", "OTLP gRPC"), ("otlp_http", "OTLP HTTP")]
RESULTS = ROOT / "bench/results"
EMBEDDED = "embedded"
COLORS = {EMBEDDED: "#199999", "Jaeger 1.35": "#b0b8c0", "Jaeger 2.13": "#7d8a96"}
STYLES = [("", "default"), ("-dark", ["dark_background", {"figure.facecolor": "#0d1117", "axes.facecolor": "#0d1117"}])]


def bars(axes, labels, programs, value, title):
    """Draws bars side by side on a logarithmic axis, each with its figure above."""
    width = 0.8 / len(programs)
    for offset, program in enumerate(programs):
        values = [value(program, label) for label in labels]
        places = [index + (offset - (len(programs) - 1) / 2) * width for index in range(len(labels))]
        drawn = axes.bar(places, values, width * 0.95, label=program["name"], color=COLORS[program["name"]])
        axes.bar_label(drawn, [f"{v:,.0f}" if v >= 20 else f"{v:.1f}" for v in values], fontsize=6, rotation=30)
    axes.set_yscale("log")
    axes.set_title(title, fontsize=10)
    axes.margins(y=0.2)
    axes.spines[["top", "right"]].set_visible(False)


def draw(programs):
    """Draws the three diagrams side by side, without the programs that have no colour: earlier versions."""
    programs = [program for program in programs if program["name"] in COLORS]
    figure, (rates, cpu, searches) = plt.subplots(1, 3, figsize=(15, 3.8))
    doors = [door for door, _ in DOORS if all(program[door] for program in programs)]
    bars(rates, doors, programs, lambda p, door: p[door]["spans_per_second"], "spans a second (more is better)")
    bars(cpu, doors, programs, lambda p, door: p[door]["cpu_seconds_per_million"], "CPU seconds a million spans (less is better)")
    for axes in (rates, cpu):
        axes.set_xticks(range(len(doors)), [label for door, label in DOORS if door in doors], fontsize=8)
    times = [{(s["what"], s["stored"]): s["median_ms"] for s in program["searches"]} for program in programs]
    spans = programs[0]["spans"]
    kinds = [kind for kind in times[0] if kind[1] == spans and all(kind in t for t in times)]
    of = {program["name"]: t for program, t in zip(programs, times)}
    bars(searches, kinds, programs, lambda p, kind: of[p["name"]][kind], f"a search in {spans:,} spans, median ms (less is better)")
    searches.set_xticks(range(len(kinds)), [textwrap.fill(what, 15) for what, _ in kinds], fontsize=6)
    figure.legend(*rates.get_legend_handles_labels(), loc="lower center", ncols=len(programs), fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    return figure


def draw_soak(soak):
    """Draws memory and rate over time, one above the other."""
    figure, (memory, rate) = plt.subplots(2, 1, figsize=(12, 3.4), sharex=True)
    minutes = [sample["seconds"] / 60 for sample in soak["samples"]]
    memory.plot(minutes, [sample["resident_bytes"] / 2**20 for sample in soak["samples"]], color=COLORS[EMBEDDED])
    memory.set_title("resident memory, MiB", fontsize=10)
    rate.plot(minutes, [sample["spans_per_second"] for sample in soak["samples"]], color=COLORS[EMBEDDED])
    rate.set_title("spans a second", fontsize=10)
    rate.set_xlabel("minutes", fontsize=8)
    for axes in (memory, rate):
        axes.set_ylim(0, 1.2 * axes.get_ylim()[1])
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return figure


def save(figure, name):
    """Saves a figure as PNG in 256 colors: enough for it, and half the size."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110)
    Image.open(drawn).convert("RGB").quantize(256).save(ROOT / "docs/images" / name, optimize=True)


def main():
    write_table("wait")
    write_table("load")
    programs = json.loads((RESULTS / "load.json").read_text())["programs"]
    soak = json.loads((RESULTS / "soak.json").read_text())
    for suffix, style in STYLES:
        with plt.style.context(style):
            save(draw(programs), f"load{suffix}.png")
            save(draw_soak(soak), f"soak{suffix}.png")


def write_table(name):
    """Writes a table between its two markers."""
    path = ROOT / "docs/MEASURED.md"
    before, rest = path.read_text().split(f"<!-- {name} -->\n")
    after = rest.split(f"<!-- /{name} -->\n")[1]
    table = (RESULTS / f"{name}.md").read_text()
    path.write_text(f"{before}<!-- {name} -->\n{table}<!-- /{name} -->\n{after}")


if __name__ == "__main__":
    main()
