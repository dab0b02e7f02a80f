select version, fingerprint
from bookkeeping.schema_version
order by applied_at desc
limit 1
