insert into bookkeeping.archives (table_name, month, n_rows, fingerprint)
values ($table_name, $month, $n_rows, $fingerprint)
