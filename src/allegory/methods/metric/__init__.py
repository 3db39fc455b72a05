"""Metric learning: labels, or groups where there are none, say which items belong together; distances between codes then say it too."""
