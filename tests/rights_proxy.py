"""An S3 and Step Functions that hold one role to its policies: what they do not allow is answered with 403, all else goes
on to an emulator, which allows everything.

The emulator's own evaluator of policies decides, which is not ours. What is decided about is read from the request here.
"""

import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

ACCOUNT, REGION = "000000000000", "us-east-1"


class RightsProxy:
    """Listens on a port of 127.0.0.1 until the process ends. `refused` is what was not allowed."""

    def __init__(self, upstream, role, documents):
        self.upstream, self.role = urllib.parse.urlsplit(upstream), role
        self.policies = [parse_policy_document(document) for document in documents]
        self.refused = []
        handler = type("Handler", (Handler,), {"proxy": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def allows(self, action, resource, **context):
        asked = EvalContext(
            principal_arn=f"arn:aws:iam::{ACCOUNT}:role/{self.role}",
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=action,
            resource_arn=resource,
            region=REGION,
            service_context=context,
        )
        return evaluate(asked, self.policies).decision == "Allow"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy = None

    def log_message(self, *_):
        pass

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        action, resource, context = needed(self.command, self.path, self.headers, body)
        if not self.proxy.allows(action, resource, **context):
            self.proxy.refused.append(f"{action} on {resource} {context or ''}".strip())
            return self.refuse(action)
        upstream = http.client.HTTPConnection(self.proxy.upstream.netloc, timeout=120)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        # Who may not list the bucket is not told that an object is missing.
        bucket = resource.split("/", 1)[0]
        if action == "s3:GetObject" and answer.status == 404 and not self.proxy.allows("s3:ListBucket", bucket):
            self.proxy.refused.append(f"to be told that {resource} is missing")
            return self.refuse(action)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        length = answer.getheader("content-length") if self.command == "HEAD" else len(content)
        self.send_header("content-length", str(length or 0))
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, action):
        if action.startswith("s3:"):
            kind, body = "application/xml", "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        else:
            kind, body = "application/x-amz-json-1.0", json.dumps({"__type": "AccessDeniedException"})
        self.send_response(403)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward


def needed(method, path, headers, body):
    """(action, resource, what conditions may ask for) of a request."""
    target = headers.get("x-amz-target")
    if target:
        document = json.loads(body)
        return f"states:{target.split('.')[1]}", document.get("activityArn", "*"), {}
    parts = urllib.parse.urlsplit(path)
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    bucket, _, key = urllib.parse.unquote(parts.path).strip("/").partition("/")
    resource = f"arn:aws:s3:::{bucket}"
    if not key:
        if "uploads" in query:
            return "s3:ListBucketMultipartUploads", resource, {}
        if method == "GET" and query.get("list-type") == "2":
            return "s3:ListBucket", resource, {"s3:prefix": query["prefix"]} if "prefix" in query else {}
        return f"s3:{method} of a bucket", resource, {}
    resource += f"/{key}"
    if method in ("GET", "HEAD"):
        return "s3:ListMultipartUploadParts" if "uploadId" in query else "s3:GetObject", resource, {}
    if method == "DELETE":
        return "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject", resource, {}
    return "s3:PutObject", resource, {}
