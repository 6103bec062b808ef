"""Labels of configurations, from the features of their seeds."""
