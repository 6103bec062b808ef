"""Figures of the report: functions that draw data on matplotlib axes."""
