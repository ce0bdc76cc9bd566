"""A Document becomes Chunks: sentences, then runs of whole sentences that fit the encoder's window."""
