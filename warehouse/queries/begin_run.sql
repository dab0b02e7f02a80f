insert into core.runs (run_id, started_at, provenance, methodology_version, software_version)
values ($run_id, $started_at, $provenance, $methodology_version, $software_version)
