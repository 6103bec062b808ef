"""What two experiments must have in common to have the same traces."""

import pandas as pd

import tracekit


def decoded(path):
    """Every column but the status: bytes of its values, or the words in it and the bytes of their places."""
    frame = tracekit.read(path)
    columns = {"value": frame["value"].to_numpy().tobytes()}
    for name in frame.columns.difference(["value", "status"]):
        places, words = pd.factorize(frame[name])
        columns[name] = (places.tobytes(), [str(word) for word in words])
    return columns
