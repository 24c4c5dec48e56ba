"""What must be true of dialogues before a student learns from them."""
