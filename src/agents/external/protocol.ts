import type { ProblemCode } from '../../core/problems/index.ts';
import type { ActionContext } from '../../core/agent.ts';
import type { ActionDdl, ObjectSchema } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { FailedReply, replyStatus } from '../../core/request/reply.ts';
import { exchange, type Program } from './exchange.ts';

/** Choria's contract with external agents, version 1. */
const activation = 'io.choria.mcorpc.external.v1.activation_request';
const rpc = 'io.choria.mcorpc.external.v1.rpc_request';
const schemas = 'https://choria.io/schemas/mcorpc/external/v1';

/** Milliseconds for an agent to report whether it wants to be active. */
const activationTime = 10_000;

/** The only collective: the fleet. */
const collective = 'mcollective';

/** Asks an agent whether it is useful on this node. @throws Problem as {@link exchange} */
export async function requestActivation(program: Program): Promise<boolean> {
  const request = { $schema: `${schemas}/activation_request.json`, protocol: activation, agent: program.name };
  const reply = await exchange(program, { protocol: activation, request, timeout: activationTime });
  return reply.activate === true;
}

/** Runs an action of an agent. @throws FailedReply with the status that the agent gave, Problem as {@link exchange} */
export async function callProgram(
  program: Program,
  name: string,
  action: ActionDdl,
  data: JsonObject,
  context: ActionContext,
): Promise<JsonObject> {
  const request = {
    $schema: `${schemas}/rpc_request.json`,
    protocol: rpc,
    agent: program.name,
    action: name,
    requestid: context.requestId,
    senderid: context.caller.replace(/^[a-z]+=/, ''),
    callerid: context.caller,
    collective,
    ttl: 60,
    msgtime: Math.floor(Date.now() / 1000),
    data,
  };
  const timeout = action.timeout * 1000;
  return readReply(
    await exchange(program, { protocol: rpc, request, timeout, signal: context.signal }),
    program,
    action,
  );
}

/** The codes of the SimpleRPC statuses. */
const codes: Readonly<Record<number, ProblemCode>> = {
  [replyStatus.failed]: 'action-failed',
  [replyStatus.unknownAction]: 'unknown-action',
  [replyStatus.missingInput]: 'invalid-input',
  [replyStatus.invalidInput]: 'invalid-input',
  [replyStatus.other]: 'agent-error',
};

function readReply({ statuscode, statusmsg, data }: JsonObject, { name }: Program, action: ActionDdl): JsonObject {
  const fields = data ?? {};
  if (!isObject(fields)) throw new Problem('bad-reply', `the agent ${name} replied with data that is not an object`);
  const output = { ...defaultsOf(action.output), ...fields };
  if (statuscode === replyStatus.ok) return output;
  const code = typeof statuscode === 'number' ? codes[statuscode] : undefined;
  if (code === undefined) throw new Problem('bad-reply', `the agent ${name} replied with no status code from 0 to 5`);
  const message = typeof statusmsg === 'string' && statusmsg !== '' ? statusmsg.slice(0, 4096) : `${name} failed`;
  throw new FailedReply(code, message, Number(statuscode), output);
}

function defaultsOf(output: ObjectSchema): JsonObject {
  const { properties = {} } = output as { properties?: Record<string, { default?: unknown }> };
  const filled = Object.entries(properties).filter(([, schema]) => schema.default !== undefined);
  return Object.fromEntries(filled.map(([name, schema]) => [name, structuredClone(schema.default)]));
}
