"""Measuring the model against published systems: metrics of benchmarks; never part of the extension."""
