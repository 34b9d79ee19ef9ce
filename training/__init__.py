"""Training of the base model in torch; never part of the extension."""
