"""Train students: from scratch, from an encoder, or from a given checkpoint."""
