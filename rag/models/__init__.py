"""Everything that has weights: the encoder, the reader, where weights come from and how they are checked."""
