"""`clearprop studio`: a page on which a network learns while one looks into it."""

from __future__ import annotations

import click


# fmt: off
@click.command("studio", short_help="Train live in the browser, and look inside.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Where to listen; elsewhere than on this machine a token is asked for.")
@click.option("--port", type=click.IntRange(0, 65535), default=8265, show_default=True,
              help="0 for any that is free.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME",
              help="Another name that the page may be opened by; may be given several times.")
@click.option("--sessions", type=click.IntRange(1), default=8, show_default=True, metavar="N",
              help="Pages that may be open at once.")
@click.option("--most-mb", type=click.FloatRange(0, min_open=True), default=20, show_default=True,
              metavar="MB", help="The largest table that may be sent.")
@click.option("--browser/--no-browser", default=True, help="Open the page.")
def command(host: str, port: int, hosts: tuple[str, ...], sessions: int, most_mb: float,
            browser: bool) -> None:
    """Open a page on which a network learns while you look into it.

    It listens on this machine alone, unless --host says otherwise, and ends with Ctrl-C. It needs
    NiceGUI: pip install 'clearprop[studio]'
    """
    # fmt: on
    from clearprop.studio.server import Options, serve

    serve(Options(host, port, hosts, sessions, most_mb, browser), click.echo)
