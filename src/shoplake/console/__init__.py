"""The console: pages with the running platform, its dashboards, its catalogue and its checks. They only read."""
