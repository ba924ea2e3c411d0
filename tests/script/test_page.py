"""What a script says of itself, and what it does where its data is missing."""

import pytest

from tunemagic.script.gather import Gathered
from tunemagic.script.page import Parts, Training, script_text


def text_of(*, data):
    training = Training(
        stem="mine", about=["A model."], objective="val_loss", maximise=False, epochs=1, seed=0, targets=True, data=data
    )
    return script_text(Parts(gathered=Gathered(), build=["model = None"]), training)


def run(text, folder):
    names = {"__name__": "mine", "__file__": str(folder / "mine.py")}
    exec(compile(text, "mine.py", "exec", dont_inherit=True), names)
    return names


def test_a_script_saves_under_a_name_of_its_own_and_tells_how_it_is_called():
    assert text_of(data=True).split('"""')[1].split("\n")[2:5] == [
        "    python mine.py                 train, print the score, save mine-trained.keras",
        "    python mine.py --seed 3        from another seed",
        "    python mine.py --data my.npz   on other data",
    ]
    assert text_of(data=False).split('"""')[1].split("\n")[2:4] == [
        "    python mine.py --data my.npz            train, print the score, save mine-trained.keras",
        "    python mine.py --data my.npz --seed 3   from another seed",
    ]
    assert 'default=HERE / "mine-trained.keras"' in text_of(data=True)


def test_missing_data_is_named_in_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"none\.npz is not there; expected an \.npz file, as in --data my\.npz\."):
        run(text_of(data=False), tmp_path)["main"](["--data", str(tmp_path / "none.npz")])
