"""From rules of speech to a trained student."""
