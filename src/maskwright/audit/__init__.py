"""What is wrong with a dataset: checks, statistics, duplicates, label issues."""
