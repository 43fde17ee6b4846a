#!/usr/bin/env python3
"""What the registry tests need: registry_kit.py COMMAND ...

layout DIR TAG SIZE...         an OCI layout with an image of layers of random bytes (their sizes before gzip)
token PORT_FILE LOG KEY CERT SERVICE USER:PASSWORD LIFE[:TOLD]
                               Docker's token server: GET with Basic, POST with a refresh token ("refresh-USER")
scripted PORT_FILE LOG MOODS   a registry in memory that answers as MOODS (JSON) says; requests go to LOG, a line each:
                               {"method":, "path":, "auth":, "status":, "bytes":, "port":}

Moods:
  relative       Locations are relative            foreign   uploads and redirects lead to a second port ("foreign")
  mount          false: 202 to every mount; "any": also without from
  too_large      413 for bodies larger than this   chunk_min  OCI-Chunk-Min-Length, and 416 for smaller pieces
  cut            connections with larger upload bodies are cut after so many bytes, cut_times times
  busy           the first so many requests are answered with busy_status (429), Retry-After: retry_after (0)
  token_life     a bearer token is good for so many requests; the realm is /token of this server
  redirect       blobs are fetched from the foreign port, with 307
  lie            "blob", "manifest", "endless", "short", "head": what comes down is something else
  referrers      there is a referrers API, and OCI-Subject
  warning        text of a Warning header
  forget         status of upload sessions is 404
  digest_invalid PUT of a blob is 400 DIGEST_INVALID
  page           tags/list gives so many at once
  range          false: GET of blobs knows no ranges; down_cut: such bodies are cut after so many bytes, down_times times
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import re
import socketserver
import sys
import tarfile
import threading
import time
import urllib.parse


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def ready(path, text):
    with open(path + ".new", "w") as f:
        f.write(text + "\n")
    os.rename(path + ".new", path)


# ---- layout ----


def layout(where, tag, *sizes):
    blobs = os.path.join(where, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)

    def put(data):
        with open(os.path.join(blobs, digest(data)[7:]), "wb") as f:
            f.write(data)
        return {"digest": digest(data), "size": len(data)}

    layers, diffs = [], []
    for i, size in enumerate(sizes):
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            info = tarfile.TarInfo(f"file-{tag}-{i}")
            info.size = int(size)
            tar.addfile(info, io.BytesIO(os.urandom(int(size))))
        diffs.append(digest(raw.getvalue()))
        packed = put(gzip.compress(raw.getvalue(), 1, mtime=0))
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **packed})
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(json.dumps(config).encode())},
        "layers": layers,
        "x-unknown": {"kept": [1, 2.5, None]},
    }
    named = {"mediaType": manifest["mediaType"], **put(json.dumps(manifest, indent=1).encode())}
    named["annotations"] = {"org.opencontainers.image.ref.name": tag}
    with open(os.path.join(where, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(os.path.join(where, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [named]}, f)
    print(named["digest"])


# ---- servers ----


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log_path = None
    lock = threading.Lock()

    def log_message(self, *args):
        pass

    def note(self, status, count=0):
        line = {"method": self.command, "path": self.path, "auth": self.headers.get("Authorization", ""),
                "status": status, "bytes": count, "port": self.server.server_address[1]}
        with self.lock:
            with open(self.log_path, "a") as f:
                f.write(json.dumps(line) + "\n")

    def reply(self, status, headers=None, body=b"", count=0):
        self.note(status, count)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read_body(self, most=None):
        """The body, or as much of it as most; None where it did not come."""
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    return data
        left = int(self.headers.get("Content-Length", "0"))
        return self.rfile.read(left if most is None else min(left, most))


# ---- token server ----


def der_int(data, at):
    """A DER value at at: its first and last byte."""
    length, at = data[at + 1], at + 2
    if length & 128:
        n = length & 127
        length, at = int.from_bytes(data[at:at + n], "big"), at + n
    return at, at + length


def read_key(path):
    """n and d of an RSA key: PKCS#1, or PKCS#8 around it."""
    text = open(path).read()
    data = base64.b64decode("".join(l for l in text.splitlines() if not l.startswith("-")))
    at, _ = der_int(data, 0)
    if "BEGIN PRIVATE KEY" in text:
        _, at = der_int(data, at)
        _, at = der_int(data, at)
        at, end = der_int(data, at)
        data = data[at:end]
        at, _ = der_int(data, 0)
    numbers = []
    for _ in range(4):
        first, end = der_int(data, at)
        numbers.append(int.from_bytes(data[first:end], "big"))
        at = end
    return numbers[1], numbers[3]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(n, d, message):
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message).digest()
    size = (n.bit_length() + 7) // 8
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    return pow(int.from_bytes(padded, "big"), d, n).to_bytes(size, "big")


def token(port_file, log, key, cert, service, login, life):
    n, d = read_key(key)
    x5c = "".join(l for l in open(cert).read().splitlines() if not l.startswith("-"))
    user = login.split(":")[0]
    life, told = (life.split(":") * 2)[:2]

    class Tokens(Handler):
        log_path = log

        def grant(self, scopes):
            now = int(time.time())
            access = []
            for scope in scopes:
                kind, name, actions = scope.split(":")
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
            head = b64(json.dumps({"typ": "JWT", "alg": "RS256", "x5c": [x5c]}).encode())
            claims = b64(json.dumps({"iss": "condaimg-test", "sub": user, "aud": service, "exp": now + int(life),
                                     "nbf": now - 10, "iat": now, "jti": str(now), "access": access}).encode())
            jwt = head + "." + claims + "." + b64(sign(n, d, (head + "." + claims).encode()))
            self.reply(200, {}, json.dumps({"token": jwt, "expires_in": int(told)}).encode())

        def do_GET(self):
            q = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
            if self.headers.get("Authorization") != "Basic " + base64.b64encode(login.encode()).decode():
                return self.reply(401, {}, b"{}")
            return self.grant(q.get("scope", []))

        def do_POST(self):
            q = urllib.parse.parse_qs(self.read_body().decode())
            if q.get("refresh_token") != ["refresh-" + user] or q.get("grant_type") != ["refresh_token"]:
                return self.reply(401, {}, b"{}")
            return self.grant(q.get("scope", [""])[0].split())

    server = Server(("127.0.0.1", 0), Tokens)
    ready(port_file, str(server.server_address[1]))
    server.serve_forever()


# ---- scripted registry ----


def scripted(port_file, log, moods):
    moods = json.loads(moods)
    blobs, manifests, tags, uploads, counts = {}, {}, {}, {}, {"n": 0, "token": 0}
    owners = {}

    class Registry(Handler):
        log_path = log

        def url(self, path, foreign=False):
            if foreign:
                return f"http://127.0.0.1:{second.server_address[1]}{path}"
            return path if moods.get("relative") else f"http://127.0.0.1:{first.server_address[1]}{path}"

        def reply(self, status, headers=None, body=b"", count=0):
            headers = dict(headers or {})
            if moods.get("warning"):
                headers["Warning"] = f'299 - "{moods["warning"]}"'
            super().reply(status, headers, body, count)

        def error(self, status, code, detail=None):
            self.reply(status, {"Content-Type": "application/json"},
                       json.dumps({"errors": [{"code": code, "message": code.lower(), "detail": detail}]}).encode())

        def refused(self):
            """The moods that come before everything."""
            if moods.get("busy", 0) > counts["n"] and not self.path.startswith("/token") and self.path != "/v2/":
                counts["n"] += 1
                self.read_body()
                self.reply(moods.get("busy_status", 429), {"Retry-After": str(moods.get("retry_after", 0))})
                return True
            if not moods.get("token_life") or self.path.startswith("/token") or self.server is second:
                return False
            want = f"Bearer token-{counts['token']}"
            used = counts.get(want, 0)
            if self.headers.get("Authorization") == want and used < moods["token_life"]:
                counts[want] = used + 1
                return False
            self.read_body()
            realm = f"http://127.0.0.1:{first.server_address[1]}/token"
            self.reply(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="x",scope="repository:x:pull"'})
            return True

        def route(self):
            u = urllib.parse.urlparse(self.path)
            self.query = urllib.parse.parse_qs(u.query)
            if self.refused():
                return
            if u.path == "/token":
                counts["token"] += 1
                return self.reply(200, {}, json.dumps({"access_token": f"token-{counts['token']}",
                                                       "expires_in": 3600}).encode())
            if u.path == "/v2/":
                return self.reply(200)
            for pattern, call in ((r"/v2/(.+)/blobs/uploads/(.*)", self.upload), (r"/v2/(.+)/blobs/(.+)", self.blob),
                                  (r"/v2/(.+)/manifests/(.+)", self.manifest), (r"/v2/(.+)/tags/list", self.tags),
                                  (r"/v2/(.+)/referrers/(.+)", self.referrers)):
                m = re.fullmatch(pattern, u.path)
                if m:
                    return call(*m.groups())
            return self.error(404, "NOT_FOUND")

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = route

        # blobs

        def blob(self, repo, name):
            if name not in blobs or repo not in owners.get(name, set()):
                return self.error(404, "BLOB_UNKNOWN")
            data = blobs[name]
            if self.command == "HEAD":
                size = len(data) + (moods.get("lie") == "head")
                return self.reply(200, {"Content-Length": str(size), "Docker-Content-Digest": name})
            if moods.get("redirect") and self.server is first:
                return self.reply(307, {"Location": self.url(self.path, True) + "?signature=verysecret"})
            return self.send_blob(data)

        def send_blob(self, data):
            if moods.get("lie") == "blob":
                data = data[:-1] + bytes([data[-1] ^ 1])
            if moods.get("lie") == "short":
                data = data[:-1]
            if moods.get("lie") == "endless":
                self.note(200)
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                for _ in range(4096):
                    self.wfile.write(data[:1] * 65536)
                return None
            at, status, headers = 0, 200, {}
            m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if m and moods.get("range", True):
                at, status = int(m[1]), 206
                headers["Content-Range"] = f"bytes {at}-{len(data) - 1}/{len(data)}"
            if moods.get("down_times", 0) > 0 and len(data) - at > moods["down_cut"]:
                moods["down_times"] -= 1
                self.note(status, moods["down_cut"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(data) - at))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data[at:at + moods["down_cut"]])
                self.close_connection = True
                return None
            return self.reply(status, headers, data[at:], len(data) - at)

        # uploads

        def upload(self, repo, session):
            if self.command == "POST":
                return self.upload_open(repo)
            if session not in uploads:
                return self.error(404, "BLOB_UPLOAD_UNKNOWN")
            if self.command == "GET":
                if moods.get("forget"):
                    del uploads[session]
                    return self.error(404, "BLOB_UPLOAD_UNKNOWN")
                return self.reply(204, self.session_headers(repo, session))
            if self.command == "DELETE":
                del uploads[session]
                return self.reply(204)
            return self.upload_data(repo, session)

        def session_headers(self, repo, session):
            have = len(uploads[session])
            headers = {"Location": self.url(f"/v2/{repo}/blobs/uploads/{session}?state=a%3Db", moods.get("foreign")),
                       "Range": f"0-{max(have - 1, 0)}"}
            if moods.get("chunk_min"):
                headers["OCI-Chunk-Min-Length"] = str(moods["chunk_min"])
            return headers

        def upload_open(self, repo):
            name = self.query.get("mount", [""])[0]
            source = self.query.get("from", [None])[0]
            known = name in blobs and (source in owners[name] if source else moods.get("mount") == "any")
            if known and moods.get("mount", True):
                owners[name].add(repo)
                return self.reply(201, {"Location": self.url(f"/v2/{repo}/blobs/{name}"),
                                        "Docker-Content-Digest": name})
            session = f"s{len(uploads)}-{time.time_ns()}"
            uploads[session] = b""
            return self.reply(202, self.session_headers(repo, session))

        def upload_data(self, repo, session):
            size = int(self.headers.get("Content-Length", "0"))
            if moods.get("too_large") and size > moods["too_large"]:
                self.reply(413)
                self.close_connection = True
                return None
            begin = re.match(r"(\d+)-", self.headers.get("Content-Range", ""))
            if moods.get("cut_times", 0) > 0 and size > moods["cut"]:
                moods["cut_times"] -= 1
                uploads[session] += self.read_body(moods["cut"])
                self.note(0, moods["cut"])
                self.close_connection = True
                return None
            data = self.read_body()
            last = self.command == "PUT"
            small = moods.get("chunk_min") and not last and len(data) < moods["chunk_min"]
            if (begin and int(begin[1]) != len(uploads[session])) or (small and moods.get("strict")):
                return self.reply(416, self.session_headers(repo, session))
            uploads[session] += data
            if not last:
                return self.reply(202, self.session_headers(repo, session), b"", len(data))
            name = self.query["digest"][0]
            whole = uploads.pop(session)
            if digest(whole) != name or moods.get("digest_invalid"):
                return self.error(400, "DIGEST_INVALID")
            blobs[name] = whole
            owners.setdefault(name, set()).add(repo)
            return self.reply(201, {"Location": self.url(f"/v2/{repo}/blobs/{name}")}, b"", len(data))

        # manifests

        def manifest(self, repo, name):
            if self.command == "PUT":
                return self.manifest_put(repo, name)
            found = tags.get((repo, name), name)
            if (repo, found) not in manifests:
                return self.error(404, "MANIFEST_UNKNOWN")
            kind, data = manifests[repo, found]
            headers = {"Content-Type": kind, "Docker-Content-Digest": found}
            if moods.get("lie") == "manifest":
                data = data.replace(b'"schemaVersion": 2', b'"schemaVersion":  2')
            if self.command == "HEAD":
                headers["Content-Length"] = str(len(data))
            return self.reply(200, headers, data)

        def manifest_put(self, repo, name):
            data = self.read_body()
            doc = json.loads(data)
            for d in [doc["config"]] + doc["layers"] if "layers" in doc else []:
                if repo not in owners.get(d["digest"], set()):
                    return self.error(400, "MANIFEST_BLOB_UNKNOWN", {"digest": d["digest"]})
            manifests[repo, digest(data)] = (self.headers["Content-Type"], data)
            if not name.startswith("sha256:"):
                tags[repo, name] = digest(data)
            headers = {"Location": self.url(f"/v2/{repo}/manifests/{digest(data)}"),
                       "Docker-Content-Digest": digest(data)}
            if moods.get("referrers") and "subject" in doc:
                headers["OCI-Subject"] = doc["subject"]["digest"]
            return self.reply(201, headers, b"", len(data))

        def tags(self, repo):
            names = sorted(t for r, t in tags if r == repo)
            after = self.query.get("last", [""])[0]
            rest = [t for t in names if t > after]
            page = rest[:moods.get("page", 1000)]
            headers = {}
            if len(page) < len(rest):
                headers["Link"] = f'</v2/{repo}/tags/list?last={page[-1]}>; rel="next"'
            return self.reply(200, headers, json.dumps({"name": repo, "tags": page}).encode())

        def referrers(self, repo, name):
            if not moods.get("referrers"):
                return self.error(404, "NOT_FOUND")
            found = []
            for (r, d), (kind, data) in manifests.items():
                doc = json.loads(data)
                if r == repo and doc.get("subject", {}).get("digest") == name:
                    found.append({"mediaType": kind, "digest": d, "size": len(data),
                                  "artifactType": doc.get("artifactType", "")})
            body = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                               "manifests": found}).encode()
            return self.reply(200, {"Content-Type": "application/vnd.oci.image.index.v1+json"}, body)

    first, second = Server(("127.0.0.1", 0), Registry), Server(("127.0.0.1", 0), Registry)
    threading.Thread(target=second.serve_forever, daemon=True).start()
    ready(port_file, f"{first.server_address[1]} {second.server_address[1]}")
    first.serve_forever()


{"layout": layout, "token": token, "scripted": scripted}[sys.argv[1]](*sys.argv[2:])
