import { DatabaseSync } from 'node:sqlite';
import type { Row, SqlSourceConfig } from './config.ts';

/** Runs the query on an SQLite file, which is opened read-only. @throws Error of SQLite */
export function querySqlite({ url, query, timeout }: SqlSourceConfig): Row[] {
  const file = url.slice('sqlite:'.length).replace(/^\/\//, '');
  const database = new DatabaseSync(file, { readOnly: true, timeout: timeout * 1000 });
  try {
    return database.prepare(query).all() as Row[];
  } finally {
    database.close();
  }
}
