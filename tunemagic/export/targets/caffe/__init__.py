"""The parts of ``targets/caffe_files.py``: a chain of layers as a Caffe network."""
