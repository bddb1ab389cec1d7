import { readRevocations } from '../../ca/revocation/revocations.ts';
import { loadCredentials } from '../../core/credentials/credentials.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { openRequest, proveCaller, revealInput } from '../../core/request/request.ts';
import type { SignedRequest } from '../../core/wire/messages.ts';
import type { NodeConfig } from '../config/config.ts';
import { judgeTime } from '../stages/replay.ts';
import { receivedListFile } from '../system/live-keys.ts';
import { admitNonce } from './nonces.ts';
import type { HelperSettings } from './settings.ts';

/** A request with a proven operator, for this node, of this moment, and not repeated. */
export interface ProvenRequest {
  readonly id: string;
  readonly action: string;
  /** The name in the certificate. */
  readonly operator: string;
  readonly dryRun: boolean;
  readonly input: JsonObject;
}

/**
 * Proves a request independently: the helper does not trust the daemon that delivers it.
 * @param config the configuration in force, which names the trust
 * @throws Problem as {@link proveCaller}; `wrong-node`, `wrong-action`, `expired-request`, `replayed`
 */
export async function openChange(
  signed: SignedRequest,
  directory: string,
  config: NodeConfig,
  settings: HelperSettings,
): Promise<ProvenRequest> {
  const now = Date.now();
  const files = { ...config.tls, delivered: receivedListFile(config.state) };
  const { trust, credentials } = await loadCredentials(files, 'node', readRevocations, now);
  const opened = openRequest(signed);
  const { identity } = proveCaller(opened, trust, now);
  const { request } = opened;
  if (request.target !== credentials.identity.name) {
    throw new Problem('wrong-node', `the request is for ${request.target}, this is ${credentials.identity.name}`);
  }
  if (request.agent !== 'config' || !['apply', 'confirm'].includes(request.action)) {
    throw new Problem('policy-denied', `the helper does not serve ${request.agent}.${request.action}`);
  }
  const late = judgeTime(request, now, settings.clock_grace * 1000);
  if (late !== undefined) throw late;
  const input = revealInput(opened);
  const end = request.issuedAt + request.timeToLive + settings.clock_grace * 1000;
  await admitNonce(directory, request.nonce, end, now);
  return {
    id: request.requestId,
    action: request.action,
    operator: identity.name,
    dryRun: request.dryRun,
    input,
  };
}

/** @throws Problem `policy-denied` if the operator lacks the right for one of the kinds */
export function requireRights(operator: string, kinds: readonly string[], { rights }: HelperSettings): void {
  const own: readonly string[] = Object.hasOwn(rights, operator) ? (rights[operator] ?? []) : [];
  const missing = [...new Set(kinds)].filter((kind) => !own.includes(kind));
  if (missing.length === 0) return;
  const what = `${operator} has no right to write ${missing.join(', ')} of this node`;
  throw new Problem('policy-denied', what, 'it is given in fleet.yaml (“operators”) and applied over ssh');
}
