// The database: every wait has a limit, so a frozen one looks like a dead one, and a connection whose query failed is thrown away.
import pg from 'pg';

const LIMIT_MS = 2000;

export class Unavailable extends Error {}

export function openDatabase(config, log) {
  const pool = new pg.Pool({
    ...config,
    max: 10,
    connectionTimeoutMillis: LIMIT_MS,
    query_timeout: LIMIT_MS,
    keepAlive: true,
    application_name: 'node-postgres-redis',
  });
  // An idle connection that breaks is replaced by the next one that is asked for.
  pool.on('error', (error) => log.warn(`database: an idle connection broke (${error.message})`));

  async function query(text, values) {
    let client;
    try {
      client = await pool.connect();
    } catch (error) {
      throw new Unavailable(`database ${config.host} is not available: ${error.message || error.code}`);
    }
    // A connection that breaks while it is lent out says so here, too.
    const onError = () => {};
    client.on('error', onError);
    let failure;
    try {
      return await client.query(text, values);
    } catch (error) {
      failure = error;
      // What the server says of a statement comes with a code of five characters; class 23 is about the data.
      if (error.code?.startsWith('23')) throw error;
      throw new Unavailable(`database ${config.host} is not available: ${error.message || error.code}`);
    } finally {
      client.removeListener('error', onError);
      client.release(failure);
    }
  }

  return {
    query,
    check: () => query('SELECT 1'),
    close: () => Promise.race([pool.end(), new Promise((resolve) => setTimeout(resolve, LIMIT_MS).unref())]),
  };
}
