"""The text-motion retrieval model: searches clips by a sentence and judges generated motion."""
