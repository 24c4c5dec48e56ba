"""Proof that a bundle makes the student's calls: torch as the oracle, the certificate, its page."""
