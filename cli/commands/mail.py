"""`agents mail`: the e-mails that the agents sent on this machine."""

import click
from rich.table import Table

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.local.mail import read_mail
from cli.output import console, print_json

EPILOG = "Example: agents mail --last"


@click.command(epilog=EPILOG)
@click.argument("mail_id", metavar="[ID]", required=False)
@click.option("--last", is_flag=True, help="Show the newest message.")
@click.option("--json", "as_json", is_flag=True, help="Print whole messages as JSON.")
def command(*, mail_id: str | None, last: bool, as_json: bool) -> None:
    """List the e-mails kept by the local mailbox, or show one. None of them left this machine."""
    messages = read_mail(find_instance().mail)
    if last:
        messages = messages[-1:]
    if mail_id is not None:
        messages = [message for message in messages if message["id"] == mail_id]
        if not messages:
            raise CommandError(f"no mail {mail_id}", hint="`agents mail` lists them", code=ExitCode.NOT_FOUND)
    if as_json:
        print_json(messages)
    elif last or mail_id:
        for message in messages:
            for key in ("id", "from", "to", "date", "subject"):
                click.echo(f"{key.capitalize() + ':':9}{message[key]}")
            click.echo(f"\n{message['body'].rstrip()}")
    elif not messages:
        click.echo("no mail yet")
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("id", "date", "to", "subject"):
            table.add_column(column, no_wrap=column != "subject")
        for message in messages:
            table.add_row(*(message[key].replace("[", r"\[") for key in ("id", "date", "to", "subject")))
        console().print(table)
