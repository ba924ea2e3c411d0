"""Training by curvature: Hessian-free optimisation and K-FAC, both through Keras' own ``fit``.

Written for TensorFlow and one device; measured on networks of up to some 20,000 weights on a CPU.
"""

from tunemagic.models.second_order.compiling import KFAC_RATE, NAMES, compile_second_order
from tunemagic.models.second_order.hessian_free import HessianFreeOptions
from tunemagic.models.second_order.kfac import KfacOptions

__all__ = ["KFAC_RATE", "NAMES", "HessianFreeOptions", "KfacOptions", "compile_second_order"]
