#!/usr/bin/env python3
"""Draws the results of bench-load (bench/results/*.json) into docs/images/load.png and soak.png, with
dark versions load-dark.png and soak-dark.png, and writes the table of the load test into
docs/MEASURED.md.

    pip install matplotlib pillow
    LOAD_RESULTS=bench/results JAEGER_ALL_IN_ONE=…/all-in-one make bench-load
    LOAD_RESULTS=bench/results LOAD_SOAK=3600 make bench-load
    python3 bench/plot.py
"""

import io
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DOORS = [("udp", "UDP 6831"), ("http_thrift", "HTTP 14268"), ("otlp_grpc", "OTLP gRPC"), ("otlp_http", "OTLP HTTP")]
EMBEDDED_COLOR = "#199999"
PROGRAMS = [("embedded", "embedded", EMBEDDED_COLOR), ("jaeger-1.35", "Jaeger 1.35", "#b0b8c0")]
STYLES = [("", "default"), ("-dark", ["dark_background", {"figure.facecolor": "#0d1117", "axes.facecolor": "#0d1117"}])]


def bars(axes, labels, results, value, title):
    """Draws bars side by side on a logarithmic axis, each with its figure above."""
    for offset, (name, label, color) in enumerate(PROGRAMS):
        values = [value(results[name], label_) for label_ in labels]
        places = [index + (offset - 0.5) * 0.38 for index in range(len(labels))]
        drawn = axes.bar(places, values, 0.36, label=label, color=color)
        axes.bar_label(drawn, [f"{v:,.0f}" if v >= 20 else f"{v:.1f}" for v in values], fontsize=7)
    axes.set_yscale("log")
    axes.set_title(title, fontsize=10)
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def draw(results):
    """Draws the three diagrams side by side."""
    figure, (rates, cpu, searches) = plt.subplots(1, 3, figsize=(12, 3.8))
    doors = [door for door, _ in DOORS]
    bars(rates, doors, results, lambda r, door: r[door]["spans_per_second"], "spans a second (more is better)")
    bars(cpu, doors, results, lambda r, door: r[door]["cpu_seconds_per_million"], "CPU seconds a million spans (less is better)")
    for axes in (rates, cpu):
        axes.set_xticks(range(len(DOORS)), [label for _, label in DOORS], fontsize=8)
    kinds = list(range(len(results["embedded"]["searches"])))
    bars(searches, kinds, results, lambda r, kind: r["searches"][kind]["median_ms"], "a search, median ms (less is better)")
    names = [f"{s['what']}\n{s['stored']:,} stored".replace("20 traces of one of ten services", "one of ten services")
             .replace("20 traces, all of one service", "all of one service").replace("20 traces by a tag", "by a tag")
             .replace("by a tag that no span has", "by a tag of none") for s in results["embedded"]["searches"]]
    searches.set_xticks(kinds, names, fontsize=6, rotation=20)
    figure.legend(*rates.get_legend_handles_labels(), loc="lower center", ncols=2, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    return figure


def draw_soak(soak):
    """Draws memory and rate over time, one above the other."""
    figure, (memory, rate) = plt.subplots(2, 1, figsize=(12, 3.4), sharex=True)
    minutes = [sample["seconds"] / 60 for sample in soak["samples"]]
    memory.plot(minutes, [sample["resident_bytes"] / 2**20 for sample in soak["samples"]], color=EMBEDDED_COLOR)
    memory.set_title("resident memory, MiB", fontsize=10)
    rate.plot(minutes, [sample["spans_per_second"] for sample in soak["samples"]], color=EMBEDDED_COLOR)
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
    results = {name: json.loads((ROOT / f"bench/results/load-{name}.json").read_text()) for name, _, _ in PROGRAMS}
    soak = json.loads((ROOT / "bench/results/soak.json").read_text())
    for suffix, style in STYLES:
        with plt.style.context(style):
            save(draw(results), f"load{suffix}.png")
            save(draw_soak(soak), f"soak{suffix}.png")
    write_table(results, json.loads((ROOT / "bench/results/load-grpc-alone.json").read_text()))


def write_table(results, grpc_alone):
    """Writes the figures between the two markers."""
    ours, real = (results[name] for name, _, _ in PROGRAMS)
    rows = [
        ("start to all TCP ports accepting", "4 ms", lambda r: f"{r['start_ms']:.1f} ms"),
        ("resident when idle", "6 MiB", lambda r: f"{r['idle_bytes'] / 2**20:.1f} MiB"),
        ("binary, with the web pages", "10 MB", lambda r: f"{r['binary_bytes'] / 1e6:.1f} MB"),
        (f"resident per stored span ({ours['spans']:,} stored)", "400 B", lambda r: f"{r['bytes_per_span']:,.0f} B"),
    ]
    goals = {"udp": "400,000", "http_thrift": "600,000", "otlp_grpc": "800,000", "otlp_http": "800,000"}
    for door, label in DOORS:
        rows.append((f"{label}, spans/s", goals[door], lambda r, d=door: f"{r[d]['spans_per_second']:,.0f}" + lost(r[d])))
    cpu = {"udp": "2 s", "otlp_grpc": "1 s"}
    for door, label in DOORS:
        rows.append((f"{label}, CPU per million spans", cpu.get(door, ""), lambda r, d=door: f"{r[d]['cpu_seconds_per_million']:.1f} s"))
        if door == "otlp_grpc":
            alone = f"{grpc_alone['cpu_seconds_per_million']:.1f} s"
            rows.append(("HTTP/2 and gRPC alone, CPU per million spans", "", lambda r: alone if r is ours else ""))
    for index, search in enumerate(ours["searches"]):
        goal = "5 ms" if "tag" in search["what"] else "1 ms"
        what = f"search: {search['what']}, {search['stored']:,} stored"
        rows.append((what, goal, lambda r, i=index: f"{r['searches'][i]['median_ms']:.1f} ms"))
    table = "| | goal | embedded | Jaeger 1.35 |\n|---|---|---|---|\n"
    table += "".join(f"| {what} | {goal} | {cell(ours)} | {cell(real)} |\n" for what, goal, cell in rows)
    path = ROOT / "docs/MEASURED.md"
    before, rest = path.read_text().split("<!-- load -->\n")
    after = rest.split("<!-- /load -->\n")[1]
    path.write_text(f"{before}<!-- load -->\n{table}<!-- /load -->\n{after}")


def lost(rate):
    """The number of lost spans, if any: at its highest rate the real Jaeger can lose some."""
    return f" ({rate['lost']:,} lost)" if rate["lost"] else ""


if __name__ == "__main__":
    main()
