"""The checks: functions from the facts to what is wrong."""
