// `stepwell test-state` against the real operation, without HTTP between them.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { runCli } from "../../src/cli/index.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { createFakeEngine } from "../api/fake-engine.ts";
import { fakeTerminal } from "./environment-fake.ts";

const CHARGE = {
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke",
  Parameters: { FunctionName: "charge", "Payload.$": "$.order" },
  ResultSelector: { "ok.$": "$.Payload.ok" },
  ResultPath: "$.charged",
  Retry: [{ ErrorEquals: ["CardDeclined"], IntervalSeconds: 2, MaxAttempts: 3 }],
  Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.problem", Next: "Apologise" }],
  Next: "Ship",
};
const MACHINE = {
  StartAt: "Charge",
  States: { Charge: CHARGE, Ship: { Type: "Succeed" }, Apologise: { Type: "Succeed" } },
};
const MAP = {
  Type: "Map",
  QueryLanguage: "JSONata",
  ItemReader: {
    Resource: "arn:aws:states:::s3:getObject",
    ReaderConfig: { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" },
    Arguments: { Bucket: "b", Key: "k" },
  },
  ItemSelector: "{% $states.context.Map.Item.Value.name %}",
  ItemProcessor: {
    ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
    StartAt: "A",
    States: { A: { Type: "Pass", End: true } },
  },
  ToleratedFailureCount: 1,
  End: true,
};
const YAML =
  "Type: Pass\nQueryLanguage: JSONata\nOutput:\n  twice: '{% $states.input.n * $factor %}'\nEnd: true\n";

interface Case {
  readonly args: readonly string[];
  readonly exit: number;
  readonly out?: string;
  readonly err?: string;
}

const cases: Readonly<Record<string, Case>> = {
  "the data flow is shown stage by stage, and where it goes": {
    args: ["machine.asl.json", "Charge", "--input", '{"order":7}', "--mock", '{"Payload":{"ok":true}}'],
    exit: 0,
    out: `✓ SUCCEEDED
  input
    {
      "order": 7
    }
  after InputPath       as before
  after Parameters
    {
      "FunctionName": "charge",
      "Payload": 7
    }
  result
    {
      "Payload": {
        "ok": true
      }
    }
  after ResultSelector
    {
      "ok": true
    }
  after ResultPath
    {
      "order": 7,
      "charged": {
        "ok": true
      }
    }
  output
    {
      "order": 7,
      "charged": {
        "ok": true
      }
    }
  next state            Ship
`,
  },
  "what a field cannot be evaluated of is a failure": {
    args: ["machine.asl.json", "Charge", "--input", "[7]", "--mock-error", "CardDeclined", "--level", "info"],
    exit: 1,
    out: "✗ FAILED\n  States.Runtime",
  },
  "one that is caught goes where the Catcher says": {
    args: [
      "machine.asl.json",
      "Charge",
      "--input",
      '{"order":7}',
      "--mock-error",
      "CardDeclined",
      "--mock-cause",
      "no cover",
      "--retries",
      "3",
    ],
    exit: 0,
    out: "✗ CAUGHT_ERROR\n  CardDeclined: no cover\n  Retry[0] is exhausted; Catch[0] takes it\n",
  },
  "one that is tried again says when": {
    args: [
      "machine.asl.json",
      "Charge",
      "--input",
      '{"order":7}',
      "--mock-error",
      "CardDeclined",
      "--retries",
      "2",
    ],
    exit: 1,
    out: "✗ RETRIABLE\n  CardDeclined\n  Retry[0] tries again in 8 s\n",
  },
  "a state on its own, in YAML, with variables": {
    args: ["state.yaml", "--input", '{"n":4}', "--variables", '{"factor":2}', "--json"],
    exit: 0,
    out: `${JSON.stringify({
      status: "SUCCEEDED",
      output: '{"twice":8}',
      inspectionData: { input: '{"n":4}', variables: '{"factor":2}' },
    })}\n`,
  },
  "a distributed Map is tested with the file that it would read": {
    args: [
      "map.asl.json",
      ...["--reader-data", "rows.csv", "--mock", "[1,2]", "--failed-iterations", "2", "--json"],
    ],
    exit: 1,
    out: `${JSON.stringify({
      status: "FAILED",
      error: "States.ExceedToleratedFailureThreshold",
      cause: "The specified tolerated failure threshold was exceeded",
      inspectionData: {
        input: "{}",
        afterItemSelector: '["Ann","Bo"]',
        maxConcurrency: 0,
        toleratedFailureCount: 1,
      },
    })}\n`,
  },
  "of a whole definition a state is to be named": {
    args: ["machine.asl.json"],
    exit: 2,
    err: "machine.asl.json is a whole definition: name one of its states (Charge, Ship, Apologise).",
  },
  "a state gives a result or fails": {
    args: ["machine.asl.json", "Charge", "--mock", "{}", "--mock-error", "E"],
    exit: 2,
    err: "--mock and --mock-error exclude each other",
  },
  "a mock that the API cannot have answered is refused": {
    args: ["machine.asl.json", "Charge", "--mock", '{"StatusCode":"200"}'],
    exit: 1,
    err: "Mock result schema validation error: Field 'StatusCode' must be a number",
  },
};

const folder = mkdtempSync(join(tmpdir(), "stepwell-test-state-"));
let server: Server;
let url: string;

before(async () => {
  writeFileSync(join(folder, "machine.asl.json"), JSON.stringify(MACHINE));
  writeFileSync(join(folder, "state.yaml"), YAML);
  writeFileSync(join(folder, "map.asl.json"), JSON.stringify(MAP));
  writeFileSync(join(folder, "rows.csv"), "name,age\nAnn,4\nBo,7\n");
  const scope = { account: "000000000000", region: "us-east-1" };
  const api = createApi(createFakeEngine(), { ...scope, limits: SERVICE_LIMITS, activityPollMs: 1_000 });
  server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const operation = String(request.headers["x-amz-target"]).replace("AWSStepFunctions.", "");
      const answer = await api
        .call(operation, JSON.parse(body) as JsonObject, scope, new AbortController().signal)
        .catch((error: unknown) => {
          if (!(error instanceof ServiceError)) throw error;
          return { __type: error.code, message: error.message };
        });
      response.writeHead("__type" in answer ? 400 : 200).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

for (const [name, { args, exit, out, err }] of Object.entries(cases)) {
  test(name, async () => {
    const terminal = fakeTerminal(["test-state", ...args, "--endpoint", url], { workingDirectory: folder });
    assert.equal(await runCli(terminal.environment), exit, terminal.err());
    if (err === undefined) assert.equal(terminal.err(), "");
    else assert.ok(terminal.err().includes(err), terminal.err());
    if (out !== undefined) assert.equal(terminal.out().slice(0, out.length), out);
  });
}
