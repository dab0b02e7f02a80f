insert into bookkeeping.schema_version (version, fingerprint, applied_at)
values ($version, $fingerprint, $applied_at)
