"""The article's topics in its own order, a module for each part of it."""

from __future__ import annotations

from article_lines.choose import CHOOSE
from article_lines.deploy import DEPLOY
from article_lines.example import EXAMPLE
from article_lines.line import Line
from article_lines.open_questions import ANSWERS, QUESTIONS, USES
from article_lines.prepare import PREPARE
from article_lines.structure import STRUCTURE
from article_lines.tools import TOOLS
from article_lines.values import VALUES

__all__ = ["LINES", "Line"]

_SECTIONS = (PREPARE, CHOOSE, VALUES, STRUCTURE, DEPLOY, EXAMPLE, USES, TOOLS, QUESTIONS, ANSWERS)
LINES: tuple[Line, ...] = tuple(line for section in _SECTIONS for line in section.lines)
