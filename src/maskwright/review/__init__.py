"""What a person decided about a dataset's labels, and the dataset that follows from it."""
