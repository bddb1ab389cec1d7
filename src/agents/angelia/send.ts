import type { AgentSetup } from '../../core/agent.ts';
import type { BodyValues } from './channels/format.ts';
import type { AngeliaConfig } from './config.ts';
import { execute } from './channels/execute.ts';
import { DeliveryFailure } from './channels/failure.ts';
import { sendMail } from './channels/mail.ts';
import type { Message } from './message.ts';
import { post } from './channels/post.ts';
import { parseRecipient, type Route } from './recipient.ts';

/** Sends a message once, over the current channel of its recipient. @throws DeliveryFailure */
export async function sendMessage(
  message: Message,
  { config, node, run }: AgentSetup<AngeliaConfig>,
  signal: AbortSignal,
): Promise<void> {
  const route = findRoute(message, config);
  if (route.kind === 'mail') return sendMail(route.smtp, route.address, message, signal);
  const { id, subject, message: text, recipient, priority, caller, acceptedAt } = message;
  const time = new Date(acceptedAt).toISOString();
  const variables = { address: route.address, priority, node: node.identity, caller, time };
  const values: BodyValues = { id, subject, message: text, recipient, ...variables };
  if (route.kind === 'post') return post(route.endpoint, values, signal);
  return execute(route.command, values, run, config.timeout * 1000, signal);
}

/** The configuration may have changed while the message waited; it may change back. */
function findRoute({ recipient }: Message, config: AngeliaConfig): Route {
  try {
    return parseRecipient(recipient, config);
  } catch (cause) {
    throw new DeliveryFailure(cause instanceof Error ? cause.message : String(cause), false, 0, { cause });
  }
}
