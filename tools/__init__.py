"""Scripts that build what the extension ships: text encoder, model packs. Never in the zip."""
