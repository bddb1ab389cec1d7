import { errnoOf, explainErrno } from '../../../core/errors.ts';
import type { SmtpConfig } from '../config.ts';
import { DeliveryFailure } from './failure.ts';
import type { Message } from '../message.ts';
import { readAuthorities, readSecret } from '../secret.ts';

/** Errors of nodemailer in this node's or the server's configuration: the message itself may be fine. */
const configuration = ['EAUTH', 'ENOAUTH', 'ETLS', 'EREQUIRETLS'];

/**
 * The same on every node that sends the message (RFC 5322 section 3.6.4), so that a receiver can drop a second copy.
 */
export function messageIdOf({ id }: Pick<Message, 'id'>, { from }: Pick<SmtpConfig, 'from'>): string {
  return `<${id}.mco-deploy@${from.slice(from.indexOf('@') + 1)}>`;
}

/**
 * Passes a message to the mail server (RFC 5321). If the connection is lost after the message was sent and before the
 * server said 250, nobody knows whether it was accepted: it is sent again, under the same Message-ID.
 * @throws DeliveryFailure
 */
export async function sendMail(smtp: SmtpConfig, to: string, message: Message, signal: AbortSignal): Promise<void> {
  const [{ default: SmtpConnection }, content, auth, ca] = await Promise.all([
    import('nodemailer/lib/smtp-connection'),
    compose(smtp, to, message),
    credentialsOf(smtp),
    smtp.ca_file === undefined ? undefined : readAuthorities(smtp.ca_file),
  ]).catch((error) => {
    throw asFailure(error, smtp, signal);
  });
  const connection = new SmtpConnection({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.tls === 'implicit',
    ignoreTLS: smtp.tls === 'none',
    requireTLS: smtp.tls === 'required',
    opportunisticTLS: smtp.tls === 'opportunistic',
    tls: { rejectUnauthorized: smtp.tls !== 'opportunistic', ...(ca === undefined ? {} : { ca }) },
    allowInternalNetworkInterfaces: true,
    socketCloseTimeout: 1000,
  });
  let giveUp = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      giveUp = () => reject(new Error('cancelled'));
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      const orFail = (next: () => void) => (error?: Error | null) => (error ? reject(error) : next());
      const deliver = () => connection.send({ from: smtp.from, to }, content, orFail(resolve));
      const login = () => (auth === undefined ? deliver() : connection.login(auth, orFail(deliver)));
      connection.on('error', reject);
      connection.connect(orFail(login));
    });
    connection.quit();
  } catch (error) {
    throw asFailure(error, smtp, signal);
  } finally {
    signal.removeEventListener('abort', giveUp);
    connection.close();
  }
}

/** RFC 2156 section 5.3.4, and the headers that mail programs also read. */
const importance = {
  low: { Importance: 'low', 'X-Priority': '5' },
  normal: {},
  high: { Importance: 'high', 'X-Priority': '1' },
} as const;

async function compose(smtp: SmtpConfig, to: string, message: Message): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const mail = new MailComposer({
    from: smtp.from,
    to,
    subject: message.subject,
    text: message.message,
    messageId: messageIdOf(message, smtp),
    date: new Date(message.acceptedAt),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Mco-Caller': message.caller, ...importance[message.priority] },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return mail.compile().build();
}

async function credentialsOf({ user, password_file }: SmtpConfig) {
  if (user === undefined || password_file === undefined) return undefined;
  return { user, pass: await readSecret(password_file) };
}

function asFailure(error: unknown, { host, port }: SmtpConfig, signal: AbortSignal): DeliveryFailure {
  if (error instanceof DeliveryFailure) return error;
  const code = errnoOf(error);
  const reply = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0;
  const why = signal.aborted ? 'no answer in time' : explainErrno(error).replace(/\p{C}/gu, ' ').slice(0, 300);
  const permanent = (reply >= 500 && reply <= 599 && !configuration.includes(code)) || (code === 'EENVELOPE' && !reply);
  return new DeliveryFailure(`the mail server ${host}:${port}: ${why}`, permanent, 0, { cause: error });
}
