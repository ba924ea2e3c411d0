"""Conjugate gradients against NumPy's direct solution."""

import itertools

import numpy as np
import pytest

from tunemagic.models.second_order.cg import conjugate_gradients

GENERATOR = np.random.default_rng(5)
ROOT = GENERATOR.normal(size=(30, 30))
MATRIX = ROOT @ ROOT.T / 30 + 0.5 * np.eye(30)
TARGET = GENERATOR.normal(size=30)
EXACT = np.linalg.solve(MATRIX, TARGET)


def product(vector: np.ndarray) -> np.ndarray:
    return MATRIX @ vector


def test_it_solves_as_numpy_does() -> None:
    solution = conjugate_gradients(product, TARGET)
    np.testing.assert_allclose(solution.x, EXACT, rtol=1e-2, atol=1e-3)
    assert solution.value == pytest.approx(0.5 * EXACT @ MATRIX @ EXACT - TARGET @ EXACT, rel=1e-5)


def test_a_good_start_saves_products_and_a_bad_one_is_left_out() -> None:
    cold = conjugate_gradients(product, TARGET)
    warm = conjugate_gradients(product, TARGET, EXACT + 1e-3)
    bad = conjugate_gradients(product, TARGET, -10 * EXACT)
    assert warm.products < cold.products
    np.testing.assert_array_equal(bad.x, cold.x)
    assert bad.products == cold.products + 1


def test_each_further_product_lowers_the_quadratic() -> None:
    values = [conjugate_gradients(product, TARGET, most=most).value for most in range(1, 12)]
    assert all(later < earlier for earlier, later in itertools.pairwise(values))


def test_it_ends_where_there_is_nothing_to_solve() -> None:
    solution = conjugate_gradients(product, np.zeros(30))
    assert solution.products == 0
    assert not solution.x.any()


def test_it_ends_when_progress_stalls_long_before_the_residual_is_gone() -> None:
    scales = np.logspace(-6, 0, 400)
    solution = conjugate_gradients(lambda vector: scales * vector, scales, most=400)
    residual = scales - scales * solution.x
    assert solution.products < 100
    assert residual @ residual > 1e-9 * (scales @ scales)
    assert solution.value == pytest.approx(-0.5 * scales.sum(), rel=1e-2)
