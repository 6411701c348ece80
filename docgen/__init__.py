"""Documentation that is made from the source: `python -m docgen` writes it, `--check` tells what is stale.

No part of the distribution: it reads shoplake and shopsim, and nothing of theirs reads it.
"""
