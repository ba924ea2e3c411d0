"""Another learning rate is written into a cell where the cell states one."""

import pytest

from tunemagic.search.rate_cell import with_rate

AROUND = (0.002, 0.2)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ('model.compile(keras.optimizers.Adam(1e-3), "mse")', 'model.compile(keras.optimizers.Adam(0.02), "mse")'),
        ("opt = SGD(momentum=0.9, learning_rate=1)", "opt = SGD(momentum=0.9, learning_rate=0.02)"),
        ("models.compile(model, name, learning_rate=0.1)", "models.compile(model, name, learning_rate=0.02)"),
        ('o = models.optimizer("sgd", 0.1)', 'o = models.optimizer("sgd", 0.02)'),
        ('o = Adam(models.schedule("1cycle", 0.1))', 'o = Adam(models.schedule("1cycle", 0.02))'),
        ('o = Adam(hp.Float("lr", 1e-4, 1e-1, sampling="log"))',
         'o = Adam(hp.Float("lr", 0.002, 0.2, sampling="log", default=0.02))'),
        ("lr = 1e-3; o = Adam(lr)", "lr = 0.02; o = Adam(lr)"),
        ("lr = 1e-3  #@tune log(1e-5, 1e-1)\no = Adam(lr)", "lr = 0.02  #@tune log(0.002, 0.2)\no = Adam(lr)"),
        ('keras.Sequential()\nmodel.compile("adam", "mse")',
         'keras.Sequential()\nmodel.compile(keras.optimizers.Adam(0.02), "mse")'),
        ('keras.Sequential()\nmodels.compile(model, "momentum", loss="mse")',
         'keras.Sequential()\nmodels.compile(model, "momentum", learning_rate=0.02, loss="mse")'),
        ("b = models.dense(x, y)", "b = models.dense(x, y, learning_rate=(0.002, 0.2))"),
        ("b = models.cnn(x, y, units=8,)", "b = models.cnn(x, y, units=8, learning_rate=(0.002, 0.2),)"),
        ("b = models.cnn(x, y, learning_rate=(1e-3, 1e-2))", "b = models.cnn(x, y, learning_rate=(0.002, 0.2))"),
        ("b = models.cnn(x, y, learning_rate=1e-3)", "b = models.cnn(x, y, learning_rate=0.02)"),
        ('o = models.optimizer("gd")', 'o = models.optimizer("gd", rate=0.02)'),
    ],
)  # fmt: skip
def test_the_one_rate_of_a_cell_is_changed(line: str, changed: str) -> None:
    body = f"# größe\nunits = 8\n{line}\n"
    found = with_rate(body, 0.02, AROUND, "Adam")
    assert found is not None
    assert found.body == f"# größe\nunits = 8\n{changed}\n"
    assert found.line == next(new for old, new in zip(line.split("\n"), changed.split("\n"), strict=True) if old != new)
    assert body.split("\n")[found.row - 1] != found.body.split("\n")[found.row - 1]


@pytest.mark.parametrize(
    "body",
    [
        "a = Adam(1e-3)\nb = SGD(1e-2)\n",  # two rates
        "o = Adam(rates[0])\n",
        "o = Adam(base * 2)\n",
        'o = Adam(hp.Choice("lr", [0.1, 0.2]))\n',
        'o = Adam(hp.Float(f"lr_{1}", 1e-4, 1e-1))\n',
        'model.compile("adam")\n',  # nothing called keras is known
        'keras.Sequential()\nmodel.compile("sgd")\n',  # another optimizer than the one that was tested
        "o = Adam(0.02)\n",  # as it should be
        "x = 1\n",
        'models.compile(model, "adam", learning_rate=rate)\n',  # a variable of the notebook
        'o = models.optimizer("adam", rate)\n',
        "b = models.cnn(x, y, learning_rate=[0.1, 0.2])\n",
        "b = models.cnn(x, y, **options)\n",
        "a = models.cnn(x, y)\nb = models.dense(x, y)\n",
    ],
)
def test_nothing_is_changed_where_it_is_not_plain_what(body: str) -> None:
    assert with_rate(body, 0.02, AROUND, "Adam") is None
