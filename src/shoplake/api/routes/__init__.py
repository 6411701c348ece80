"""One module per subject. Each has `router`; `app.py` includes them."""
