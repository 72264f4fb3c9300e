"""The parts of docs/ that are written out of the code, so that they cannot say anything else. It decides nothing."""
