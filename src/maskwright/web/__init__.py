"""The same values in a browser."""
