"""Faces of the report: HTML and PDF."""
