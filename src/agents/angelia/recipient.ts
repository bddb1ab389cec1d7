import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { AngeliaConfig, CommandConfig, EndpointConfig, SmtpConfig } from './config.ts';

/** The channel and destination of a message. */
export type Route =
  | { readonly kind: 'mail'; readonly address: string; readonly smtp: SmtpConfig }
  | { readonly kind: 'post'; readonly address: string; readonly endpoint: EndpointConfig }
  | { readonly kind: 'exec'; readonly address: string; readonly command: CommandConfig };

const addressPattern =
  /^([A-Za-z0-9._+=~-]{1,64})@([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)$/;

/**
 * Finds the channel of a recipient. Only configured ones can be reached: with a free URL, a caller could make this node
 * call services that only it can see.
 * @throws Problem `bad-recipient`, `recipient-denied`, `unknown-recipient`
 */
export function parseRecipient(recipient: string, config: AngeliaConfig): Route {
  const colon = recipient.indexOf(':');
  const scheme = recipient.slice(0, colon);
  const rest = recipient.slice(colon + 1);
  if (colon < 1 || rest === '' || /[^!-~]/.test(recipient)) throw bad(recipient, 'it is not SCHEME:ADDRESS');
  switch (scheme) {
    case 'mailto':
      return mailRoute(recipient, rest, config.smtp);
    case 'webhook':
      return webhookRoute(rest, config);
    case 'exec':
      return execRoute(rest, config);
    case 'http':
    case 'https':
      return urlRoute(recipient, config);
    default:
      return pushRoute(recipient, scheme, rest.replace(/^\/\//, ''), config);
  }
}

function bad(recipient: string, why: string): Problem {
  return new Problem('bad-recipient', `the recipient ${JSON.stringify(recipient.slice(0, 128))} is refused: ${why}`);
}

function mailRoute(recipient: string, address: string, smtp: SmtpConfig | undefined): Route {
  const [, , domain] = addressPattern.exec(address) ?? [];
  if (domain === undefined || address.length > 320) throw bad(recipient, 'it is not a plain mail address');
  if (smtp === undefined) {
    throw new Problem('unknown-recipient', 'this node sends no mail', 'configure “smtp” for angelia');
  }
  if (smtp.domains !== undefined && !smtp.domains.includes(domain.toLowerCase())) {
    throw new Problem('recipient-denied', `mail to ${domain} is not allowed`, `allowed: ${smtp.domains.join(', ')}`);
  }
  return { kind: 'mail', address, smtp };
}

function webhookRoute(name: string, { webhooks = {} }: AngeliaConfig): Route {
  const found = Object.hasOwn(webhooks, name) ? webhooks[name] : undefined;
  if (found === undefined) {
    throw new Problem('unknown-recipient', `there is no webhook “${name}”`, suggest(name, Object.keys(webhooks)));
  }
  return { kind: 'post', address: name, endpoint: endpointOf(found) };
}

function execRoute(name: string, { commands = {} }: AngeliaConfig): Route {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    throw new Problem('unknown-recipient', `there is no command “${name}”`, suggest(name, Object.keys(commands)));
  }
  return { kind: 'exec', address: name, command };
}

/** A URL is only accepted when it is exactly a configured one. */
function urlRoute(recipient: string, { webhooks = {} }: AngeliaConfig): Route {
  const found = Object.values(webhooks)
    .map(endpointOf)
    .find(({ url }) => url === recipient);
  if (found !== undefined) return { kind: 'post', address: recipient, endpoint: found };
  throw new Problem(
    'recipient-denied',
    `messages to ${JSON.stringify(recipient.slice(0, 128))} are not allowed`,
    'use webhook:NAME with a name from the configuration of angelia',
  );
}

function pushRoute(recipient: string, scheme: string, address: string, { push = {} }: AngeliaConfig): Route {
  const endpoint = Object.hasOwn(push, scheme) ? push[scheme] : undefined;
  if (endpoint === undefined) {
    const known = ['mailto', 'webhook', 'exec', ...Object.keys(push)];
    throw new Problem('unknown-recipient', `this node has no channel for “${scheme}:”`, suggest(scheme, known));
  }
  if (address === '') throw bad(recipient, 'it has no address');
  return { kind: 'post', address, endpoint };
}

function endpointOf(webhook: string | EndpointConfig): EndpointConfig {
  return typeof webhook === 'string' ? { url: webhook } : webhook;
}
