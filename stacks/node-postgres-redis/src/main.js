// Start and stop.
import { buildApp } from './app.js';
import { ConfigError, readConfig } from './config.js';

// Below the 10 s after which a container engine sends SIGKILL.
const DRAIN_LIMIT_MS = 8000;

function readOrExit() {
  try {
    return readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(JSON.stringify({ time: Date.now(), level: 60, msg: `settings: ${error.message}` }));
    process.exit(1);
  }
}

const app = buildApp(readOrExit());
let isStopping = false;

async function stop(signal) {
  if (isStopping) return;
  isStopping = true;
  app.log.info(`${signal}: stopping`);
  setTimeout(() => {
    app.log.error('the drain took too long');
    process.exit(1);
  }, DRAIN_LIMIT_MS).unref();
  await app.close();
  app.log.info('stopped');
  process.exit(0);
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
await app.listen({ host: '0.0.0.0', port: 3000 });
