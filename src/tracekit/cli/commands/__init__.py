"""Commands of `tracekit`, one file each, named after the command."""
