"""Clips that can be found by a sentence, by another motion, and by their facts: an index in a folder of its own."""
