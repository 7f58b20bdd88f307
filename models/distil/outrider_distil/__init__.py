"""Teaches a pruned checkpoint to predict what its target writes. README.md of the folder above has the steps."""
