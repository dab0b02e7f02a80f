# ruff: noqa: B018  (a name on a line of its own is what a notebook shows)
# %% [markdown]
# # Three questions to the published file
#
# Opens in VS Code, PyCharm, Spyder and (with jupytext) Jupyter as a notebook; runs as a script, too. It needs
# `duckdb`, `polars` and `altair` (`pip install 'pertoken[site]'`), and a published file: `pertoken refresh`, or
# `pertoken refresh --or-recorded` without a network. It asks nothing but that file.

# %%
from pathlib import Path

import altair as alt
import duckdb
import polars as pl

FILES = (Path("data/prices.duckdb"), Path("data/recorded/prices.duckdb"))
prices = duckdb.connect(next(file for file in FILES if file.is_file()), read_only=True)
prices.execute("set TimeZone = 'UTC'")

WORKLOAD = "chat"
MODEL = "llama-3.3-70b"
MONEY = "$,.4~r"

# %% [markdown]
# When was it made, from what, and by which rules? A figure without this is a rumour.

# %%
made = prices.sql("select key, value from methodology order by key").pl()
made

# %% [markdown]
# ## 1. What does a GPU-hour cost, and where is it going?
#
# The cheapest ranked seller of each GPU on the trusted board, run by run. One host cannot move a price that ten
# machines stand behind; where fewer do, the rule says so (`price_rule`).

# %%
gpu_hours = prices.sql(
    """
    select as_of, gpu, min(usd_per_gpu_hour) as usd_per_gpu_hour,
        arg_min(source, usd_per_gpu_hour) as source, arg_min(price_rule, usd_per_gpu_hour) as price_rule
    from marts.gpu_price_history
    where board = 'trusted' and exclusion_reason is null
    group by as_of, gpu
    order by gpu, as_of
    """
).pl()
largest = (
    gpu_hours.group_by("gpu")
    .agg(
        first=pl.col("usd_per_gpu_hour").first(),
        last=pl.col("usd_per_gpu_hour").last(),
        readings=pl.len(),
    )
    .with_columns(change=pl.col("last") / pl.col("first") - 1)
    .sort(pl.col("change").abs(), "gpu", descending=[True, False])
    .head(8)
)
largest

# %%
gpu_chart = (
    alt.Chart(gpu_hours.filter(pl.col("gpu").is_in(largest["gpu"].to_list())))
    .mark_line(interpolate="step-after", point=True)
    .encode(
        x=alt.X("as_of:T").title(None).axis(format="%d %b"),
        y=alt.Y("usd_per_gpu_hour:Q").title("USD per GPU-hour").axis(format=MONEY).scale(type="log", nice=False),
        color=alt.Color("gpu:N").title(None),
        tooltip=["gpu", "usd_per_gpu_hour", "source", "price_rule", "as_of"],
    )
    .properties(width=640, height=320, title="The GPUs that moved most, at their cheapest ranked seller")
)
gpu_chart

# %% [markdown]
# ## 2. From which load does renting beat the API?
#
# A rented machine costs the same when it idles, so its price per token falls as load grows; an API charges per token.
# The curve is the best trusted machine for the model, with the band of its throughput; the lines are the API hosts.

# %%
rented = prices.sql(
    """
    select source, gpu, gpu_count, quant, utilization, usd_per_mtok, usd_per_mtok_low, usd_per_mtok_high
    from marts.leaderboard
    where board = 'trusted' and workload = $workload and model = $model and place = 1
    """,
    params={"workload": WORKLOAD, "model": MODEL},
).pl()
hosts = prices.sql(
    """
    select provider, min(usd_per_mtok) as usd_per_mtok
    from marts.leaderboard
    where board = 'api' and workload = $workload and model = $model and place is not null
    group by provider
    order by usd_per_mtok, provider
    """,
    params={"workload": WORKLOAD, "model": MODEL},
).pl()
loads = pl.DataFrame({"load": [percent / 100 for percent in range(2, 101)]})
# All that the machine costs is spread over what it serves: price at load x = price at the board's load × that / x.
# Traffic that is charged extra does shrink with the load; marts.break_even takes it into account.
curve = loads.join(rented, how="cross").with_columns(
    pl.col("usd_per_mtok", "usd_per_mtok_low", "usd_per_mtok_high") * pl.col("utilization") / pl.col("load")
)
break_even = hosts.join(rented.select("utilization", rented_usd_per_mtok="usd_per_mtok"), how="cross").select(
    "provider",
    "usd_per_mtok",
    from_load=pl.col("utilization") * pl.col("rented_usd_per_mtok") / pl.col("usd_per_mtok"),
)
break_even

# %%
base = alt.Chart(curve).encode(x=alt.X("load:Q").title("Load").axis(format=".0%"))
upright = alt.Y("usd_per_mtok:Q").title("USD per 1M tokens").axis(format=MONEY).scale(type="log", nice=False)
load_chart = (
    base.mark_area(opacity=0.2).encode(y=alt.Y("usd_per_mtok_low:Q"), y2="usd_per_mtok_high:Q")
    + base.mark_line().encode(y=upright)
    + alt.Chart(hosts)
    .mark_rule(strokeDash=[4, 4])
    .encode(y="usd_per_mtok:Q", color=alt.Color("provider:N").title("API"))
).properties(width=640, height=320, title=f"{MODEL}, {WORKLOAD}: rented against bought")
load_chart

# %% [markdown]
# ## 3. The same model, the same tokens: how far apart are the hosts?
#
# Output prices of open models at every host, newest run. A wide row is money for whoever switches, after a look at
# quantisation, speed and uptime.

# %%
asked = prices.sql(
    """
    select price.model, price.provider, min(price.usd_per_mtok)::double as usd_per_mtok
    from core.api_prices as price
    inner join reference.models as model using (model)
    where price.run_id = (select max(run_id) from core.api_prices)
        and price.component = 'output' and price.tier = 'standard' and price.status = 'ok'
        and price.channel <> 'registry' and model.openness = 'open' and price.usd_per_mtok > 0
    group by price.model, price.provider
    order by price.model, usd_per_mtok, price.provider
    """
).pl()
spread = (
    asked.group_by("model")
    .agg(hosts=pl.len(), lowest=pl.col("usd_per_mtok").min(), highest=pl.col("usd_per_mtok").max())
    .with_columns(spread=pl.col("highest") / pl.col("lowest"))
    .sort("spread", "model", descending=[True, False])
    .head(15)
)
spread

# %%
host_chart = (
    alt.Chart(asked.filter(pl.col("model").is_in(spread["model"].to_list())))
    .mark_point(filled=True, size=60, opacity=0.7)
    .encode(
        x=alt.X("usd_per_mtok:Q").title("USD per 1M output tokens").axis(format=MONEY).scale(type="log", nice=False),
        y=alt.Y("model:N").title(None).sort(spread["model"].to_list()),
        tooltip=["provider", "usd_per_mtok"],
    )
    .properties(width=640, title="The models whose hosts differ most")
)
host_chart

# %%
prices.close()
