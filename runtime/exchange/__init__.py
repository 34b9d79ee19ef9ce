"""Motions of other programs and data sets, read into and written from the model's skeleton."""
