// Asks readiness from inside: the image has no curl.
const response = await fetch('http://127.0.0.1:3000/health', { signal: AbortSignal.timeout(4000) }).catch(() => undefined);
process.exit(response?.ok ? 0 : 1);
