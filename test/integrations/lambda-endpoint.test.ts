// Lambda's Invoke over HTTP, against a small server: what is sent, and what is made of the answers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { after, test } from "node:test";
import { ServiceError } from "../../src/base/service-error.ts";
import { LambdaEndpoint, MAX_ANSWER_BYTES } from "../../src/integrations/lambda-endpoint.ts";
import type { InvokeRequest } from "../../src/integrations/lambda-invoker.ts";
import { credentialsOf, sign } from "../../src/integrations/sigv4.ts";

const cleanups: (() => void)[] = [];
after(() => {
  for (const cleanup of cleanups) cleanup();
});

async function endpointOf(listener: RequestListener, path = ""): Promise<LambdaEndpoint> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = new LambdaEndpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  cleanups.push(() => {
    endpoint.close();
    server.closeAllConnections();
    server.close();
  });
  return endpoint;
}

const request = (more: Partial<InvokeRequest> = {}): InvokeRequest => ({
  functionName: "f",
  invocationType: "RequestResponse",
  payload: "{}",
  signal: new AbortController().signal,
  ...more,
});

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers as told, and keeps what came. */
function recorder(received: Received[], status: number, headers: Record<string, string>, body: string) {
  const listener: RequestListener = async (incoming, response) => {
    let text = "";
    for await (const chunk of incoming) text += String(chunk);
    received.push({ url: incoming.url, headers: incoming.headers, body: text });
    response.writeHead(status, { date: "now", ...headers }).end(body);
  };
  return listener;
}

test("everything that the request says is on the wire, and everything that is answered comes back", async () => {
  const received: Received[] = [];
  const headers = {
    "x-amzn-RequestId": "r",
    "X-Amz-Executed-Version": "7",
    "X-Amz-Function-Error": "Unhandled",
    "X-Amz-Log-Result": "TE9H",
  };
  const endpoint = await endpointOf(recorder(received, 200, headers, '{"é": 1}'), "/lambda/");
  const response = await endpoint.invoke(
    request({
      functionName: "arn:aws:lambda:eu-west-1:123456789012:function:f",
      qualifier: "$LATEST",
      payload: '"é"',
      clientContext: "e30=",
      logType: "Tail",
    }),
  );
  assert.deepEqual(response, {
    statusCode: 200,
    requestId: "r",
    executedVersion: "7",
    functionError: "Unhandled",
    logResult: "TE9H",
    payload: '{"é": 1}',
    headers: {
      date: "now",
      "x-amzn-requestid": "r",
      "x-amz-executed-version": "7",
      "x-amz-function-error": "Unhandled",
      "x-amz-log-result": "TE9H",
      connection: "keep-alive",
      "keep-alive": "timeout=5",
      "transfer-encoding": "chunked",
    },
  });
  assert.equal(received.length, 1);
  const [{ url, headers: sent, body }] = received as [Received];
  assert.equal(
    url,
    "/lambda/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af/invocations?Qualifier=%24LATEST",
  );
  assert.equal(body, '"é"');
  assert.deepEqual(
    {
      type: sent["x-amz-invocation-type"],
      log: sent["x-amz-log-type"],
      context: sent["x-amz-client-context"],
      length: sent["content-length"],
    },
    { type: "RequestResponse", log: "Tail", context: "e30=", length: "4" },
  );
  assert.match(
    String(sent.authorization),
    /^AWS4-HMAC-SHA256 Credential=test\/\d{8}\/eu-west-1\/lambda\/aws4_request, SignedHeaders=content-type;host;x-amz-client-context;x-amz-date;x-amz-invocation-type;x-amz-log-type, Signature=[0-9a-f]{64}$/u,
  );
});

const refusals: [
  name: string,
  status: number,
  headers: Record<string, string>,
  body: string,
  error: object,
][] = [
  [
    "Lambda names the error in a header",
    404,
    { "x-amzn-ErrorType": "ResourceNotFoundException:http://internal", "x-amzn-RequestId": "r" },
    '{"Type":"User","Message":"Function not found: f:$LATEST"}',
    {
      code: "ResourceNotFoundException",
      message: "Function not found: f:$LATEST",
      members: { requestId: "r" },
      status: 404,
    },
  ],
  [
    "some emulators name it in the body, with a namespace",
    429,
    {},
    '{"__type":"com.amazonaws.lambda#TooManyRequestsException","message":"Rate Exceeded."}',
    { code: "TooManyRequestsException", message: "Rate Exceeded.", members: { requestId: "" }, status: 429 },
  ],
  [
    "an answer without an error type is shown",
    502,
    { "x-amzn-RequestId": "r" },
    "<h1>Bad Gateway</h1>",
    {
      code: "UnknownError",
      message: "The Lambda endpoint answered with HTTP status 502 and no error type: <h1>Bad Gateway</h1>",
      members: { requestId: "r" },
      status: 502,
    },
  ],
  [
    "a redirect is not followed",
    302,
    { location: "http://127.0.0.1:1/" },
    "",
    {
      code: "UnknownError",
      message: "The Lambda endpoint answered with HTTP status 302 and no error type: nothing",
      members: { requestId: "" },
      status: 302,
    },
  ],
];
for (const [name, status, headers, body, expected] of refusals) {
  test(name, async () => {
    const endpoint = await endpointOf(recorder([], status, headers, body));
    await assert.rejects(endpoint.invoke(request()), (error: unknown) => {
      assert.ok(error instanceof ServiceError);
      const { code, message, members } = error;
      assert.deepEqual({ code, message, members, status: error.status }, expected);
      return true;
    });
  });
}

test("an answer that is too large is refused while it comes", async () => {
  const closed = Promise.withResolvers<void>();
  const endpoint = await endpointOf((_incoming, response) => {
    const block = Buffer.alloc(256 * 1024, "a");
    const write = (): void => {
      while (!response.destroyed && response.write(block));
    };
    response.on("drain", write).on("close", closed.resolve);
    write();
  });
  await assert.rejects(
    endpoint.invoke(request()),
    new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes, the most that Lambda can return`),
  );
  await closed.promise;
});

test("connections are used again, and never for a second try of the same call", async () => {
  const ports = new Set<number | undefined>();
  let count = 0;
  const endpoint = await endpointOf((incoming, response) => {
    count += 1;
    ports.add(incoming.socket.remotePort);
    // Breaks the second call after it came: nobody knows whether its function ran.
    if (count === 2) incoming.socket.destroy();
    else response.end("1");
  });
  assert.equal((await endpoint.invoke(request())).payload, "1");
  await assert.rejects(endpoint.invoke(request()), { code: "ECONNRESET" });
  assert.deepEqual([count, ports.size], [2, 1]);
});

test("the signal ends a call that is under way", async () => {
  const controller = new AbortController();
  const endpoint = await endpointOf(() => controller.abort());
  await assert.rejects(endpoint.invoke(request({ signal: controller.signal })), { name: "AbortError" });
});

test("no connection is no ServiceError", async () => {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  await assert.rejects(new LambdaEndpoint(`http://127.0.0.1:${port}`).invoke(request()), {
    message: `connect ECONNREFUSED 127.0.0.1:${port}`,
  });
});

// The keys, the moment and the scope are those of AWS's published test suite for Signature Version 4
// ("get-vanilla" and "get-vanilla-query-order-key-case"), whose signatures these are.
const SUITE = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const signatures: [url: string, signature: string][] = [
  ["https://example.amazonaws.com/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  [
    "https://example.amazonaws.com/?Param2=value2&Param1=value1",
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
];
for (const [url, signature] of signatures) {
  test(`the signature of ${url} is the published one`, () => {
    const headers = sign({ method: "GET", url: new URL(url), headers: {}, body: "" }, SUITE, {
      region: "us-east-1",
      service: "service",
      nowMs: Date.UTC(2015, 7, 30, 12, 36),
    });
    assert.deepEqual(headers, {
      host: "example.amazonaws.com",
      "x-amz-date": "20150830T123600Z",
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    });
  });
}

test("credentials come from the environment when both halves of the key are there", () => {
  const key = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" };
  assert.deepEqual(credentialsOf(key), { accessKeyId: "a", secretAccessKey: "s" });
  assert.deepEqual(credentialsOf({ ...key, AWS_SESSION_TOKEN: "t" }), {
    accessKeyId: "a",
    secretAccessKey: "s",
    sessionToken: "t",
  });
  assert.equal(credentialsOf({ AWS_ACCESS_KEY_ID: "a" }), undefined);
});
