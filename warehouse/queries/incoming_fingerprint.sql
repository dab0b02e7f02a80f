-- Rows of the frame about to be stored, whatever their order.
select count(*), coalesce(sum(hash(incoming))::text, '0')
from incoming
