"""How many examples the properties try."""

from hypothesis import settings

settings.register_profile("rules", max_examples=100, deadline=None, database=None, print_blob=True)
settings.load_profile("rules")
