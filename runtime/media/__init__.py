"""Readers of media files and what the model hears in them; PyAV is imported only when a file needs it."""
