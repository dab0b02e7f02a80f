-- The article's three speeds beside what others measured.
select
    figure,
    condition,
    article_tokens_per_s,
    measured_tokens_per_s,
    source
from reference.article_throughput
order by figure, measured_tokens_per_s nulls last, condition
