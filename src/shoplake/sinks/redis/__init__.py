"""The sink of Redis: the live board, changed by Lua scripts."""
