"""The training loop, its order of samples, its checkpoints, and the learning-rate range test."""
