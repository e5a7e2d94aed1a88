import { basename } from 'node:path';

export const dynamic = 'force-dynamic';

export function GET() {
  return new Response(`version 1, release ${basename(process.cwd())}\n`);
}
