"""The parts of ``targets/c_array.py``: a model as C++ sources for TensorFlow Lite Micro."""
