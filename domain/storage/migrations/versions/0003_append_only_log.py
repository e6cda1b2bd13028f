"""Triggers keep the log append-only and without gaps, no matter who writes to it.

A later migration that rebuilds the table, as SQLite must to change constraints, has to recreate the triggers.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQLITE = (
    """
    CREATE TRIGGER order_events_follow BEFORE INSERT ON order_events
    WHEN (new.number > 1 AND NOT EXISTS (
        SELECT 1 FROM order_events WHERE shop_id = new.shop_id AND number = new.number - 1
    )) OR (new.sequence > 1 AND NOT EXISTS (
        SELECT 1 FROM order_events
        WHERE shop_id = new.shop_id AND order_id = new.order_id AND sequence = new.sequence - 1
    ))
    BEGIN SELECT RAISE(ABORT, 'order_events_follow: the event before is missing'); END
    """,
    # INSERT OR REPLACE would delete an event without firing the trigger on deletions.
    """
    CREATE TRIGGER order_events_once BEFORE INSERT ON order_events
    WHEN EXISTS (
        SELECT 1 FROM order_events WHERE shop_id = new.shop_id AND number = new.number
    ) OR EXISTS (
        SELECT 1 FROM order_events
        WHERE shop_id = new.shop_id AND order_id = new.order_id AND sequence = new.sequence
    )
    BEGIN SELECT RAISE(ABORT, 'order_events_once: the event is there already'); END
    """,
    """
    CREATE TRIGGER order_events_stay BEFORE DELETE ON order_events
    BEGIN SELECT RAISE(ABORT, 'order_events_stay: events are not deleted'); END
    """,
    """
    CREATE TRIGGER order_events_stay_the_same BEFORE UPDATE ON order_events
    BEGIN SELECT RAISE(ABORT, 'order_events_stay: events are not changed'); END
    """,
)
_POSTGRESQL = (
    # A connection keeps plans made while the table was empty and all indexes looked alike. ORDER BY leaves it only the
    # one index that fits.
    """
    CREATE OR REPLACE FUNCTION order_events_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        last bigint;
    BEGIN
        IF new.number > 1 THEN
            SELECT number INTO last FROM order_events
            WHERE shop_id = new.shop_id AND number < new.number ORDER BY number DESC LIMIT 1;
            IF last IS DISTINCT FROM new.number - 1 THEN
                RAISE 'order_events_follow: the event before is missing'
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
        END IF;
        IF new.sequence > 1 THEN
            SELECT sequence INTO last FROM order_events
            WHERE shop_id = new.shop_id AND order_id = new.order_id AND sequence < new.sequence
            ORDER BY sequence DESC LIMIT 1;
            IF last IS DISTINCT FROM new.sequence - 1 THEN
                RAISE 'order_events_follow: the event before is missing'
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
        END IF;
        RETURN new;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION order_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE 'order_events_stay: events are not changed and not deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER order_events_follow BEFORE INSERT ON order_events
    FOR EACH ROW EXECUTE FUNCTION order_events_follow()
    """,
    """
    CREATE TRIGGER order_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION order_events_stay()
    """,
)


def upgrade() -> None:
    for statement in _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
