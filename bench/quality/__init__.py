"""What decontam_quality.py measures with."""
