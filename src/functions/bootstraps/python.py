"""Lambda's runtime for Python functions: loads the handler, then asks the Runtime API for work until it is killed.

Runs in the child process, with the standard library only. Knows AWS_LAMBDA_RUNTIME_API, _HANDLER and
LAMBDA_TASK_ROOT; nothing of the server.

Invariants
  B1. The next request is asked for in the same packet that answers the last one: one round trip an invocation.
  B2. When the connection ends the process ends: whoever started it is gone.
  B3. Frames of this file do not appear in a stack trace.
  B4. Everything printed during an invocation is in the pipe before its answer is.

A socket and not http.client, which takes 20 ms to import (it brings the e-mail package) and twice the time for a call.
"""

import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback

ENVIRONMENT = os.environ
HOST, PORT = ENVIRONMENT["AWS_LAMBDA_RUNTIME_API"].split(":")
API = "/2018-06-01/runtime"
NEXT = f"GET {API}/invocation/next HTTP/1.1\r\nHost: {HOST}:{PORT}\r\n\r\n".encode("ascii")

current_request_id = None


class Fault(Exception):
    """A failure in the words of the runtime and not of the function."""

    def __init__(self, error_type, message, stack_trace=()):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.stack_trace = list(stack_trace)


class Connection:
    """A client of the Runtime API on one connection."""

    def __init__(self):
        self._socket = socket.create_connection((HOST, int(PORT)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self, data):
        self._socket.sendall(data)

    def receive(self):
        """The next answer: (status, headers with lower-case names, body)."""
        while (end := self._unread.find(b"\r\n\r\n")) < 0:
            self._unread += self._more()
        lines = self._unread[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        start = end + 4
        total = start + int(headers.get("content-length", "0"))
        if len(self._unread) < total:
            parts, missing = [self._unread], total - len(self._unread)
            while missing > 0:
                parts.append(self._more())
                missing -= len(parts[-1])
            self._unread = b"".join(parts)
        body = self._unread[start:total]
        self._unread = self._unread[total:]
        return int(lines[0][9:12]), headers, body

    def _more(self):
        try:
            data = self._socket.recv(262144)
        except OSError:
            data = b""
        if not data:
            os._exit(1)
        return data


def post(path, body, error_type=None, content_type="application/json"):
    header = "" if error_type is None else f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
    head = (
        f"POST {API}{path} HTTP/1.1\r\nHost: {HOST}:{PORT}\r\nContent-Type: {content_type}\r\n"
        f"{header}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii", "replace") + body


class ClientContext:
    class Client:
        def __init__(self, values):
            self.installation_id = values.get("installation_id")
            self.app_title = values.get("app_title")
            self.app_version_name = values.get("app_version_name")
            self.app_version_code = values.get("app_version_code")
            self.app_package_name = values.get("app_package_name")

    def __init__(self, values):
        client = values.get("client")
        self.client = None if client is None else ClientContext.Client(client)
        self.custom = values.get("custom")
        self.env = values.get("env")


class CognitoIdentity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class LambdaContext:
    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.log_group_name = ENVIRONMENT.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = ENVIRONMENT.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = ENVIRONMENT.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = ENVIRONMENT.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = ENVIRONMENT.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = None
        client_context = headers.get("lambda-runtime-client-context")
        self.client_context = None if client_context is None else ClientContext(json.loads(client_context))
        self.identity = CognitoIdentity()
        self._deadline_at_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_at_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"LambdaContext([{shown}])"


class LogHandler(logging.Handler):
    """Prints to whatever sys.stdout is at that moment, with the request id in the record."""

    def emit(self, record):
        record.aws_request_id = current_request_id or ""
        sys.stdout.write(self.format(record))


def set_up_logging():
    logging.Formatter.converter = time.gmtime
    handler = LogHandler()
    handler.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
        )
    )
    logging.getLogger().addHandler(handler)


def load_handler(name):
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace) from error
    if not hasattr(module, function_name):
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return getattr(module, function_name)


def own_frames_dropped(error):
    """The stack as Lambda prints it: without the frames before the function's own code (B3)."""
    frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)]
    loaders = (__file__, importlib.__file__)
    is_own = [filename in loaders or filename.startswith("<frozen importlib") for filename, *_ in frames]
    first = next((index for index, own in enumerate(is_own) if not own), len(frames))
    return traceback.format_list(frames[first:])


def to_document(error, request_id):
    if isinstance(error, Fault):
        message, error_type, stack = error.message, error.error_type, error.stack_trace
    else:
        message, error_type, stack = str(error), type(error).__name__, own_frames_dropped(error)
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": stack}


def print_error(document):
    lines = [f"[ERROR] {document['errorType']}"]
    if document["errorMessage"]:
        lines[0] += f": {document['errorMessage']}"
    lines.append("Traceback (most recent call last):")
    for element in document["stackTrace"]:
        lines += element.splitlines()
    sys.stdout.write("\n".join(lines) + "\n")


def encode_other(value):
    """Decimals, which DynamoDB's client returns, are numbers to Lambda."""
    # Not imported here: a value of that type exists only if the function has imported it.
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def escapes_non_ascii():
    """Lambda's runtimes before 3.12 write é as an escape, later ones as it is."""
    _, _, minor = ENVIRONMENT.get("AWS_EXECUTION_ENV", "").rpartition("python3.")
    return minor.isdecimal() and int(minor) < 12


ENSURE_ASCII = escapes_non_ascii()


def to_json(value):
    text = json.dumps(value, ensure_ascii=ENSURE_ASCII, default=encode_other)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8; as an escape it survives.
        return json.dumps(value, default=encode_other).encode("ascii")


def marshal(response):
    if isinstance(response, bytes):
        return response
    try:
        return to_json(response)
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def unmarshal(body):
    try:
        return json.loads(body)
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error


def invoke(handler, headers, body):
    """Runs the handler once; what to send to the Runtime API."""
    request_id = headers["lambda-runtime-aws-request-id"]
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id is None:
        ENVIRONMENT.pop("_X_AMZN_TRACE_ID", None)
    else:
        ENVIRONMENT["_X_AMZN_TRACE_ID"] = trace_id
    try:
        response = marshal(handler(unmarshal(body), LambdaContext(headers)))
        return post(f"/invocation/{request_id}/response", response)
    except Exception as error:
        document = to_document(error, request_id)
        print_error(document)
        return post(f"/invocation/{request_id}/error", to_json(document), document["errorType"])


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # The function closed it, or the reader is gone: there is nobody left to tell.
            pass


def main():
    global current_request_id
    # A line at a time: what was printed before a kill or a crash is not lost.
    sys.stdout.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    sys.stderr.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    connection = Connection()
    set_up_logging()
    # Where this file lies is not a place to import from.
    sys.path[0] = ENVIRONMENT["LAMBDA_TASK_ROOT"]
    try:
        handler = load_handler(ENVIRONMENT["_HANDLER"])
    except Exception as error:
        document = to_document(error, "")
        print_error(document)
        flush()
        connection.send(post("/init/error", to_json(document), document["errorType"]))
        connection.receive()
        os._exit(1)
    connection.send(NEXT)
    while True:
        status, headers, body = connection.receive()
        if status != 200:
            sys.stderr.write(f"The Runtime API refused to give work: {status} {body!r}\n")
            flush()
            os._exit(1)
        current_request_id = headers["lambda-runtime-aws-request-id"]
        answer = invoke(handler, headers, body)
        current_request_id = None
        flush()
        connection.send(answer + NEXT)
        connection.receive()


main()
