// Guesses and places: what helps a person to find the fault.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../src/asl/parse.ts";

/** `«` marks where the diagnostic must point; it is removed before parsing. */
const cases: readonly (readonly [name: string, text: string, suggestion: string | undefined])[] = [
  [
    "a misspelt field",
    '{"StartAt":"A","States":{"A":{"Type":"Pass",«"Nxet":"A","End":true}}}',
    'Did you mean "Next"?',
  ],
  [
    "a misspelt target",
    '{"StartAt":"Ship","States":{"Ship":{"Type":"Pass",«"Next":"Dnoe"},"Done":{"Type":"Succeed"}, "Done2":{"Type":"Pass","Next":"Done2"}}}',
    'Did you mean "Done"?',
  ],
  [
    "a misspelt type",
    '{"StartAt":"A","States":{"A":{"End":true, «"Type" : "pass"}}}',
    'Did you mean "Pass"?',
  ],
  [
    "an SDK action given as an optimised one",
    '{"StartAt":"A","States":{"A":{"Type":"Task",«"Resource":"arn:aws:states:::dynamodb:query","End":true}}}',
    'Did you mean "arn:aws:states:::aws-sdk:dynamodb:query"?',
  ],
  [
    "a misspelt action of our own API",
    '{"StartAt":"A","States":{"A":{"Type":"Task",«"Resource":"arn:aws:states:::aws-sdk:sfn:startExecutoin","End":true}}}',
    'Did you mean "arn:aws:states:::aws-sdk:sfn:startExecution"?',
  ],
  [
    "a pattern that the action does not have",
    '{"StartAt":"A","States":{"A":{"Type":"Task",«"Resource":"arn:aws:states:::sns:publish.sync","End":true}}}',
    "sns:publish can be called as [requestResponse, waitForTaskToken] only.",
  ],
  [
    "a substitution that was not filled in",
    '{"StartAt":"A","States":{"A":{"Type":"Task",«"Resource":"${ChargeArn}","End":true}}}',
    'The deployment substitution "${ChargeArn}" was not filled in.',
  ],
  [
    "a substitution that was not filled in, outside of quotes",
    '{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":«${Pause},"End":true}}}',
    'The deployment substitution "${Pause}" was not filled in.',
  ],
  [
    "an element of an array, past escapes and nested values",
    '{"StartAt":"A","States":{"A":{"Type":"Task","Comment":"\\"}{","Parameters":{"a":[1,{}]},"Resource":"arn:aws:states:::lambda:invoke","Retry":[{"ErrorEquals":["X"]},{"ErrorEquals":["Y",«7]}],"End":true}}}',
    undefined,
  ],
  [
    "a field deep in a template, where the location names only the object around it",
    '{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a":[0,{"x":1,«"b.$":"?"}]},"End":true}}}',
    undefined,
  ],
];

for (const [name, marked, suggestion] of cases) {
  test(name, () => {
    const offset = marked.indexOf("«");
    assert.ok(offset > 0);
    const { diagnostics } = parse(marked.replace("«", ""));
    const [first] = diagnostics;
    assert.equal(first?.severity, "ERROR");
    assert.deepEqual(
      [first.offset, suggestion === undefined ? undefined : first.suggestion],
      [offset, suggestion],
    );
  });
}
