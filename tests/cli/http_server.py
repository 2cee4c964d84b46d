"""A stand-in for the Hugging Face hub on 127.0.0.1, with the faults that real networks have.

usage: http_server.py FOLDER PORT_FILE LOG [CERTIFICATE]

Serves the files of FOLDER. The first part of a path says how to misbehave, the second part is any name that
keeps one test's requests apart from another's, the last part is the file:

    /cut/test-7/openai-community/gpt2/resolve/main/vocab.json

Every request becomes a line of LOG: method, path, Range, Authorization, status ("-" where a header is missing).
With a CERTIFICATE (key and certificate in one PEM file) it speaks https. It ends by itself after ten minutes.
"""

import http.server
import os
import ssl
import sys
import threading
import time

FOLDER, PORT_FILE, LOG = sys.argv[1:4]
CERTIFICATE = sys.argv[4] if len(sys.argv) > 4 else None
PAGE = b"<!DOCTYPE html>\n<html><title>Sign in</title>Welcome to the airport's network</html>\n"
TOKEN = "Bearer hf_secretForTests"
WEIGHTS = "model.safetensors"
lock = threading.Lock()
seen = set()


def first_time(key):
    """True once for each key: for faults that go away when asked again."""
    with lock:
        if key in seen:
            return False
        seen.add(key)
        return True


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        self.close_connection = True
        path = self.path.split("?")[0]
        self.mode = path.split("/")[1]
        self.name = path.split("/")[-1]
        self.key = path
        getattr(self, "mode_" + self.mode.replace("-", "_"), self.mode_404)()

    def note(self, status):
        wanted = self.headers.get("Range", "-"), self.headers.get("Authorization", "-")
        with lock, open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {wanted[0]} {wanted[1]} {status}\n")

    def head(self, status, **headers):
        self.note(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def error(self, status):
        self.head(status, Content_Length=str(len(PAGE)), Content_Type="text/html")
        if self.command == "GET":
            self.wfile.write(PAGE)

    def content(self):
        with open(os.path.join(FOLDER, self.name), "rb") as file:
            return file.read()

    def serve(self, ranges=True, stop_after=None, held=False, length=True, data=None, kind="application/octet-stream"):
        """Sends the file as a sound server does, unless the arguments say otherwise."""
        if data is None:
            data = self.content()
        start, status, extra = 0, 200, {}
        wanted = self.headers.get("Range")
        if ranges and wanted:
            start = int(wanted.split("=")[1].split("-")[0])
            if start >= len(data):
                self.head(416, Content_Range=f"bytes */{len(data)}", Content_Length="0")
                return
            status = 206
            extra["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if length:
            extra["Content_Length"] = str(len(data) - start)
        self.head(status, Content_Type=kind, **extra)
        if self.command == "HEAD":
            return
        body = data[start:]
        if stop_after is not None:
            body = body[:stop_after]
        try:
            if held:
                self.wfile.write(body[:len(body) // 2])
                self.wait_for_go()
                body = body[len(body) // 2:]
            self.wfile.write(body)
        except OSError:
            pass  # the client went away: some tests kill it

    def wait_for_go(self):
        """Holds a transfer in its middle until the test says go, for half a minute at most."""
        go = os.path.join(os.path.dirname(LOG), "go-" + self.path.split("/")[2])
        for _ in range(600):
            if os.path.exists(go):
                return
            time.sleep(0.05)

    def weights_cut(self):
        """How many bytes to send before the line breaks: half of the weights, once; None for no break."""
        if self.command == "GET" and self.name == WEIGHTS and first_time(("cut", self.key)):
            return len(self.content()) // 2
        return None

    # ---- the modes

    def mode_whole(self):
        self.serve()

    def mode_cut(self):
        self.serve(stop_after=self.weights_cut())

    def mode_cut_always(self):
        self.serve(stop_after=1000 if self.name == WEIGHTS else None)

    def mode_no_ranges(self):
        self.serve(ranges=False)

    def mode_cut_no_ranges(self):
        self.serve(ranges=False, stop_after=self.weights_cut())

    def mode_held(self):
        self.serve(held=self.name == WEIGHTS)

    def mode_longer(self):
        """One byte too many, and says so."""
        self.serve(data=self.content() + b"x")

    def mode_no_head(self):
        """No HEAD, and no length before it is over: the client learns nothing in advance."""
        if self.command == "HEAD":
            self.error(405)
        else:
            self.serve(length=False)

    def mode_no_head_shorter(self):
        if self.command == "HEAD":
            self.error(405)
        else:
            self.serve(data=self.content()[:-1], length=False)

    def mode_no_head_altered(self):
        """The right length and the right beginning, but a byte at the end differs."""
        data = self.content()
        if self.command == "HEAD":
            self.error(405)
        else:
            self.serve(data=data[:-1] + bytes([data[-1] ^ 1]))

    def mode_busy(self):
        """503 to the first request for each file."""
        if first_time(("busy", self.key)):
            self.error(503)
        else:
            self.serve()

    def mode_html(self):
        self.serve(data=PAGE, kind="text/html; charset=utf-8", ranges=False)

    def mode_hidden_html(self):
        """A web page that does not say that it is one."""
        if self.command == "HEAD":
            self.error(405)
        else:
            self.serve(data=PAGE, ranges=False, length=False)

    def mode_401(self):
        self.error(401)

    def mode_403(self):
        self.error(403)

    def mode_404(self):
        self.error(404)

    def mode_token(self):
        """Like the hub with a model that needs a token: the weights are elsewhere, the rest is here."""
        if self.headers.get("Authorization", "") != TOKEN:
            self.error(401)
        else:
            self.mode_hub()

    def mode_hub(self):
        """Like the hub: weights behind a link that is good for one method, the rest behind a relative redirect."""
        to = self.path.split("/")[2]
        if self.name == WEIGHTS:
            # Another name for the same machine: to the client it is another server.
            where = f"http://localhost:{self.server.server_port}/storage/{to}/{self.name}?signed-for={self.command}"
            self.head(302, Location=where, X_Linked_Size=str(len(self.content())), Content_Length="0")
        else:
            self.head(307, Location=f"/whole/{to}/cache/{self.name}?a=b&c=%2F", Content_Length="0")

    def mode_storage(self):
        """Storage whose links are good for the method they were made for, and that wants no token beside them."""
        if self.path.split("=")[-1] != self.command or "Authorization" in self.headers:
            self.error(403)
        else:
            self.serve()

    def mode_round(self):
        self.head(302, Location=self.path, Content_Length="0")

    def mode_to_file(self):
        self.head(302, Location="file:///etc/passwd", Content_Length="0")

    def mode_to_http(self):
        self.head(302, Location="http://127.0.0.1:9/" + self.name, Content_Length="0")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.daemon_threads = True
    if CERTIFICATE:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(PORT_FILE + ".new", "w", encoding="utf-8") as file:
        file.write(str(server.server_port))
    os.rename(PORT_FILE + ".new", PORT_FILE)
    threading.Timer(600, lambda: os._exit(0)).start()
    server.serve_forever()


main()
