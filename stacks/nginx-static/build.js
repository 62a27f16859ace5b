// Puts the pages together: each gets the frame, and a style sheet whose name changes with its content.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

const style = readFileSync('site/style.css', 'utf8');
const styleName = `style.${createHash('sha256').update(style).digest('hex').slice(0, 8)}.css`;
const frame = readFileSync('site/frame.html', 'utf8');
mkdirSync('dist', { recursive: true });
writeFileSync(`dist/${styleName}`, style);
for (const page of readdirSync('site').filter((name) => name.endsWith('.page.html'))) {
  const text = frame.replace('{{style}}', styleName).replace('{{content}}', readFileSync(`site/${page}`, 'utf8'));
  writeFileSync(`dist/${page.replace('.page', '')}`, text);
}
