insert into core.decisions (decided_at, subject, value_usd_per_mtok, verdict, reason, decided_by)
values ($decided_at, $subject, $value_usd_per_mtok, $verdict, $reason, $decided_by)
