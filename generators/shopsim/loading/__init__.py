"""Reads scenario files and checks what types cannot express."""
