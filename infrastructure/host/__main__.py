"""`python -m infrastructure.host agents.notification:AGENT`: serve one agent until it is told to stop."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # until all is loaded: looking for garbage, of which there is hardly any yet, is a sixth of a start

import asyncio
import contextlib
import errno
import logging
import re
import signal
import socket
import sys
from importlib import import_module
from typing import NoReturn

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from agents.runtime.agent import Agent
from domain.errors import ModelsInvalid, PromptInvalid
from infrastructure.host.bootstrap import build
from infrastructure.host.descriptors import allow_enough
from infrastructure.host.protocol import BoundedProtocol
from infrastructure.host.security import HEADERS
from infrastructure.host.settings import Settings, explain
from infrastructure.telemetry.logs import configure_logging

log = logging.getLogger(__name__)

EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: nothing that a restart would mend."""


def main() -> None:
    if len(sys.argv) != 2 or not re.fullmatch(r"\w+(\.\w+)*:\w+", sys.argv[1]):
        _stop("usage: python -m infrastructure.host MODULE:ATTRIBUTE, for instance agents.notification:AGENT")
    agent = _load(sys.argv[1])
    try:
        settings = Settings()
    except ValidationError as error:
        _stop(
            f"{agent.name}: these settings cannot be used (`agents doctor --settings` explains all):\n{explain(error)}"
        )
    except (OSError, UnicodeDecodeError) as error:
        _stop(f"{agent.name}: the file .env cannot be read: {error}")
    human = settings.log_format == "human" or (settings.log_format == "auto" and sys.stdout.isatty())
    configure_logging(agent.name, settings.log_level, human=human)
    try:
        app = build(agent, settings)
    except (PromptInvalid, ModelsInvalid, ValueError) as error:
        _stop(f"{agent.name}: {error}")
    gc.freeze()  # what is loaded stays: going through it again and again would stop the loop for tens of milliseconds
    gc.enable()
    if not settings.asks_for_login:
        log.info("nobody logs in: open to every process of this machine, on loopback only")
    allow_enough()
    uvloop.run(_serve(app, _listen(settings), settings.grace))


def _load(target: str) -> Agent:
    module, _, attribute = target.partition(":")
    try:
        agent: object = getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        _stop(f"{target} names no agent: {error}")
    except TypeError as error:  # a wrong declaration says so
        _stop(f"{target}: {error}")
    if not isinstance(agent, Agent):
        _stop(f"{target} is {type(agent).__name__}, not an Agent")
    return agent


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        taken = "; `agents doctor` says who holds the port" if error.errno == errno.EADDRINUSE else ""
        _stop(
            f"cannot listen on {settings.host}:{settings.port} (AGENTS_HOST, APP_PORT): {error.strerror}{taken}"
        )
    return listening


async def _serve(app: FastAPI, listening: socket.socket, grace: float) -> None:
    """Serve until SIGTERM or SIGINT, then stop intake and settle before the server closes: waiting requests get their 202."""
    config = uvicorn.Config(
        app,
        loop="none",
        http=BoundedProtocol,
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[*HEADERS],
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # ours come first
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def stop_in_order() -> None:
        await stopping.wait()
        log.info("stopping")
        try:
            if service := getattr(app.state, "service", None):  # before start-up ended there is none
                await service.stop(grace)
        finally:
            server.should_exit = True

    stop = asyncio.create_task(stop_in_order())
    await server.serve(sockets=[listening])
    stop.cancel()


def _stop(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    sys.exit(EXIT_CONFIGURATION)


if __name__ == "__main__":
    main()
