// Runs on the mail host: takes mail by SMTP and webhooks by HTTP and writes each down as a line of JSON.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { inbox } from './files/mail.ts';

function write(file: string, message: object): void {
  appendFileSync(`/${file}`, `${JSON.stringify(message)}\n`);
}

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  onData: (stream, { envelope }, done) => {
    const received = text(stream).then((data) => {
      const { mailFrom, rcptTo } = envelope;
      write(inbox.mail, { from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map((to) => to.address), data });
    });
    received.then(() => done(), done);
  },
});

const web = createServer(async (request, response) => {
  write(inbox.webhooks, {
    method: request.method,
    url: request.url,
    headers: request.headers,
    body: await text(request),
  });
  response.writeHead(204).end();
});

let open = 2;
function opened(): void {
  open -= 1;
  if (open === 0) process.stdout.write('{"msg":"listening"}\n');
}
smtp.listen(25, opened);
web.listen(80, opened);
