"""Production traces become labelled dialogues: read, redacted, each only once."""
