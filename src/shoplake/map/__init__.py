"""One map of everything there is: datasets, their columns, who owns them, and where each value comes from.

`graph` has the types and the walks, `readers` make datasets from the source of each thing, `datasets/*.yaml` say what
no source says, and `project` puts them together. The catalogue is a view of it. No server is asked (ADR 37).
"""
