"""What fixed-point targets need beside their passes: calibration, ranges, rules."""
