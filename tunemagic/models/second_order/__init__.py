"""Training by curvature: Hessian-free optimisation and K-FAC."""

from tunemagic.models.second_order.compiling import NAMES, compile_second_order

__all__ = ["NAMES", "compile_second_order"]
