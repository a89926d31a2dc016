"""A ClearML server in memory on loopback: as much of its API and its file server as exporting a run needs.

Events are kept as the real server keeps them: one with the same task, iteration, metric, variant and key takes the
place of the earlier one; that is what makes sending again harmless.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

ACCESS_KEY, SECRET_KEY = "ACCESS", "SECRET-of-the-tests"


@dataclass
class ClearmlServer:
    """What was sent, and what the server shall do to the next requests."""

    url: str = ""
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: list[tuple[str, Any]] = field(default_factory=list)
    answers: int | None = None  # after so many more requests it says nothing more: done, but the answer is lost
    status: int = 200  # what every request is answered with, where it is not 200
    hangs: bool = False

    def events_of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type, in the order of their iteration."""
        found = [event for event in self.events.values() if event["type"] == kind]
        return sorted(found, key=lambda event: (event["metric"], event["variant"], event["iter"]))

    def curves(self) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """Iteration and value by title and series; without the values that stand for the whole task."""
        curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
        points = [event for event in self.events_of("training_stats_scalar") if event["iter"] >= 0]
        for event in points:
            curves.setdefault((event["metric"], event["variant"]), []).append((event["iter"], event["value"]))
        return curves

    def act(self, action: str, sent: Any) -> dict[str, Any]:
        """What one call of the API does and answers."""
        service, _, act = action.partition(".")
        if action == "events.add_batch":
            return self._add_events(sent)
        if action == "tasks.edit_hyper_params":
            sections = self.tasks[sent["task"]].setdefault("hyperparams", {})
            for item in sent["hyperparams"]:
                sections.setdefault(item["section"], {})[item["name"]] = item
            return {"updated": 1}
        if action == "tasks.edit_configuration":
            there = self.tasks[sent["task"]].setdefault("configuration", {})
            there.update({item["name"]: item for item in sent["configuration"]})
            return {"updated": 1}
        if action == "tasks.add_or_update_artifacts":
            artifacts = self.tasks[sent["task"]].setdefault("execution", {}).setdefault("artifacts", [])
            keys = {artifact["key"] for artifact in sent["artifacts"]}
            artifacts[:] = [old for old in artifacts if old["key"] not in keys] + sent["artifacts"]
            return {"updated": 1}
        if action == "tasks.add_or_update_model":
            models = self.tasks[sent["task"]].setdefault("models", {}).setdefault(sent["type"], [])
            models[:] = [old for old in models if old["name"] != sent["name"]]
            models.append({"name": sent["name"], "model": sent["model"]})
            return {"updated": 1}
        if action in {"tasks.started", "tasks.completed", "tasks.stopped", "tasks.failed"}:
            status = {"started": "in_progress"}.get(act, act)
            self.tasks[sent["task"]]["status"] = status
            return {"updated": 1, "fields": {"status": status}}
        kept: dict[str, dict[str, Any]] | None = getattr(self, service, None)
        return _kept(kept, service, act, sent) if isinstance(kept, dict) else {}

    def _add_events(self, sent: list[dict[str, Any]]) -> dict[str, Any]:
        for event in sent:
            if event["task"] not in self.tasks:
                raise LookupError(event["task"])
            names = ("task", "iter", "metric", "variant", "key")
            key = "-".join(str(event[name]) for name in names if name in event)
            log = event["type"] == "log"
            self.events[uuid.uuid4().hex if log else hashlib.md5(key.encode()).hexdigest()] = event
        return {"added": len(sent), "errors": 0, "errors_info": {}}


def _kept(kept: dict[str, dict[str, Any]], service: str, act: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Making, changing and finding projects, tasks and models."""
    noun = service.removesuffix("s")
    if act == "create":
        new = {"status": "created", "models": {}, "execution": {}} if service == "tasks" else {}
        made = {**new, **sent, "id": sent.get("id") or uuid.uuid4().hex}
        kept[made["id"]] = made
        return {"id": made["id"], "created": True}
    if act in {"edit", "update"}:
        item = kept[sent[noun]]
        changed = {name: value for name, value in sent.items() if name not in {noun, "force"}}
        item.update(changed)
        return {"updated": 1, "fields": changed}
    if act == "get_by_id":
        return {noun: kept[sent[noun]]}
    if act.startswith("get_all"):
        tags = set(sent.get("system_tags") or [])
        return {
            service: [
                item
                for item in kept.values()
                if re.search(sent.get("name") or "", item["name"])
                and tags <= set(item.get("system_tags") or [])
                and item["id"] in (sent.get("id") or [item["id"]])
            ]
        }
    return {}


@contextlib.contextmanager
def clearml_server() -> Iterator[ClearmlServer]:
    """A server that runs while the block does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        server.daemon_threads = True
        server.state = ClearmlServer(f"http://127.0.0.1:{server.server_port}")
        server.stopped = threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.state
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()


def environment_of(server: ClearmlServer) -> dict[str, str]:
    """What tells the `clearml` package of this server."""
    return {
        "CLEARML_API_HOST": server.url,
        "CLEARML_WEB_HOST": server.url,
        "CLEARML_FILES_HOST": server.url,
        "CLEARML_API_ACCESS_KEY": ACCESS_KEY,
        "CLEARML_API_SECRET_KEY": SECRET_KEY,
    }


def _receive(state: ClearmlServer, content_type: str, body: bytes) -> None:
    """Files that are posted: the name of each is its path."""
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    for part in body.split(boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name is not None
        state.files[unquote(name[1].decode()).lstrip("/")] = content.removesuffix(b"\r\n")


def _meta(action: str, status: int) -> dict[str, Any]:
    name = {"name": action, "requested_version": "2.23", "actual_version": "2.23"}
    told = {200: "OK", 400: "Invalid task id", 401: "Unauthorized (invalid credentials)"}.get(status, "Something broke")
    meta = {"id": uuid.uuid4().hex, "trx": uuid.uuid4().hex, "endpoint": name, "result_code": status}
    return {**meta, "result_subcode": 0, "result_msg": told, "error_stack": "", "error_data": {}}


def _token() -> str:
    told = {"exp": time.time() + 86400, "api_version": "2.23", "server_version": "2.0.0", "env": "test"}
    parts = [{"alg": "HS256", "typ": "JWT"}, told, {"signature": "none"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        state: ClearmlServer = self.server.state
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = self.path.partition("?")[0].rpartition("/")[2]
        state.asked.append(action)
        if state.hangs:
            self.server.stopped.wait()
            self.close_connection = True
            return
        status, answer = self._done(state, action, body) if state.status == 200 else (state.status, {})
        if state.answers is not None:
            state.answers -= 1
        if state.answers is not None and state.answers < 0:
            self.close_connection = True  # it is done, and nobody is told
            return
        text = json.dumps({"meta": _meta(action, status), "data": answer}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_PUT = do_GET

    def _done(self, state: ClearmlServer, action: str, body: bytes) -> tuple[int, dict[str, Any]]:
        kind = self.headers.get("Content-Type") or ""
        if kind.startswith("multipart/"):
            _receive(state, kind, body)
            return 200, {}
        if action == "auth.login":
            right = f"Basic {base64.b64encode(f'{ACCESS_KEY}:{SECRET_KEY}'.encode()).decode()}"
            return (200, {"token": _token()}) if self.headers.get("Authorization") == right else (401, {})
        lines = kind == "application/json-lines"
        sent = [json.loads(line) for line in body.splitlines()] if lines else json.loads(body or b"{}")
        state.sent.append((action, sent))
        try:
            return 200, state.act(action, sent)
        except LookupError:
            return 400, {}

    def log_message(self, *_: Any) -> None:
        pass
