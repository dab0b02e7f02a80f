"""The stages of one run that are more than a call, one file each: what goes in, what comes out, nothing else."""
