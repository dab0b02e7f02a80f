"""Tokens per second of a model in a quantisation on rented GPUs: physics with fitted efficiencies, a frame in, a frame out."""

from transforms.throughput.estimate import estimate, explain

__all__ = ["estimate", "explain"]
