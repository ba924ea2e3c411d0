"""Preparation of data: cleaning, scaling, encoding, augmentation, carried inside the model."""
