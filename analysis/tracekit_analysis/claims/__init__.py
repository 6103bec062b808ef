"""Claims about configurations, evaluated on recorded runs."""
