"""Each topic of the article that tunemagic grew from, in its own words and order, run on real data.

A line runs the call that fills the topic and checks what comes out against an independent
reference (scikit-learn, SciPy, NumPy, Keras, PyTorch, OpenCV) or an inequality; it prints the figures.
Exits with 1 when a line fails.

Usage: python benchmarks/article.py [--only 3.1,7]
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import time
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from article_lines import LINES, Line

__all__ = ["main"]


def _answer(line: Line) -> tuple[str, str]:
    try:
        return "ok", line.check()
    except AssertionError as error:
        return "FAIL", str(error) or traceback.format_exc(limit=-1).strip().splitlines()[1].strip()
    except Exception as error:  # a line that breaks must not hide the others
        return "FAIL", f"{type(error).__name__}: {error}"


def main() -> int:
    """Run the lines and print them; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="sections, such as 3.1,7")
    options = parser.parse_args()
    wanted = tuple(filter(None, options.only.split(",")))
    lines = [line for line in LINES if not wanted or line.section in wanted]
    answers = collections.Counter[str]()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # studies are kept in the current folder
        for number, line in enumerate(lines, 1):
            start = time.perf_counter()
            answer, evidence = _answer(line)
            answers[answer] += 1
            seconds = time.perf_counter() - start
            print(f"{number:>2} {answer:<5} {line.section:<4} {line.words} ({line.meaning}) [{seconds:.1f} s]")
            if evidence:
                print(f"         {evidence}")
            sys.stdout.flush()
        os.chdir(os.path.dirname(folder))
    print(", ".join(f"{count} {answer}" for answer, count in answers.items()), f"of {len(lines)} lines", end="")
    print(f" in {time.perf_counter() - began:.0f} s")
    print("FAIL" if answers["FAIL"] else "PASS")
    return 1 if answers["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
