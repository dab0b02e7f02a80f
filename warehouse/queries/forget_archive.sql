delete from bookkeeping.archives
where table_name = $table_name and month = $month
