-- Every figure of the method that is a choice.
select
    assumption,
    value,
    unit,
    note,
    source
from reference.assumptions
