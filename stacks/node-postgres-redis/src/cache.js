// The cache: a command that takes too long throws the connection away, because after a partition it would never come back.
import { Redis } from 'ioredis';

import { Unavailable } from './database.js';

const LIMIT_MS = 2000;
const LONGEST_PAUSE_MS = 2000;

export function openCache(config, log) {
  const redis = new Redis({
    ...config,
    connectTimeout: LIMIT_MS,
    commandTimeout: LIMIT_MS,
    keepAlive: 1000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 250, LONGEST_PAUSE_MS),
  });
  let last = '';
  redis.on('error', (error) => {
    const reason = error.message || error.code;
    if (reason !== last) log.warn(`cache ${config.host} is not available: ${reason}`);
    last = reason;
  });
  redis.on('ready', () => {
    last = '';
    log.info('connected to the cache');
  });

  async function command(run) {
    try {
      return await run(redis);
    } catch (error) {
      if (error.message === 'Command timed out') redis.disconnect(true);
      throw new Unavailable(`cache ${config.host} is not available: ${error.message}`);
    }
  }

  return {
    command,
    check: () => command((client) => client.ping()),
    close: () => redis.disconnect(),
  };
}
