"""What is only speed: threads, compiled loops, reused memory, fast ways through convolutions."""
