/** The executables of new agents: each has one action, `hello`, and the contract around it. */
export const skeletons = {
  bash: `#!/bin/bash
# An agent, called as: FILE REQUEST REPLY PROTOCOL (the contract of Choria's external agents).
# The DDL lets only letters and spaces through, so that sed is enough to read the input; use jq for anything else.
set -eu

reply() { printf '%s\\n' "$1" >"$CHORIA_EXTERNAL_REPLY"; }
field() { sed -n 's/.*"'"$1"'":"\\([A-Za-z0-9_ ]*\\)".*/\\1/p' "$CHORIA_EXTERNAL_REQUEST"; }

case "$CHORIA_EXTERNAL_PROTOCOL" in
  *.activation_request) reply '{"activate": true}' ;;
  *)
    case "$(field action)" in
      hello) reply "{\\"statuscode\\": 0, \\"statusmsg\\": \\"\\", \\"data\\": {\\"message\\": \\"Hello $(field name)\\"}}" ;;
      *) reply '{"statuscode": 2, "statusmsg": "unknown action", "data": {}}' ;;
    esac
    ;;
esac
`,
  python: `#!/usr/bin/python3
"""An agent, called as: FILE REQUEST REPLY PROTOCOL (the contract of Choria's external agents)."""
import json
import os


def hello(data):
    return {"message": "Hello %s" % data["name"]}


ACTIONS = {"hello": hello}


def answer(request):
    if os.environ["CHORIA_EXTERNAL_PROTOCOL"].endswith(".activation_request"):
        return {"activate": True}
    action = ACTIONS.get(request["action"])
    if action is None:
        return {"statuscode": 2, "statusmsg": "unknown action", "data": {}}
    try:
        return {"statuscode": 0, "statusmsg": "", "data": action(request["data"])}
    except Exception as error:
        return {"statuscode": 1, "statusmsg": str(error), "data": {}}


with open(os.environ["CHORIA_EXTERNAL_REQUEST"]) as file:
    received = json.load(file)
with open(os.environ["CHORIA_EXTERNAL_REPLY"], "w") as file:
    json.dump(answer(received), file)
`,
  node: `#!/usr/bin/env node
// An agent, called as: FILE REQUEST REPLY PROTOCOL (the contract of Choria's external agents).
const { readFileSync, writeFileSync } = require('node:fs');

const actions = new Map([['hello', ({ name }) => ({ message: \`Hello \${name}\` })]]);

function answer({ action, data }) {
  if (process.env.CHORIA_EXTERNAL_PROTOCOL.endsWith('.activation_request')) return { activate: true };
  const handler = actions.get(action);
  if (handler === undefined) return { statuscode: 2, statusmsg: 'unknown action', data: {} };
  try {
    return { statuscode: 0, statusmsg: '', data: handler(data) };
  } catch (error) {
    return { statuscode: 1, statusmsg: error.message, data: {} };
  }
}

const request = JSON.parse(readFileSync(process.env.CHORIA_EXTERNAL_REQUEST, 'utf8'));
writeFileSync(process.env.CHORIA_EXTERNAL_REPLY, JSON.stringify(answer(request)));
`,
} as const;

/** The description that goes with each of them. */
export function description(name: string): string {
  const input = {
    prompt: 'Name',
    description: 'Who to greet',
    type: 'string',
    optional: false,
    validation: '^[A-Za-z ]+$',
    maxlength: 64,
  };
  const output = { message: { description: 'The greeting', display_as: 'Message', type: 'string' } };
  const ddl = {
    $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
    metadata: {
      name,
      description: 'What the agent does',
      author: 'Who maintains it',
      license: 'Apache-2.0',
      version: '0.1.0',
      url: '',
      timeout: 10,
    },
    actions: [
      { action: 'hello', description: 'Says hello', display: 'always', kind: 'read', input: { name: input }, output },
    ],
  };
  return `${JSON.stringify(ddl, null, 2)}\n`;
}
