"""One-way exporters: what a run folder tells, sent to a tracker by a process of its own."""
