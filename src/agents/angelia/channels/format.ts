import type { Priority } from '../message.ts';
import type { formats } from '../config.ts';

/** The fields of a message for the body, which a template may name. */
export interface BodyValues {
  readonly id: string;
  readonly subject: string;
  readonly message: string;
  /** The recipient as the caller wrote it, and the part after its scheme. */
  readonly recipient: string;
  readonly address: string;
  readonly priority: Priority;
  readonly node: string;
  readonly caller: string;
  /** ISO 8601. */
  readonly time: string;
}

/** The body before encoding. */
export type Posted =
  | { readonly as: 'json'; readonly content: object }
  | { readonly as: 'form'; readonly content: Record<string, string> };

type Service = (values: BodyValues, token: string) => Posted;

/** The bodies of known services, by their own documentation. */
export const services: Readonly<Record<Exclude<(typeof formats)[number], 'json' | 'form'>, Service>> = {
  slack: ({ subject, message }) => json({ text: `*${slackText(subject)}*\n${slackText(message)}` }),
  mattermost: ({ subject, message }) => json({ text: quiet(`**${subject}**\n${message}`) }),
  teams: ({ subject, message }) =>
    json({
      type: 'message',
      attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content: card(subject, message) }],
    }),
  ntfy: ({ address, subject, message, priority }) =>
    json({ topic: address, title: subject, message, priority: { low: 2, normal: 3, high: 4 }[priority] }),
  pushover: ({ address, subject, message, priority }, token) =>
    form({ token, user: address, title: subject, message, priority: { low: '-1', normal: '0', high: '1' }[priority] }),
  boxcar: ({ address, subject, message }) =>
    form({ user_credentials: address, 'notification[title]': subject, 'notification[long_message]': message }),
};

function json(content: object): Posted {
  return { as: 'json', content };
}

function form(content: Record<string, string>): Posted {
  return { as: 'form', content };
}

/** Slack's own escapes: a message can neither link nor notify the whole channel by `<!channel>`. */
function slackText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Mattermost has no escape for a mention of everybody: a character without width splits it. */
function quiet(text: string): string {
  return text.replaceAll(/@(?=(?:all|channel|here)\b)/gi, '@\u200b');
}

function card(subject: string, message: string): object {
  const block = (text: string) => ({ type: 'TextBlock', text, wrap: true });
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [{ ...block(subject), weight: 'Bolder' }, block(message)],
  };
}
