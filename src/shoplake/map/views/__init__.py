"""Views of the map: search, lineage as text or pictures, impact of a change, and exports in open formats."""
