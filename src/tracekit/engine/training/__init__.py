"""Training: the loop, the order of samples, checkpoints, and the learning-rate range test."""
