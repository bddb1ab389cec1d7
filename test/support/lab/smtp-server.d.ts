declare module 'smtp-server' {
  import type { Readable } from 'node:stream';

  interface Session {
    readonly envelope: {
      readonly mailFrom: false | { readonly address: string };
      readonly rcptTo: readonly { readonly address: string }[];
    };
  }

  export class SMTPServer {
    constructor(options: {
      readonly authOptional?: boolean;
      readonly disabledCommands?: readonly string[];
      readonly disableReverseLookup?: boolean;
      readonly onData?: (stream: Readable, session: Session, done: (error?: Error) => void) => void;
    });
    listen(port: number, listening: () => void): void;
  }
}
