"""From a representation to a model that labels: readers on frozen codes and fine-tuning, chosen on held-out items, calibrated, saved."""
