// Settings from the environment, validated before anything else happens. NAME may be given as NAME_FILE, the path of a file
// that holds the value, as secret managers mount it.
import { readFileSync } from 'node:fs';

export class ConfigError extends Error {}

export function readConfig(environment = process.env) {
  const problems = [];
  const read = (name, usual) => {
    const path = environment[`${name}_FILE`];
    let value = environment[name];
    if (!value && path) {
      try {
        value = readFileSync(path, 'utf8').trim();
      } catch (error) {
        problems.push(`${name}_FILE can't be read: ${error.code}`);
        return '';
      }
    }
    if (!value && usual === undefined) problems.push(`${name} (or ${name}_FILE) is not set`);
    return value || usual || '';
  };
  const port = (name, usual) => {
    const text = read(name, usual);
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > 65535) problems.push(`${name} is not a port: ${text}`);
    return number;
  };
  const config = {
    database: {
      host: read('DB_HOST', 'db'),
      port: port('DB_PORT', '5432'),
      database: read('DB_NAME', 'app_db'),
      user: read('DB_USER', 'app_user'),
      password: read('DB_PASSWORD'),
    },
    cache: { host: read('REDIS_HOST', 'cache'), port: port('REDIS_PORT', '6379'), password: read('REDIS_PASSWORD') },
  };
  if (problems.length > 0) throw new ConfigError(problems.join('; '));
  return config;
}
