"""How long tests wait for what has to come: longer than it takes on a machine that is busy, if it comes at all."""

PATIENCE_SECONDS = 60
