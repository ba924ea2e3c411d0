"""Colours of the panel are told apart by readers who lack one kind of cone, in both themes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.browser.page import PanelPage
from tests.browser.story import search, stamped

pytestmark = pytest.mark.browser

# Highlighted curves; grey ones are told from these by their missing colour, from each other by dots.
ROLES = ("best", "running", "selected", "compared")
LEAST_DIFFERENCE = 10.0  # CIE76; about 2.3 is just noticeable, lines are thin
# How linear RGB looks without one kind of cone (Machado, Oliveira and Fernandes, 2009, severity 1).
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Linear RGB to XYZ, and the white point D65 (IEC 61966-2-1).
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = XYZ.sum(axis=1)


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    x, y, z = np.cbrt(np.clip(XYZ @ np.clip(rgb, 0, 1) / WHITE, 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_highlighted_curves_differ_for_every_kind_of_colour_blindness(page, dark):
    panel = PanelPage(page, dark=dark)
    panel.start(stamped(search(trials=2)))
    panel.settle()
    read = "names => names.map(name => getComputedStyle(document.querySelector('.tm-panel')).getPropertyValue(name))"
    colours = page.evaluate(read, [f"--tm-{role}" for role in ROLES])
    close = [
        (blindness, one, other)
        for blindness, matrix in BLINDNESS.items()
        for (one, first), (other, second) in itertools.combinations(zip(ROLES, colours, strict=True), 2)
        if np.linalg.norm(lab(matrix @ linear(first.strip())) - lab(matrix @ linear(second.strip()))) < LEAST_DIFFERENCE
    ]
    assert close == []
