# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of an experiment as a JSON file, and back.

{"format": 1, "name": ..., "frames": {"summary": {"mean": {"type": "float64", "unit": "1", "meaning": "",
"values": [0.25, null]}, ...}, ...}, ...}: a null is a float that does not exist.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hvlab.errors import HvlabError, ReportError
from hvlab.report import files
from hvlab.sim.experiments.results import ExperimentResults, Plot
from hvlab.sim.frame import Frame

FORMAT = 1
NAME = "results.json"
_FRAMES = ("replications", "summary", "stopping", "comparison", "latency", "series")
_MOST = 2 << 30  # bytes


def text(results: ExperimentResults) -> str:
    """JSON (RFC 8259: no NaN)."""
    frames = {name: getattr(results, name) for name in _FRAMES}
    told: dict[str, Any] = {
        "format": FORMAT,
        "kind": "hvlab experiment",
        "name": results.name,
        "description": results.description,
        "seed": results.seed,
        "confidence": results.confidence,
        "complete": results.complete,
        "warnings": list(results.warnings),
        "facts": dict(results.facts),
        "factors": {name: list(levels) for name, levels in results.factors.items()},
        "measures": list(results.measures),
        "asked": list(results.asked),
        "clusters": {title: list(lines) for title, lines in results.clusters.items()},
        "plots": [asdict(plot) for plot in results.plots],
        "frames": {name: _plain(f) for name, f in frames.items() if f is not None},
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def load(path: Path) -> ExperimentResults:
    """Of a file, or of the folder of a run. Raises ReportError, HostError."""
    file = path / NAME if path.is_dir() else path
    data = files.read_regular(file, _MOST)
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{file}: not JSON: {error}", str(file)) from None
    if not isinstance(told, dict) or told.get("kind") != "hvlab experiment":
        raise ReportError(f"{file}: not the results of an experiment", str(file))
    if told.get("format") != FORMAT:
        message = f"{file}: format {told.get('format')}, and this hvlab reads {FORMAT}"
        raise ReportError(message, str(file), "format")
    try:
        return _results(told)
    except (KeyError, TypeError, ValueError, AttributeError, HvlabError) as error:
        message = f"{file}: damaged: {type(error).__name__}: {error}"
        raise ReportError(message, str(file)) from None


def _results(told: Mapping[str, Any]) -> ExperimentResults:
    frames = {name: _frame(name, columns) for name, columns in told["frames"].items()}
    return ExperimentResults(
        name=told["name"],
        description=told["description"],
        factors=told["factors"],
        measures=told["measures"],
        asked=told["asked"],
        replications=frames["replications"],
        summary=frames["summary"],
        stopping=frames["stopping"],
        comparison=frames.get("comparison"),
        latency=frames.get("latency"),
        series=frames.get("series"),
        seed=told["seed"],
        confidence=told["confidence"],
        complete=told["complete"],
        warnings=told["warnings"],
        clusters=told["clusters"],
        facts=told["facts"],
        plots=[Plot(**{**plot, "by": tuple(plot["by"])}) for plot in told["plots"]],
    )


def _plain(frame: Frame) -> dict[str, Any]:
    return {
        name: {
            "type": _type(frame, name),
            "unit": frame.units[name],
            "meaning": frame.meanings[name],
            "values": [
                None if isinstance(v, float) and not math.isfinite(v) else v
                for v in frame[name].tolist()
            ],
        }
        for name in frame.columns
    }


def _type(frame: Frame, name: str) -> str:
    dtype = frame[name].dtype
    return "string" if dtype.kind == "O" else str(dtype)


def _frame(name: str, columns: Mapping[str, Mapping[str, Any]]) -> Frame:
    made: dict[str, Any] = {}
    for key, column in columns.items():
        values = column["values"]
        if column["type"] == "string":
            made[key] = np.array([str(value) for value in values], dtype=object)
        elif column["type"] == "float64":
            floats = [math.nan if value is None else value for value in values]
            made[key] = np.array(floats, dtype=np.float64)
        else:
            made[key] = np.array(values, dtype=np.int64)
    return Frame.from_columns(
        made,
        name=name,
        units={key: column["unit"] for key, column in columns.items()},
        meanings={key: column["meaning"] for key, column in columns.items()},
    )
