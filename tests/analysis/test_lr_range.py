"""A range test's curve suggests its valley, and nothing where it does not fall."""

import bisect
import math

import numpy as np
import pytest

from tunemagic.analysis.lr_range import RateInfo, rate_info, rate_sentences
from tunemagic.i18n import Language, catalogue

RATES = tuple(float(rate) for rate in np.geomspace(1e-5, 10, 100))


def curve(start: float = 1e-3, low: float = 1e-1) -> tuple[float, ...]:
    """Flat at 2, from ``start`` falling evenly over the logarithm to 0.5 at ``low``, then rising steeply."""

    def loss(rate: float) -> float:
        share = math.log(rate / start) / math.log(low / start)
        return 2.0 if share < 0 else 2.0 - 1.5 * share if share <= 1 else 0.5 * math.exp(4 * (share - 1))

    return tuple(loss(rate) for rate in RATES)


def test_the_valley_lies_in_the_fall_and_below_the_lowest_point() -> None:
    info = rate_info(RATES, curve(), steps=100, diverged=True, highest_rate=10.0)
    assert info.valley is not None
    assert 1e-3 < info.valley < 1e-1
    assert info.tenth == pytest.approx(1e-2, rel=0.1)
    assert (info.rates, info.losses) == (RATES, curve())


@pytest.mark.parametrize("end", [100, 60])
@pytest.mark.parametrize("noise", [0.0, 0.03, 0.3])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_valley_is_that_of_fastai(seed: int, noise: float, end: int) -> None:
    """By its definition: the middle, in two whole parts, of the first longest fall in steps 10 to end - 5."""
    losses = (np.array(curve(low=3e-2)) + np.random.default_rng(seed).normal(0, noise, 100))[:end]
    looked_at = losses[10:-5]
    least: list[float] = []  # at each place the highest end of a fall of that length so far, negated
    lengths = []
    for loss in looked_at:
        place = bisect.bisect_left(least, -loss)
        least[place : place + 1] = [-loss]
        lengths.append(place + 1)
    longest = max(lengths)
    middle = lengths.index(longest) - longest + int(longest / 3) + int(longest / 6)
    info = rate_info(RATES[:end], tuple(losses), steps=100, diverged=True, highest_rate=10.0)
    assert info.valley == float(f"{RATES[10 + middle]:.2g}")
    assert info.tenth == float(f"{RATES[10 + int(np.argmin(looked_at))] / 10:.2g}")


def test_what_loses_all_that_was_learned_diverges() -> None:
    info = rate_info(RATES, curve(), steps=100, diverged=False, highest_rate=10.0)
    assert info.diverged_at is not None
    assert info.loss_at(info.diverged_at) > 2.0
    assert all(loss <= 2.0 for rate, loss in zip(RATES, info.losses, strict=True) if rate < info.diverged_at)
    low, high = info.limits
    assert 0 < low < min(info.losses)
    assert 2.0 < high < max(info.losses)


def test_a_loss_that_stays_below_its_beginning_does_not_diverge() -> None:
    tamed = tuple(min(loss, 1.9) if rate > 0.1 else loss for rate, loss in zip(RATES, curve(), strict=True))
    assert rate_info(RATES, tamed, steps=100, diverged=False, highest_rate=10.0).diverged_at is None
    assert rate_info(RATES, tamed, steps=100, diverged=True, highest_rate=10.0).diverged_at == RATES[-1]


def test_a_wave_of_noise_moves_the_valley_little() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 100)
    plain = rate_info(RATES, curve(), steps=100, diverged=True, highest_rate=10.0)
    noisy = rate_info(RATES, tuple(np.array(curve()) + noise), steps=100, diverged=True, highest_rate=10.0)
    assert plain.valley is not None
    assert noisy.valley is not None
    assert abs(math.log(noisy.valley / plain.valley, 3)) < 1


def test_the_range_round_the_valley_ends_where_training_diverges() -> None:
    info = RateInfo(rates=RATES, losses=curve(), highest_rate=10.0, valley=0.02, tenth=0.01)
    assert info.range == (0.002, 0.2)
    ended = RateInfo(rates=RATES, losses=curve(), highest_rate=10.0, valley=0.02, tenth=0.01, diverged_at=0.1)
    assert ended.range == (0.002, 0.1)


@pytest.mark.parametrize(
    "losses", [(2.3,) * 100, tuple(np.linspace(2.0, 3.0, 100)), (2.0, 1.0, 9.0), ()], ids=["flat", "up", "few", "none"]
)
def test_a_loss_that_does_not_fall_suggests_nothing(losses: tuple[float, ...]) -> None:
    info = rate_info(RATES[: len(losses)], losses, steps=100, diverged=False, highest_rate=10.0)
    assert (info.valley, info.tenth, info.range) == (None, None, None)
    assert rate_sentences(info) == ("The loss falls at no learning rate, so none is suggested.",)


def test_the_rate_at_which_the_loss_was_no_number_has_no_loss() -> None:
    info = rate_info((*RATES[:50], 0.5), curve()[:50], steps=100, diverged=True, highest_rate=10.0)
    assert (len(info.rates), len(info.losses), info.diverged_at) == (50, 50, 0.5)


def test_the_suggestion_is_said_in_both_languages() -> None:
    info = RateInfo(rates=RATES, losses=curve(), highest_rate=10.0, valley=0.02, tenth=0.011, diverged_at=1.2345)
    assert rate_sentences(info) == (
        "Suggested learning rate: 0.02 (valley of the loss). Second mark: 0.011, a tenth of the rate with the lowest "
        "loss.",
        "At 1.2 the loss diverges.",
    )
    assert rate_sentences(info, catalogue(Language.CHINESE))[1] == "学习率为 1.2 时损失发散。"
