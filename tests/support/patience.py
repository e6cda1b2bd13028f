"""How long tests wait for what must happen: longer than it takes even on a busy machine."""

PATIENCE_SECONDS = 120
