"""Figures of the report: functions of data and axes."""
