"""A stand-in for an agent: answers its probes, and misbehaves on request. Standard library alone, so that it starts fast."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODE = sys.argv[1] if len(sys.argv) > 1 else "good"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/spam":
            sys.stdout.write("x" * 5_000_000 + "\n")
            sys.stdout.flush()
        if self.path == "/env":
            return self._answer(200, "\n".join(f"{key}={value}" for key, value in os.environ.items()))
        if self.path == "/fork":  # a grandchild in the same group
            pid = os.fork()
            if pid == 0:
                os.execlp("sleep", "sleep", "600")  # noqa: S606
            return self._answer(200, str(pid))
        return self._answer(200 if self.path in {"/readyz", "/healthz", "/spam"} else 404, "ok")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


if MODE == "crash":
    sys.stdout.write('{"event": "cannot start", "level": "error", "reason": "told so"}' + "\n")
    sys.exit(3)
if MODE == "refuse":
    sys.stdout.write('{"event": "looking at the settings", "level": "info"}' + "\n")
    sys.stderr.write("beta: models.yaml:3:5: error: there is no model big\n  did you mean bid?\n")
    sys.exit(78)
sys.stdout.write("stub is here\n")
sys.stdout.flush()
ThreadingHTTPServer(("127.0.0.1", int(os.environ["APP_PORT"])), Handler).serve_forever()
