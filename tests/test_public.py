import subprocess
import sys

import pytest

import tunemagic


def test_the_public_names_are_these():
    assert tunemagic.__all__ == [
        "Study",
        "StudyBook",
        "TuneError",
        "datasets",
        "diagnose",
        "explain",
        "load",
        "load_ipython_extension",
        "lr_range",
        "models",
        "prep",
        "tflite",
        "tune",
        "unload_ipython_extension",
    ]


def test_every_public_name_can_be_imported():
    parts = [name for name in tunemagic.__all__ if not callable(getattr(tunemagic, name))]
    assert parts == ["datasets", "models", "prep"]


def test_dir_lists_what_can_be_used():
    assert dir(tunemagic) == sorted([*tunemagic.__all__, "__version__"])


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tunemagic' has no attribute 'tone'"):
        tunemagic.tone  # noqa: B018


def test_importing_the_package_imports_nothing_else():
    code = "import sys, tunemagic; print([m for m in ('numpy', 'keras', 'IPython', 'ipywidgets') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
