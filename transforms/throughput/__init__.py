"""Tokens per second of a model on rented GPUs: physics with fitted efficiencies, a frame in, a frame out."""

from transforms.throughput.estimate import estimate, explain
from transforms.throughput.measured import nearest_measured
from transforms.throughput.published import estimate_rows
from transforms.throughput.unlisted import UnknownArchitecture, model_from_config

__all__ = ["UnknownArchitecture", "estimate", "estimate_rows", "explain", "model_from_config", "nearest_measured"]
