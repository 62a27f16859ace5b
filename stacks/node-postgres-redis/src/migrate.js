// One-shot: brings the schema up to date, then ends. May run again at any time.
import pg from 'pg';

import { readConfig } from './config.js';

const client = new pg.Client({ ...readConfig().database, connectionTimeoutMillis: 5000 });
await client.connect();
await client.query(`CREATE TABLE IF NOT EXISTS items (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
)`);
await client.end();
console.log(JSON.stringify({ time: Date.now(), level: 30, msg: 'the schema is up to date' }));
