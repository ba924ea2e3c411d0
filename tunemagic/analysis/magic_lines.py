"""The magic line that does what a click does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tunemagic.pairs import write_choices, write_literal, write_pair, write_range

__all__ = ["magic_line"]

_BUDGET = {"max_trials": "-n", "minutes": "--minutes", "workers": "-w"}


def magic_line(study: str, verb: str, args: Mapping[str, Any]) -> str:
    """The line for a command of a panel; "" for one that has none. ``args`` must be what the verb takes."""
    name = shlex.quote(study)
    match verb:
        case "stop" | "pause" | "resume":
            return f"%tune {verb} {name}"
        case "skip":
            trial = args.get("trial")
            return f"%tune skip {name}" if trial is None else f"%tune skip {trial} {name}"
        case "try":
            pairs = (write_pair(key, write_literal(value)) for key, value in args.get("values", {}).items())
            return " ".join(["%tune try", *map(shlex.quote, pairs), name])
        case "space":
            return " ".join(["%tune space", name, *_space_options(args)])
        case "budget":
            given = (f"{_BUDGET[key]} {value}" for key, value in args.items() if key in _BUDGET and value is not None)
            return " ".join(["%tune budget", name, *given])
        case "convert":
            mode, target = args.get("mode", "none"), args.get("target", "tflite")
            return f"%tflite {name} --quant {mode}" if target == "tflite" else f"%tune export {name} --to {target}"
    return ""


def _space_options(args: Mapping[str, Any]) -> list[str]:
    pairs = [
        *(("--range", write_pair(name, write_range(*ends))) for name, ends in args.get("ranges", {}).items()),
        *(("--fix", write_pair(name, write_literal(value))) for name, value in args.get("fixed", {}).items()),
        *(("--choices", write_pair(name, write_choices(some))) for name, some in args.get("choices", {}).items()),
    ]
    return [f"{option} {shlex.quote(pair)}" for option, pair in pairs]
