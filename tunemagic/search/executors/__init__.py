"""Where trials run. Every executor has the face of ``base.Executor``."""
