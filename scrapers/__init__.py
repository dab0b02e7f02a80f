"""Network in, records out. One module per source; only `fetch` opens a socket."""
