"""One run from the first request to the published file, by hand (`pertoken`) or on a schedule (Prefect)."""
