"""Tells names and addresses that a marketplace has masked, such as `A*** B***`."""


def is_masked_name(name: str) -> bool:
    return "*" in name


def is_masked_address(email: str) -> bool:
    """True if its local part is masked: nobody gets a mail that is sent there."""
    return "*" in email.rpartition("@")[0]
