"""`demo`: a shop to play with."""

import asyncio
from functools import partial

import typer

from api import serving
from api.app import create_app
from api.demo import pages, sample_shop
from api.loops import mail_loop
from api.settings import SettingsError, load_settings
from api.telemetry import logs
from domain.mail.delivery.mailbox import Mailbox


def demo(*, is_still: bool, is_reset: bool) -> None:
    settings = sample_shop.settings_of(load_settings())
    try:
        listener = serving.listen(settings)
    except SettingsError:
        if sample_shop.FILE.exists():
            sample_shop.claim(settings)  # if another demo has the port, this says so
        raise
    database = sample_shop.claim(settings)
    if is_reset:
        sample_shop.reset()
    settings = asyncio.run(sample_shop.prepare(settings))
    logs.configure(settings.log_format)
    mailbox = Mailbox(sample_shop.MAILS)
    loops = [mail_loop(mailbox, settings)]
    if not is_still:
        loops += [sample_shop.keep_moving, sample_shop.bring_next_day]
    address = sample_shop.address_of(listener)
    typer.echo(f"Open {address}/ and stop it with Ctrl-C.")
    routes = pages.routes(settings, mailbox, database, address)
    serving.run(settings, listener, partial(create_app, settings, database, loops=loops, routes=routes))
