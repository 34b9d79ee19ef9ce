"""What computes the networks of a pack. Each backend is imported only when it is used."""
