import pg from 'pg';
import { readInput } from '../../core/files/read-input.ts';
import type { Row, SqlSourceConfig } from './config.ts';

/** Runs the query on PostgreSQL in a transaction that can only read. @throws Error of the server or the network */
export async function queryPostgres(config: SqlSourceConfig, signal: AbortSignal): Promise<Row[]> {
  const client = await openClient(config);
  const cancel = () => void client.end();
  signal.addEventListener('abort', cancel);
  try {
    await client.connect();
    await client.query('BEGIN TRANSACTION READ ONLY');
    // By the extended protocol, which accepts only one statement: nothing after it could end the transaction.
    const { rows } = await client.query<Row>({ text: config.query, values: [], name: 'nodes' });
    await client.query('ROLLBACK');
    return rows;
  } finally {
    signal.removeEventListener('abort', cancel);
    await client.end().catch(() => {});
  }
}

async function openClient({ url, password_file, ca, certificate, key, timeout }: SqlSourceConfig): Promise<pg.Client> {
  const read = async (file: string | undefined) => (file === undefined ? undefined : String(await readInput(file)));
  const [password, authority, cert, privateKey] = await Promise.all([password_file, ca, certificate, key].map(read));
  const client = new pg.Client({
    connectionString: withPassword(url, password),
    connectionTimeoutMillis: timeout * 1000,
    statement_timeout: timeout * 1000,
    query_timeout: timeout * 1000,
    application_name: 'mco-deploy',
    ...(authority === undefined
      ? {}
      : { ssl: { ca: authority, ...(cert ? { cert } : {}), ...(privateKey ? { key: privateKey } : {}) } }),
  });
  // A connection that breaks between queries is reported by the next query.
  client.on('error', () => {});
  return client;
}

/** In the address: beside one, pg takes no password. */
function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  const address = new URL(url);
  address.password = encodeURIComponent(password.trim());
  return address.href;
}
