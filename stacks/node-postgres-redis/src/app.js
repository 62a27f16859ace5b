// The HTTP side. Liveness says that the process answers; readiness that it can serve, which needs both dependencies.
import Fastify, { LogController } from 'fastify';

import { openCache } from './cache.js';
import { Unavailable, openDatabase } from './database.js';

export function buildApp(config) {
  const logController = new LogController({ disableRequestLogging: true });
  const app = Fastify({ logger: { level: 'info' }, logController, forceCloseConnections: 'idle' });
  const database = openDatabase(config.database, app.log);
  const cache = openCache(config.cache, app.log);
  const checks = { database, cache };
  const known = {};

  async function state(name) {
    try {
      await checks[name].check();
      if (known[name] !== 'ok') app.log.info(`${name} is available`);
      known[name] = 'ok';
    } catch (error) {
      if (known[name] !== error.message) app.log.warn(error.message);
      known[name] = error.message;
      return [name, 'unavailable'];
    }
    return [name, 'ok'];
  }

  app.get('/', async () => ({ status: 'alive' }));

  app.get('/health', async (_request, reply) => {
    const results = Object.fromEntries(await Promise.all(Object.keys(checks).map(state)));
    const isReady = Object.values(results).every((result) => result === 'ok');
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'healthy' : 'degraded', checks: results });
  });

  app.get('/items', async () => {
    const { rows } = await database.query('SELECT id, name, created_at FROM items ORDER BY id DESC LIMIT 100');
    const views = await cache.command((client) => client.incr('views'));
    return { items: rows, views };
  });

  const newItem = {
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: { name: { type: 'string', minLength: 1, maxLength: 200 } },
  };
  app.post('/items', { schema: { body: newItem } }, async (request, reply) => {
    const { rows } = await database.query('INSERT INTO items (name) VALUES ($1) RETURNING id, name, created_at', [request.body.name]);
    return reply.code(201).send(rows[0]);
  });

  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Unavailable) return reply.code(503).send({ error: 'a dependency is unavailable' });
    return reply.send(error);
  });

  app.addHook('onClose', async () => {
    app.log.info('requests are finished, closing the connections');
    cache.close();
    await database.close();
  });
  return app;
}
