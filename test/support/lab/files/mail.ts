import type { FileTree } from './file-tree.ts';

/** The path of the messages that the mail host received, below its root. */
export const inbox = { mail: 'var/lib/inbox/mail.jsonl', webhooks: 'var/lib/inbox/webhooks.jsonl' };

/** The host that messages are delivered to, by SMTP and by HTTP. */
export function mailFiles(): FileTree {
  return {
    [inbox.mail]: '',
    [inbox.webhooks]: '',
    'var/log/inbox.log': '',
    'services.sh':
      'setsid sh "$repository/build/node24" "$repository/test/support/lab/inbox.ts" </dev/null >>/var/log/inbox.log 2>&1 &\n',
  };
}
